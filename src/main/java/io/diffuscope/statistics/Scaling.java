package io.diffuscope.statistics;

/** Where a run stands on the axis of the memorization-to-generalization transition. */
public final class Scaling {
  private Scaling() {}

  /**
   * log2(N / sqrt(parameters)), the abscissa of the tutorial slides on arXiv 2505.20123 (ICCV 2025,
   * lecture III-1): memorization at its lower end, generalization at its upper; where between them
   * depends on data and architecture.
   *
   * @param trainSize N, training points
   * @param parameters of the network
   * @throws IllegalArgumentException unless both are positive
   */
  public static double of(long trainSize, long parameters) {
    if (trainSize <= 0 || parameters <= 0) {
      throw new IllegalArgumentException(
          "scaling needs training points and parameters: got %d and %d"
              .formatted(trainSize, parameters));
    }
    return Math.log((double) trainSize / Math.sqrt((double) parameters)) / Math.log(2);
  }
}
