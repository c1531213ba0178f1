package io.diffuscope.statistics;

import java.util.Arrays;

/**
 * Least-squares fits of a series under an order: falling throughout, falling then rising, and
 * falling, rising, falling. What is left of the sum of squares says which shape a curve has; no
 * form of the curve is assumed.
 *
 * <p>Isotonic regression by pooling adjacent violators (Ayer et al. 1955), with the errors of all
 * prefixes in one pass (Stout 2008). Falling means non-increasing, rising non-decreasing. Of splits
 * that fit equally well the first counts. O(n^2) for n values.
 *
 * @param values in their order
 * @param falling sum of squares about the best falling fit
 * @param fallRise that of falling before {@code valley}, rising from there on
 * @param valley index at which the rise of that fit begins, 0 to n
 * @param fallRiseFall that of falling before {@code bumpStart}, rising up to {@code bumpEnd}
 *     (exclusive), falling from there on
 * @param bumpStart index
 * @param bumpEnd index, at least {@code bumpStart}
 */
public record ShapeFits(
    double[] values,
    double falling,
    double fallRise,
    int valley,
    double fallRiseFall,
    int bumpStart,
    int bumpEnd) {
  /** A normal distribution's 75 % quantile: its median absolute value. */
  private static final double MEDIAN_OF_NORMAL = .6744897501960817;

  /** Variance of x[i-1] - 2 x[i] + x[i+1] for values of variance 1. */
  private static final double SECOND_DIFFERENCE = 6;

  /**
   * All fits.
   *
   * @param values finite, at least one
   */
  public static ShapeFits of(double... values) {
    if (values.length == 0 || !Arrays.stream(values).allMatch(Double::isFinite)) {
      throw new IllegalArgumentException("a shape needs values, all of them finite");
    }
    int n = values.length;
    double[] before = Pooled.prefixErrors(negated(values), 0);
    double[] backwards = reversed(values);
    double[] risingFrom = reversed(Pooled.prefixErrors(negated(backwards), 0));
    double[] fallingFrom = reversed(Pooled.prefixErrors(backwards, 0));
    int valley = 0;
    for (int v = 1; v <= n; v++) {
      if (before[v] + risingFrom[v] < before[valley] + risingFrom[valley]) {
        valley = v;
      }
    }
    double best = Double.POSITIVE_INFINITY;
    int start = 0;
    int end = 0;
    for (int v = 0; v <= n; v++) {
      double[] rising = Pooled.prefixErrors(values, v);
      for (int p = v; p <= n; p++) {
        double error = before[v] + rising[p - v] + fallingFrom[p];
        if (error < best) {
          best = error;
          start = v;
          end = p;
        }
      }
    }
    return new ShapeFits(
        values.clone(), before[n], before[valley] + risingFrom[valley], valley, best, start, end);
  }

  /** What the fit that falls, rises and falls leaves of each value. */
  public double[] residuals() {
    double[] left = fit(bumpStart, bumpEnd);
    for (int i = 0; i < left.length; i++) {
      left[i] = values[i] - left[i];
    }
    return left;
  }

  /**
   * The best fit that falls before an index, rises up to another one, and falls from there on.
   *
   * @param riseFrom 0 to n
   * @param riseTo exclusive, {@code riseFrom} to n
   */
  public double[] fit(int riseFrom, int riseTo) {
    double[] fit = new double[values.length];
    fill(fit, 0, riseFrom, false);
    fill(fit, riseFrom, riseTo, true);
    fill(fit, riseTo, values.length, false);
    return fit;
  }

  private void fill(double[] fit, int from, int to, boolean rising) {
    double[] part = Arrays.copyOfRange(values, from, to);
    Pooled pooled = new Pooled(to - from);
    for (double value : rising ? part : negated(part)) {
      pooled.add(value);
    }
    double[] level = pooled.fit();
    for (int i = from; i < to; i++) {
      fit[i] = rising ? level[i - from] : -level[i - from];
    }
  }

  /**
   * Noise variance of one value from second differences, whose median a trend does not move:
   * (median |x[i-1] - 2 x[i] + x[i+1]| / (.67449 sqrt 6))^2.
   *
   * @return NaN below three values
   */
  public static double noiseVariance(double... values) {
    if (values.length < 3) {
      return Double.NaN;
    }
    double[] size = new double[values.length - 2];
    for (int i = 0; i < size.length; i++) {
      size[i] = Math.abs(values[i] - 2 * values[i + 1] + values[i + 2]);
    }
    Arrays.sort(size);
    int half = size.length / 2;
    double median = size.length % 2 == 1 ? size[half] : (size[half - 1] + size[half]) / 2;
    double deviation = median / (MEDIAN_OF_NORMAL * Math.sqrt(SECOND_DIFFERENCE));
    return deviation * deviation;
  }

  /** Correlation of each value with the one before it; 0 where there is no spread. */
  public static double autocorrelation(double... values) {
    double mean = Arrays.stream(values).average().orElse(0);
    double products = 0;
    double squares = 0;
    for (int i = 0; i < values.length; i++) {
      double own = values[i] - mean;
      squares += own * own;
      products += i == 0 ? 0 : own * (values[i - 1] - mean);
    }
    return squares > 0 ? products / squares : 0;
  }

  private static double[] negated(double[] values) {
    return Arrays.stream(values).map(value -> -value).toArray();
  }

  private static double[] reversed(double[] values) {
    double[] reversed = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      reversed[i] = values[values.length - 1 - i];
    }
    return reversed;
  }

  /** The best rising fit of values that come one by one, as blocks of equal level. */
  private static final class Pooled {
    private final double[] mean;
    private final int[] count;
    private int blocks;
    private double error;

    Pooled(int most) {
      mean = new double[most];
      count = new int[most];
    }

    /** Errors of the rising fits to the first 0, 1, 2, ... values from an index on. */
    static double[] prefixErrors(double[] values, int from) {
      Pooled pooled = new Pooled(values.length - from);
      double[] errors = new double[values.length - from + 1];
      for (int i = from; i < values.length; i++) {
        pooled.add(values[i]);
        errors[i - from + 1] = pooled.error;
      }
      return errors;
    }

    void add(double value) {
      mean[blocks] = value;
      count[blocks] = 1;
      blocks++;
      while (blocks > 1 && mean[blocks - 2] > mean[blocks - 1]) {
        merge();
      }
    }

    private void merge() {
      int left = blocks - 2;
      int right = blocks - 1;
      double both = count[left] + (double) count[right];
      double gap = mean[right] - mean[left];
      error += count[left] * (count[right] / both) * gap * gap;
      mean[left] += gap * (count[right] / both);
      count[left] += count[right];
      blocks--;
    }

    double[] fit() {
      double[] fit = new double[mean.length];
      int at = 0;
      for (int block = 0; block < blocks; block++) {
        Arrays.fill(fit, at, at + count[block], mean[block]);
        at += count[block];
      }
      return fit;
    }
  }
}
