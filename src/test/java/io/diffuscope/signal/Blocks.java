package io.diffuscope.signal;

import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.sampling.Reference;
import io.diffuscope.statistics.Estimate;
import java.util.Arrays;
import java.util.Map;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.jspecify.annotations.Nullable;

/** Observations made by hand, and estimates looked up. */
final class Blocks {
  private Blocks() {}

  /** A block with these squared distances to the training set's flow, all else trivial. */
  static SampleObservation squared(int block, long first, double... squared) {
    return new SampleObservation(
        block,
        first,
        Map.of(Reference.TRAIN, squared),
        new int[squared.length],
        filled(squared.length, 1),
        filled(squared.length, 2),
        null,
        null,
        new boolean[squared.length],
        null);
  }

  /** A block with these distances to the training set. */
  static SampleObservation neighbours(int block, double[] first, double[] second) {
    return new SampleObservation(
        block,
        0,
        Map.of(),
        new int[first.length],
        first,
        second,
        null,
        null,
        new boolean[first.length],
        null);
  }

  /** A block with neighbours in both sets. */
  static SampleObservation pooled(
      int block, int[] train, double[] toTrain, int[] holdout, double[] toHoldout) {
    return new SampleObservation(
        block,
        0,
        Map.of(),
        train,
        toTrain,
        filled(train.length, 9),
        holdout,
        toHoldout,
        new boolean[train.length],
        null);
  }

  /** A block of random numbers of every kind. */
  static SampleObservation random(int block, int count, int points) {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(block);
    return new SampleObservation(
        block,
        (long) block * count,
        Map.of(
            Reference.TRAIN, random.doubles(count).toArray(),
            Reference.HOLDOUT, random.doubles(count).toArray()),
        random.ints(count, 0, points).toArray(),
        random.doubles(count).toArray(),
        random.doubles(count, 1, 2).toArray(),
        random.ints(count, 0, points).toArray(),
        random.doubles(count).toArray(),
        new boolean[count],
        random.doubles(count).toArray());
  }

  static Estimate value(Signal signal, Statistic statistic) {
    Estimate found = find(signal, statistic);
    if (found == null) {
      throw new AssertionError("no " + statistic);
    }
    return found;
  }

  static @Nullable Estimate find(Signal signal, Statistic statistic) {
    return signal.estimates(true).stream()
        .filter(estimate -> estimate.statistic() == statistic)
        .map(SignalEstimate::estimate)
        .findFirst()
        .orElse(null);
  }

  private static double[] filled(int length, double value) {
    double[] values = new double[length];
    Arrays.fill(values, value);
    return values;
  }
}
