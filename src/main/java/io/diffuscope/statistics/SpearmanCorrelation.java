package io.diffuscope.statistics;

import java.util.Optional;

/**
 * Spearman's rank correlation: Pearson's correlation of the ranks, ties at their mean rank.
 *
 * <p>The interval is Fisher's z with the standard error of Bonett and Wright (2000, Psychometrika
 * 65, 23-28): tanh(atanh r -+ z sqrt((1 + r^2/2)/(n - 3))). At r = -+1 it would have no width;
 * there it is taken at half a step of the smallest change that n ranks can have, 1 - |r| = 6/(n^3 -
 * n).
 */
public final class SpearmanCorrelation {
  /** Pairs below which there is no estimate. */
  public static final int FEWEST = 10;

  private SpearmanCorrelation() {}

  /**
   * The rank correlation of paired numbers.
   *
   * @param x {@code [n]}
   * @param y {@code [n]}, paired with x
   * @return r, its standard error (1 - r^2) sqrt((1 + r^2/2)/(n - 3)), the 95 % interval and n
   *     samples; empty below {@link #FEWEST} pairs, and where all of x or all of y is one value
   * @throws IllegalArgumentException if the lengths differ or a number is NaN
   */
  public static Optional<Estimate> of(double[] x, double[] y) {
    if (x.length != y.length) {
      throw new IllegalArgumentException(
          "a correlation needs pairs: got %d numbers against %d".formatted(x.length, y.length));
    }
    if (x.length < FEWEST) {
      return Optional.empty();
    }
    double r = correlation(Ranks.of(x), Ranks.of(y));
    return Double.isNaN(r) ? Optional.empty() : Optional.of(estimate(r, x.length));
  }

  static Estimate estimate(double r, int pairs) {
    double n = pairs;
    double most = 1 - 6 / (n * n * n - n);
    double clipped = Math.clamp(r, -most, most);
    double error = Math.sqrt((1 + clipped * clipped / 2) / (n - 3));
    double z = Math.log((1 + clipped) / (1 - clipped)) / 2;
    return new Estimate(
        r,
        (1 - clipped * clipped) * error,
        Math.min(r, Math.tanh(z - Normal.Z95 * error)),
        Math.max(r, Math.tanh(z + Normal.Z95 * error)),
        pairs);
  }

  /** Pearson's correlation of ranks, whose mean is (n + 1)/2 exactly; NaN where one is constant. */
  private static double correlation(double[] a, double[] b) {
    double mean = (a.length + 1) / 2.0;
    double both = 0;
    double first = 0;
    double second = 0;
    for (int i = 0; i < a.length; i++) {
      both += (a[i] - mean) * (b[i] - mean);
      first += (a[i] - mean) * (a[i] - mean);
      second += (b[i] - mean) * (b[i] - mean);
    }
    return Math.clamp(both / (Math.sqrt(first) * Math.sqrt(second)), -1.0, 1.0);
  }
}
