package io.diffuscope.statistics;

import java.util.List;

/**
 * Kernel (Inception) distance: the squared maximum mean discrepancy of samples and a hold-out set
 * under the kernel k(x, y) = (x.y / d + 1)^3, by the unbiased estimator (Binkowski et al. 2018,
 * arXiv 1801.01401), averaged over blocks of samples.
 *
 * <p>For sample i of a block of m: a_i is the mean of k(x_i, x_j) over the other samples of the
 * block, b_i the mean of k(x_i, y) over the hold-out. For hold-out point j of N: c_j is the mean of
 * k(y_j, y_l) over the other points, d_j the mean of k(x, y_j) over all n samples. Every block
 * gives mean a - 2 mean b + mean c; the value is their mean, weighted by m. It can be negative.
 *
 * <p><b>Standard error</b> by Hoeffding's projection: sample i moves the value by 2 (a_i - b_i) / n
 * about its mean, hold-out point j by 2 (c_j - d_j) / N. So SE^2 = 4 Var(a - b) / n, given the
 * hold-out, and 4 Var(c - d) / N more where the hold-out counts as a sample itself. a_i holds the
 * noise of its block, which makes the samples' part too large rather than too small: by 4/(m - 1)
 * for 2/(m - 1) times the second-order variance. That part is what is left where the two
 * distributions are equal, and there the interval covers more than it says.
 *
 * <p>Between checkpoints with the same hold-out take the error that is conditional on it.
 */
public final class KernelDistance {
  private KernelDistance() {}

  /**
   * The pieces of one block of samples.
   *
   * @param within a_i, {@code [m]}, m at least 2
   * @param across b_i, {@code [m]}
   */
  public record Block(double[] within, double[] across) {
    public Block {
      if (within.length != across.length || within.length < 2) {
        throw new IllegalArgumentException(
            "a block of the kernel distance needs two samples or more with both means: got %d and %d"
                .formatted(within.length, across.length));
      }
    }

    /**
     * The pieces of a block, directly: m (m + N) kernels.
     *
     * @param samples features, {@code [m][d]}
     * @param holdout features, {@code [N][d]}
     */
    public static Block of(double[][] samples, double[][] holdout) {
      double[] across = new double[samples.length];
      for (int i = 0; i < samples.length; i++) {
        for (double[] y : holdout) {
          across[i] += kernel(samples[i], y) / holdout.length;
        }
      }
      return new Block(KernelDistance.within(samples), across);
    }
  }

  /**
   * The kernel from an inner product.
   *
   * @param product x.y
   * @param dimension d, the length of both
   */
  public static double kernel(double product, int dimension) {
    double base = product / dimension + 1;
    return base * base * base;
  }

  /**
   * Mean kernel of each row with the other rows: a_i of a block, c_j of a hold-out.
   *
   * @param rows features, {@code [m][d]}, m at least 2
   */
  public static double[] within(double[][] rows) {
    if (rows.length < 2) {
      throw new IllegalArgumentException(
          "the kernel distance needs two features or more: got " + rows.length);
    }
    double[] means = new double[rows.length];
    for (int i = 0; i < rows.length; i++) {
      for (int j = 0; j < i; j++) {
        double k = kernel(rows[i], rows[j]) / (rows.length - 1);
        means[i] += k;
        means[j] += k;
      }
    }
    return means;
  }

  /**
   * The distance, with an error over samples only: conditional on the hold-out.
   *
   * @param blocks pieces of the blocks, in the order of the blocks
   * @param holdoutMean mean of c_j: the mean kernel of two different hold-out points
   * @throws IllegalArgumentException if there is no block
   */
  public static Estimate of(List<Block> blocks, double holdoutMean) {
    Sums sums = Sums.of(blocks);
    return Intervals.normal(
        sums.value(holdoutMean), Math.sqrt(sums.variance()), sums.influences().count());
  }

  /**
   * The distance, with an error over samples and hold-out points.
   *
   * @param blocks pieces of the blocks, in the order of the blocks
   * @param holdoutWithin c_j, {@code [N]}
   * @param holdoutAcross d_j over the samples of all blocks, {@code [N]}
   * @throws IllegalArgumentException if there is no block, or the hold-out has fewer than two
   *     points
   */
  public static Estimate of(List<Block> blocks, double[] holdoutWithin, double[] holdoutAcross) {
    if (holdoutWithin.length != holdoutAcross.length || holdoutWithin.length < 2) {
      throw new IllegalArgumentException(
          "the kernel distance needs two hold-out points or more with both means: got %d and %d"
              .formatted(holdoutWithin.length, holdoutAcross.length));
    }
    Sums sums = Sums.of(blocks);
    double[] influences = new double[holdoutWithin.length];
    for (int j = 0; j < influences.length; j++) {
      influences[j] = 2 * (holdoutWithin[j] - holdoutAcross[j]);
    }
    double holdoutError = Moments.of(influences).standardError();
    return Intervals.normal(
        sums.value(Moments.of(holdoutWithin).mean()),
        Math.sqrt(sums.variance() + holdoutError * holdoutError),
        sums.influences().count());
  }

  private static double kernel(double[] x, double[] y) {
    double product = 0;
    for (int f = 0; f < x.length; f++) {
      product += x[f] * y[f];
    }
    return kernel(product, x.length);
  }

  /**
   * Sums over the samples of all blocks.
   *
   * @param mean mean of a_i - 2 b_i
   * @param influences moments of 2 (a_i - b_i)
   */
  private record Sums(double mean, Moments influences) {
    static Sums of(List<Block> blocks) {
      if (blocks.isEmpty()) {
        throw new IllegalArgumentException(
            "the kernel distance needs a block of samples: got none");
      }
      Moments values = Moments.NONE;
      Moments influences = Moments.NONE;
      for (Block block : blocks) {
        double[] value = new double[block.within().length];
        double[] influence = new double[value.length];
        for (int i = 0; i < value.length; i++) {
          value[i] = block.within()[i] - 2 * block.across()[i];
          influence[i] = 2 * (block.within()[i] - block.across()[i]);
        }
        values = values.plus(Moments.of(value));
        influences = influences.plus(Moments.of(influence));
      }
      return new Sums(values.mean(), influences);
    }

    double value(double holdoutMean) {
      return mean + holdoutMean;
    }

    double variance() {
      return influences.variance() / influences.count();
    }
  }
}
