package io.diffuscope.sampling;

import io.diffuscope.data.ContentHash;
import io.diffuscope.data.DataSet;
import io.diffuscope.data.DataSets;
import io.diffuscope.model.NetworkSettings;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import java.util.Arrays;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/**
 * Which class each noise of a class-conditional network stands for: a function of the noise's index
 * alone, round robin over the classes in use, so that all checkpoints and references agree on it.
 *
 * <p>In use are the classes that every labelled set has, in ascending order; without any labels all
 * classes of the network.
 */
final class ClassLabels {
  /** Stands for "no class" wherever a denoiser takes labels. */
  static final int NO_CLASS = -1;

  private final int[] classes;
  private final boolean hasNullLabel;
  private final int @Nullable [] train;
  private final int @Nullable [] holdout;

  private ClassLabels(
      int[] classes, boolean hasNullLabel, int @Nullable [] train, int @Nullable [] holdout) {
    this.classes = classes;
    this.hasNullLabel = hasNullLabel;
    this.train = train;
    this.holdout = holdout;
  }

  /**
   * The classes of a network and its sets; null for a network that knows none.
   *
   * @throws BadInputException MISMATCH where a set has labels that the network does not know, or
   *     the sets have no class in common
   */
  static @Nullable ClassLabels of(NetworkSettings network, DataSet train, @Nullable DataSet holdout)
      throws BadInputException {
    Integer count = network.classes();
    if (count == null) {
      return null;
    }
    if (holdout != null) {
      DataSets.requireSameClasses(train, holdout);
    }
    int[] trainLabels = train.labels();
    int[] holdoutLabels = holdout == null ? null : holdout.labels();
    BitSet inUse = new BitSet();
    inUse.set(0, count);
    if (trainLabels != null) {
      inUse.and(classesOf(train, trainLabels, count));
    }
    if (holdout != null && holdoutLabels != null) {
      inUse.and(classesOf(holdout, holdoutLabels, count));
    }
    if (holdout != null && inUse.isEmpty()) {
      throw new BadInputException(
          holdout.source(),
          Reason.MISMATCH,
          "the hold-out set has no class in common with the training set "
              + train.source()
              + "; draw both from the same classes",
          null);
    }
    return new ClassLabels(
        inUse.stream().toArray(), network.nullLabel() != null, trainLabels, holdoutLabels);
  }

  private static BitSet classesOf(DataSet set, int[] labels, int count) throws BadInputException {
    BitSet found = new BitSet();
    for (int i = 0; i < labels.length; i++) {
      if (labels[i] >= count) {
        throw new BadInputException(
            set.source(),
            Reason.MISMATCH,
            "point %d (counted from 0) has the label %d, but the network knows the classes 0 to %d: give the labels that it was trained with"
                .formatted(i, labels[i], count - 1),
            null);
      }
      found.set(labels[i]);
    }
    return found;
  }

  /** The class of a noise. */
  int ofNoise(long index) {
    return classes[(int) (index % classes.length)];
  }

  /**
   * The classes of a block of noises, {@code [batch]}. Rows that only fill the block up get the
   * first class in use: any one that the sets have would do.
   *
   * @param first index of the first noise
   * @param rows rows that count
   */
  int[] ofBlock(long first, int rows, int batch) {
    int[] labels = new int[batch];
    Arrays.fill(labels, classes[0]);
    for (int i = 0; i < rows; i++) {
      labels[i] = ofNoise(first + i);
    }
    return labels;
  }

  /** The classes of a set's points, {@code [N]}; null where it has no labels, or is no set. */
  int @Nullable [] ofPoints(Reference set) {
    return switch (set) {
      case TRAIN -> train;
      case HOLDOUT -> holdout;
      case TEACHER, PEER, PREVIOUS, GENERATED -> null;
    };
  }

  /**
   * Whether the denoising losses of both sets can be compared: with the images' own classes where
   * both have them, else without a class, if the network was trained to do without.
   */
  boolean allowDenoising() {
    return usesOwnClasses() || hasNullLabel;
  }

  /** Whether each image's denoising loss is that of its own class. */
  boolean usesOwnClasses() {
    return train != null && holdout != null;
  }

  /** Names everything here that changes a number. */
  String key() {
    return ContentHash.of(
        ContentHash.of(classes),
        train == null ? "" : ContentHash.of(train),
        holdout == null ? "" : ContentHash.of(holdout));
  }

  /**
   * Names what determines a reference's endpoints besides its content: the classes of noises and
   * points.
   */
  String key(Reference reference) {
    int[] points = ofPoints(reference);
    return ContentHash.of(ContentHash.of(classes), points == null ? "" : ContentHash.of(points));
  }
}
