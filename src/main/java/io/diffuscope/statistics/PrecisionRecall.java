package io.diffuscope.statistics;

/**
 * Precision and recall by nearest-neighbour balls (Kynkaanniemi et al. 2019, arXiv 1904.06991) with
 * density and coverage (Naeem et al. 2020, arXiv 2002.09797). A real point's ball reaches to its
 * k-th nearest other real point, a sample's to its k-th nearest other sample; balls are open.
 *
 * <ul>
 *   <li>precision: share of samples inside a real point's ball;
 *   <li>recall: share of real points inside a sample's ball;
 *   <li>density: mean over samples of (real balls around it) / k, 1 where samples and real points
 *       are alike, and not bounded by 1;
 *   <li>coverage: share of real points with a sample inside their ball.
 * </ul>
 *
 * <p>Intervals of precision and density are over samples, given the real points; of recall and
 * coverage over real points, given the samples. Shares have Wilson's. Neither holds the error of
 * the set that it takes as given: on small sets they are too narrow.
 *
 * @param precision Wilson interval, samples are the generated ones
 * @param recall Wilson interval, samples are the real points
 * @param density normal interval, samples are the generated ones
 * @param coverage Wilson interval, samples are the real points
 */
public record PrecisionRecall(
    Estimate precision, Estimate recall, Estimate density, Estimate coverage) {
  /** Neighbours that set a ball's radius, as in dgm-eval and Naeem et al. */
  public static final int DEFAULT_NEIGHBOURS = 5;

  /**
   * The k-th smallest distance of a point to the others of its own set.
   *
   * @param distances to every point of the set, its own included, {@code [n]}
   * @param self index of the point itself, which is left out
   * @param neighbours k
   * @throws IllegalArgumentException if the set has no k other points
   */
  public static double radius(double[] distances, int self, int neighbours) {
    if (neighbours < 1 || distances.length <= neighbours) {
      throw new IllegalArgumentException(
          "a radius of %d neighbours needs more points than that: got %d"
              .formatted(neighbours, distances.length));
    }
    double[] nearest = new double[neighbours];
    int held = 0;
    for (int j = 0; j < distances.length; j++) {
      if (j == self || (held == neighbours && !(distances[j] < nearest[held - 1]))) {
        continue;
      }
      int at = held < neighbours ? held++ : held - 1;
      while (at > 0 && nearest[at - 1] > distances[j]) {
        nearest[at] = nearest[at - 1];
        at--;
      }
      nearest[at] = distances[j];
    }
    return nearest[neighbours - 1];
  }

  /**
   * Collects one sample after the other, so that no distance matrix is held. Distances may be
   * squared, if radii are. Not safe for several threads.
   */
  public static final class Collector {
    private final double[] realRadii;
    private final int neighbours;
    private final boolean[] recalled;
    private final boolean[] covered;
    private Moments balls = Moments.NONE;
    private long precise;

    /**
     * Nothing collected yet.
     *
     * @param realRadii radius of each real point's ball, {@code [N]}
     * @param neighbours k of the radii
     * @throws IllegalArgumentException if there is no real point, or k is not positive
     */
    public Collector(double[] realRadii, int neighbours) {
      if (realRadii.length == 0 || neighbours < 1) {
        throw new IllegalArgumentException(
            "precision and recall need real points and neighbours: got %d and %d"
                .formatted(realRadii.length, neighbours));
      }
      this.realRadii = realRadii.clone();
      this.neighbours = neighbours;
      recalled = new boolean[realRadii.length];
      covered = new boolean[realRadii.length];
    }

    /**
     * Adds one sample.
     *
     * @param distances to every real point, {@code [N]}
     * @param radius of the sample's own ball among the samples
     * @throws IllegalArgumentException if there is not one distance for each real point
     */
    public void add(double[] distances, double radius) {
      if (distances.length != realRadii.length) {
        throw new IllegalArgumentException(
            "a sample needs its distance to each of %d real points: got %d"
                .formatted(realRadii.length, distances.length));
      }
      int inside = 0;
      for (int i = 0; i < distances.length; i++) {
        if (distances[i] < realRadii[i]) {
          inside++;
          covered[i] = true;
        }
        recalled[i] |= distances[i] < radius;
      }
      precise += inside > 0 ? 1 : 0;
      balls = balls.plus(Moments.of((double) inside / neighbours));
    }

    /**
     * The estimates of what was added.
     *
     * @throws IllegalArgumentException if nothing was
     */
    public PrecisionRecall estimate() {
      return new PrecisionRecall(
          Proportions.share(precise, balls.count()),
          Proportions.share(count(recalled), recalled.length),
          balls.estimate(),
          Proportions.share(count(covered), covered.length));
    }

    private static long count(boolean[] flags) {
      long count = 0;
      for (boolean flag : flags) {
        count += flag ? 1 : 0;
      }
      return count;
    }
  }
}
