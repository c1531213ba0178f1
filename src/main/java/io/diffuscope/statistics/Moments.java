package io.diffuscope.statistics;

import java.util.SortedMap;

/**
 * Count, mean and sum of squared deviations of numbers, as a partial result that can be merged.
 *
 * <p>Merging follows Chan, Golub and LeVeque (1983), which does not lose the variance of numbers
 * that are large against their spread. Floating-point sums depend on their order, so partials of
 * blocks are merged in block order, whichever worker returned first; then any number of workers
 * gives the same digits.
 *
 * @param count how many numbers
 * @param mean their mean; 0 where there are none
 * @param squaredDeviations sum of the squared deviations from the mean
 */
public record Moments(long count, double mean, double squaredDeviations) {
  /** No numbers yet: the neutral element of {@link #plus}. */
  public static final Moments NONE = new Moments(0, 0, 0);

  /** The moments of these numbers, added in index order. */
  public static Moments of(double... values) {
    if (values.length == 0) {
      return NONE;
    }
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    double mean = sum / values.length;
    double squares = 0;
    for (double value : values) {
      squares += (value - mean) * (value - mean);
    }
    return new Moments(values.length, mean, squares);
  }

  /** The moments of all numbers of these blocks, merged in the order of the block index. */
  public static Moments ofBlocks(SortedMap<Integer, Moments> byBlock) {
    return byBlock.values().stream().sequential().reduce(NONE, Moments::plus);
  }

  /** The moments of the numbers of both; {@code other} holds the later block. */
  public Moments plus(Moments other) {
    if (count == 0) {
      return other;
    }
    if (other.count == 0) {
      return this;
    }
    long all = count + other.count;
    double step = other.mean - mean;
    return new Moments(
        all,
        (count * mean + other.count * other.mean) / all,
        squaredDeviations
            + other.squaredDeviations
            + step * step * count * ((double) other.count / all));
  }

  /** Unbiased sample variance; NaN below two numbers. */
  public double variance() {
    return count < 2 ? Double.NaN : squaredDeviations / (count - 1);
  }

  /** Standard error of the mean of independent numbers; NaN below two. */
  public double standardError() {
    return Math.sqrt(variance() / count);
  }

  /** The mean with its standard error and the normal 95 % interval. */
  public Estimate estimate() {
    return count == 0
        ? Estimate.exact(Double.NaN, 0)
        : Intervals.normal(mean, standardError(), count);
  }
}
