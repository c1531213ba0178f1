package io.diffuscope.statistics;

import java.util.Arrays;

/**
 * How unevenly the energy of one hidden representation h is spread over its p coordinates.
 *
 * <p>"Spiky" and "balanced" representations are of Zhang et al. (arXiv 2512.20963); their detector
 * is {@link #standardDeviation}, which depends on the scale of h. The other measures do not; Hurley
 * and Rickard (2009, IEEE Transactions on Information Theory 55, 4723-4741) compare them. The
 * activation function sets the baseline of each, so only values of one layer compare.
 *
 * <p>With a = |h|:
 *
 * <ul>
 *   <li>a measure that divides by zero is NaN: for h = 0 all but the standard deviation, for a
 *       constant h the kurtosis, for p = 1 Hoyer's measure;
 *   <li>of a vector with a coordinate that is not finite every measure is NaN.
 * </ul>
 *
 * @param standardDeviation population standard deviation, sqrt(mean (h - mean h)^2); 0 for a
 *     constant vector
 * @param coefficientOfVariation standard deviation / mean h; NaN where the mean is 0
 * @param hoyer (sqrt p - |h|_1 / |h|_2) / (sqrt p - 1), in [0, 1], 1 for one-hot (Hoyer 2004)
 * @param l4OverL2 |h|_4 / |h|_2, in [p^-1/4, 1], 1 for one-hot
 * @param participationRatio (sum h^2)^2 / sum h^4, in [1, p], 1 for one-hot: the effective number
 *     of coordinates
 * @param gini 1 - 2 sum_k (a_(k) / |h|_1) (p - k + 1/2) / p with a_(1) {@literal <=} ... {@literal
 *     <=} a_(p), in [0, 1 - 1/p]
 * @param excessKurtosis mean (h - mean h)^4 / standard deviation^4 - 3
 * @param maxOverMean max a / mean a, in [1, p]
 */
public record SpikinessOracle(
    double standardDeviation,
    double coefficientOfVariation,
    double hoyer,
    double l4OverL2,
    double participationRatio,
    double gini,
    double excessKurtosis,
    double maxOverMean) {

  /**
   * Measures one representation.
   *
   * @param h the representation, {@code [p]}
   * @throws IllegalArgumentException if there is no coordinate
   */
  public static SpikinessOracle of(double... h) {
    if (h.length == 0) {
      throw new IllegalArgumentException(
          "spikiness needs a representation of one coordinate or more: got none");
    }
    double scale = 0;
    for (double x : h) {
      scale = Math.max(scale, Math.abs(x));
    }
    if (!Double.isFinite(scale)) {
      double none = Double.NaN;
      return new SpikinessOracle(none, none, none, none, none, none, none, none);
    }
    // Fourth powers of large and of small numbers leave the range of a double: all but the standard
    // deviation is measured at scale 1.
    double unit = scale == 0 ? 1 : scale;
    double[] scaled = new double[h.length];
    for (int i = 0; i < h.length; i++) {
      scaled[i] = h[i] / unit;
    }
    return ofScaled(scaled, unit);
  }

  private static SpikinessOracle ofScaled(double[] h, double unit) {
    int p = h.length;
    double[] sorted = new double[p];
    double signed = 0;
    double first = 0;
    double second = 0;
    double fourth = 0;
    for (int i = 0; i < p; i++) {
      double square = h[i] * h[i];
      sorted[i] = Math.abs(h[i]);
      signed += h[i];
      first += sorted[i];
      second += square;
      fourth += square * square;
    }
    Arrays.sort(sorted);
    // A sum of equal numbers may round; a constant vector has its own value as its mean.
    double mean = isConstant(h) ? h[0] : signed / p;
    double centredSecond = 0;
    double centredFourth = 0;
    for (double x : h) {
      double square = (x - mean) * (x - mean);
      centredSecond += square;
      centredFourth += square * square;
    }
    double deviation = Math.sqrt(centredSecond / p);
    double participation = second * second / fourth;
    return new SpikinessOracle(
        deviation * unit,
        mean == 0 ? Double.NaN : deviation / mean,
        Math.clamp((Math.sqrt(p) - first / Math.sqrt(second)) / (Math.sqrt(p) - 1), 0.0, 1.0),
        Math.sqrt(Math.sqrt(fourth) / second),
        participation,
        gini(sorted, first),
        p * centredFourth / (centredSecond * centredSecond) - 3,
        sorted[p - 1] * p / first);
  }

  private static boolean isConstant(double[] h) {
    for (double x : h) {
      if (x != h[0]) {
        return false;
      }
    }
    return true;
  }

  /** Twice the area between the diagonal and the Lorenz curve of the sorted magnitudes. */
  private static double gini(double[] sorted, double sum) {
    int p = sorted.length;
    double weighted = 0;
    for (int k = 1; k <= p; k++) {
      weighted += sorted[k - 1] * (p - k + .5);
    }
    return 1 - 2 * weighted / (sum * p);
  }
}
