package io.diffuscope.statistics;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Does a curve over the noise levels rise above its value at the smallest one?
 *
 * <p>The papers on unimodal representation dynamics (arXiv 2502.05743) look at the curve and define
 * no statistic; this one is this project's. "The peak is interior" is true of most flat curves, so
 * it is no test. With a_j the mean over the same n test images at noise level j, a_1 at the
 * smallest: T = max_{j > 1} (a_j - a_1) / se_j, se_j the standard error of the paired differences.
 * The p-value is the multiplier bootstrap's of the centred paired differences. With standard normal
 * multipliers the bootstrapped vector is, given the data, normal with the differences'
 * correlations, so it is drawn from those: the same law, at a cost that does not grow with n.
 *
 * <p>Well separated classes give a falling curve in a model that generalizes: a missing rise is a
 * hint and no proof. Everything is conditional on the probe that gave the values.
 *
 * @param statistic T
 * @param pValue bootstrap p-value of "no level is above the smallest"
 * @param peak index of the highest mean
 * @param peakFirst lowest index that may be the peak: ends of the 95 % confidence set, which leaves
 *     out a level where another is above it by a paired, Bonferroni-corrected, one-sided test
 * @param peakLast highest index that may be the peak
 * @param height mean at the peak; the interval takes the peak's position as given
 * @param rise max_{j > 1} a_j - a_1, negative where the curve falls. Lower end max_j (a_j - a_1 - q
 *     se_j) with the bootstrap's .975 quantile q of the maximum, upper end max_j (a_j - a_1 + 1.96
 *     se_j): each end errs in at most 2.5 %. Without a standard error.
 */
public record Unimodality(
    double statistic,
    double pValue,
    int peak,
    int peakFirst,
    int peakLast,
    Estimate height,
    Estimate rise) {
  /** Bootstrap draws. */
  static final int DRAWS = 9_999;

  private static final int FEWEST_IMAGES = 2;

  /**
   * Tests one curve.
   *
   * @param values for each test image its value at each noise level, smallest level first: 1 where
   *     the probe was right and 0 where not, or any other finite number; {@code [n][levels]}
   * @param seed seed of the bootstrap: the same values give the same p-value
   * @throws IllegalArgumentException below two images or two levels, and if rows differ in length
   */
  public static Unimodality of(double[][] values, long seed) {
    PairedCurve curve = PairedCurve.of(check(values));
    int levels = curve.levels();
    double[] maxima = maxima(curve, seed);
    double statistic = Double.NEGATIVE_INFINITY;
    double rise = Double.NEGATIVE_INFINITY;
    double lower = Double.NEGATIVE_INFINITY;
    double upper = Double.NEGATIVE_INFINITY;
    double quantile = maxima[(int) Math.ceil(.975 * DRAWS) - 1];
    int peak = 0;
    for (int j = 1; j < levels; j++) {
      double difference = curve.difference(j, 0);
      double error = curve.error(j, 0);
      statistic = Math.max(statistic, difference == 0 ? 0 : difference / error);
      rise = Math.max(rise, difference);
      lower = Math.max(lower, difference - quantile * error);
      upper = Math.max(upper, difference + Normal.Z95 * error);
      peak = curve.mean(j) > curve.mean(peak) ? j : peak;
    }
    int reached = firstAtLeast(maxima, statistic);
    int[] set = peakSet(curve);
    return new Unimodality(
        statistic,
        (1.0 + DRAWS - reached) / (DRAWS + 1),
        peak,
        set[0],
        set[1],
        Intervals.normal(curve.mean(peak), curve.meanError(peak), curve.images()),
        new Estimate(rise, Double.NaN, Math.min(lower, rise), upper, curve.images()));
  }

  private static double[][] check(double[][] values) {
    int levels = values.length == 0 ? 0 : values[0].length;
    if (values.length < FEWEST_IMAGES || levels < 2) {
      throw new IllegalArgumentException(
          "unimodality needs two test images and two noise levels or more: got %d and %d"
              .formatted(values.length, levels));
    }
    for (double[] row : values) {
      if (row.length != levels) {
        throw new IllegalArgumentException(
            "unimodality needs every image at every noise level: got %d and %d levels"
                .formatted(levels, row.length));
      }
    }
    return values;
  }

  /** Sorted draws of the bootstrapped maximum. */
  private static double[] maxima(PairedCurve curve, long seed) {
    double[][] root = curve.correlationRoot();
    SplittableRandom random = new SplittableRandom(seed);
    double[] normal = new double[root.length];
    double[] maxima = new double[DRAWS];
    for (int b = 0; b < DRAWS; b++) {
      double most = Double.NEGATIVE_INFINITY;
      for (int j = 0; j < root.length; j++) {
        normal[j] = random.nextGaussian();
        double sum = 0;
        for (int k = 0; k <= j; k++) {
          sum += root[j][k] * normal[k];
        }
        most = Math.max(most, sum);
      }
      maxima[b] = most;
    }
    Arrays.sort(maxima);
    return maxima;
  }

  /** Index of the first draw that reaches the statistic; equal values are reached. */
  private static int firstAtLeast(double[] sorted, double statistic) {
    int low = 0;
    int high = sorted.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (sorted[middle] >= statistic - 1e-12) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  private static int[] peakSet(PairedCurve curve) {
    double z = Normal.upperQuantile(.05 / (curve.levels() - 1));
    int first = -1;
    int last = -1;
    for (int j = 0; j < curve.levels(); j++) {
      if (mayBePeak(curve, j, z)) {
        first = first < 0 ? j : first;
        last = j;
      }
    }
    return new int[] {first, last};
  }

  private static boolean mayBePeak(PairedCurve curve, int j, double z) {
    for (int k = 0; k < curve.levels(); k++) {
      if (k != j && curve.difference(k, j) > z * curve.error(k, j)) {
        return false;
      }
    }
    return true;
  }
}
