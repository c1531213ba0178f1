package io.diffuscope.statistics;

/**
 * Share of samples that are authentic: farther from their nearest training point than that point is
 * from its nearest other training point (Alaa et al. 2022, arXiv 2102.08921, as in dgm-eval).
 *
 * <p>A model that draws from the training distribution is authentic in about half of the samples,
 * so only a share well below that speaks of copies. Duplicates in the training set have distance 0
 * to each other and make every sample near them authentic: group them first.
 */
public final class Authenticity {
  private Authenticity() {}

  /**
   * The share, with Wilson's interval over samples, given the training set.
   *
   * @param toTrain distance of each sample to its nearest training point, {@code [M]}
   * @param trainToOther for the same training point, its distance to its nearest other training
   *     point, {@code [M]}
   * @throws IllegalArgumentException if there is none, or the lengths differ
   */
  public static Estimate of(double[] toTrain, double[] trainToOther) {
    if (toTrain.length != trainToOther.length || toTrain.length == 0) {
      throw new IllegalArgumentException(
          "authenticity needs two distances for each sample: got %d and %d"
              .formatted(toTrain.length, trainToOther.length));
    }
    long authentic = 0;
    for (int i = 0; i < toTrain.length; i++) {
      authentic += toTrain[i] > trainToOther[i] ? 1 : 0;
    }
    return Proportions.share(authentic, toTrain.length);
  }
}
