package io.diffuscope.sampling;

import ai.djl.ndarray.NDManager;
import io.diffuscope.sampling.Observation.RepresentationObservation;
import io.diffuscope.statistics.ClassSubspaces;
import io.diffuscope.statistics.Estimate;
import io.diffuscope.statistics.FeatureMatrix;
import io.diffuscope.statistics.LogisticProbe;
import io.diffuscope.tensorfile.BadInputException;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What a representation tells of the classes of images at one noise level, by the protocol of arXiv
 * 2502.05743, appendix D: features are divided by their norm and centred; a logistic regression on
 * those of training images is tested on others, and the signal-to-noise ratio is that of training
 * images about the top five singular vectors of each class.
 */
final class RepresentationTask implements Task<RepresentationObservation> {
  private final NDManager manager;
  private final int level;
  private final double sigma;
  private final ProbedImages images;
  private final NoisyFeatures features;
  private final double[][][] bases;
  private @Nullable FeatureMatrix fitted;
  private LogisticProbe.@Nullable Fit fit;
  private int based;

  /**
   * One noise level.
   *
   * @param level its position among the levels
   * @param features of the images, in their order
   */
  RepresentationTask(
      NDManager parent, int level, double sigma, ProbedImages images, NoisyFeatures features) {
    this.manager = parent.newSubManager();
    this.level = level;
    this.sigma = sigma;
    this.images = images;
    this.features = features;
    this.bases = new double[images.classes()][][];
  }

  @Override
  public boolean advance() throws BadInputException {
    if (features.advance(manager)) {
      return true;
    }
    ProbedImages.Part part = images.fit();
    FeatureMatrix rows = fitted;
    LogisticProbe.Fit probe = fit;
    if (rows == null || probe == null) {
      rows = FeatureMatrix.ofTrain(features.rows(0, part.size()));
      fitted = rows;
      fit =
          LogisticProbe.begin(
              rows.rows(), part.labels(), images.classes(), LogisticProbe.DEFAULT_C);
      return true;
    }
    if (probe.advance()) {
      return true;
    }
    if (based < bases.length) {
      bases[based] =
          ClassSubspaces.basis(rows, part.labels(), based, ClassSubspaces.PAPER_DIMENSION);
      based++;
    }
    return based < bases.length;
  }

  @Override
  public double progress() {
    LogisticProbe.Fit probe = fit;
    double probed = probe == null ? 0 : based > 0 ? 1 : probe.progress();
    return (features.progress() + probed + (double) based / bases.length) / 3;
  }

  @Override
  public RepresentationObservation result() {
    FeatureMatrix rows = fitted;
    LogisticProbe.Fit probe = fit;
    if (rows == null || probe == null) {
      throw new IllegalStateException("the features come first");
    }
    ProbedImages.Part part = images.test();
    FeatureMatrix tested = rows.ofTest(features.rows(images.fit().size(), images.count()));
    double[] correct = probe.result().correct(tested.rows(), part.labels());
    BitSet right = new BitSet();
    for (int i = 0; i < correct.length; i++) {
      right.set(i, correct[i] > .5);
    }
    return new RepresentationObservation(
        level, sigma, correct.length, right.toByteArray(), snr(rows.rows(), images.fit().labels()));
  }

  /** Of the classes that have enough images; null without any. */
  private @Nullable Estimate snr(double[][] rows, int[] labels) {
    int[] enough = ofLargeClasses(labels);
    if (enough.length == 0) {
      return null;
    }
    double[][] some = Arrays.stream(enough).mapToObj(i -> rows[i]).toArray(double[][]::new);
    int[] own = Arrays.stream(enough).map(i -> labels[i]).toArray();
    return ClassSubspaces.given(bases).snr(some, own).orElse(null);
  }

  /**
   * Images of classes that have more than twice as many as their subspaces have directions: of
   * fewer there is little or nothing outside.
   */
  static int[] ofLargeClasses(int[] labels) {
    Map<Integer, Long> sizes =
        Arrays.stream(labels)
            .boxed()
            .collect(Collectors.groupingBy(label -> label, Collectors.counting()));
    return IntStream.range(0, labels.length)
        .filter(i -> sizes.getOrDefault(labels[i], 0L) > 2L * ClassSubspaces.PAPER_DIMENSION)
        .toArray();
  }

  @Override
  public void close() {
    manager.close();
  }
}
