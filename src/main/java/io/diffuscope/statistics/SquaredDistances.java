package io.diffuscope.statistics;

import java.util.Arrays;
import java.util.SortedMap;

/**
 * Squared distances d_i^2 of pairs that share a noise, folded to what their estimates need. One per
 * block; merged in block order by {@link #ofBlocks}, so that any number and order of workers gives
 * the same digits.
 *
 * <p>Estimates follow the delta method for P = sqrt(mean d_i^2): SE(P) = sd(d^2) / (2 P sqrt M),
 * with the interval P exp(-+z SE/P), which is positive and covers a little better than the plain
 * one. They are conditional on the model and the sets: the only randomness is the noises'.
 *
 * @param squares moments of d_i^2
 * @param distances moments of d_i
 * @param largest the largest d_i^2; 0 where there are none
 */
public record SquaredDistances(Moments squares, Moments distances, double largest) {
  /** No pairs yet. */
  public static final SquaredDistances NONE = new SquaredDistances(Moments.NONE, Moments.NONE, 0);

  /**
   * Folds one block.
   *
   * @param squared squared distances, not negative
   */
  public static SquaredDistances of(double... squared) {
    return new SquaredDistances(
        Moments.of(squared),
        Moments.of(Arrays.stream(squared).map(Math::sqrt).toArray()),
        Arrays.stream(squared).max().orElse(0));
  }

  /** All pairs of these blocks, merged in the order of the block index. */
  public static SquaredDistances ofBlocks(SortedMap<Integer, SquaredDistances> byBlock) {
    return byBlock.values().stream().sequential().reduce(NONE, SquaredDistances::plus);
  }

  /** The pairs of both; {@code other} holds the later block. */
  public SquaredDistances plus(SquaredDistances other) {
    return new SquaredDistances(
        squares.plus(other.squares),
        distances.plus(other.distances),
        Math.max(largest, other.largest));
  }

  /** How many pairs. */
  public long count() {
    return squares.count();
  }

  /** Root of the mean squared distance; exactly 0 with interval [0, 0] where all are 0. */
  public Estimate rootMeanSquare() {
    double root = Math.sqrt(squares.mean());
    double error = root == 0 ? 0 : squares.standardError() / (2 * root);
    return count() == 0 ? Estimate.exact(Double.NaN, 0) : Intervals.positive(root, error, count());
  }

  /** Mean squared distance. */
  public Estimate meanSquare() {
    return positiveMean(squares);
  }

  /** Mean distance. */
  public Estimate meanDistance() {
    return positiveMean(distances);
  }

  /**
   * Share of the largest pair in the sum of squares: above about .2 the interval rests on one pair
   * and is too narrow. NaN where all distances are 0.
   */
  public Estimate largestShare() {
    return Estimate.exact(largest / (squares.mean() * count()), count());
  }

  /**
   * Change of the root mean square between two checkpoints on the same noises: P_b - P_a, SE =
   * sd(d_b^2 / (2 P_b) - d_a^2 / (2 P_a)) / sqrt M, normal interval. Pairing takes out what both
   * checkpoints owe to the draw of the noises.
   *
   * @param before squared distances of the earlier checkpoint, {@code [M]}
   * @param after squared distances of the later one in the same noise order, {@code [M]}
   * @throws IllegalArgumentException if the lengths differ or are 0
   */
  public static Estimate change(double[] before, double[] after) {
    if (before.length != after.length || before.length == 0) {
      throw new IllegalArgumentException(
          "a paired change needs the same noises on both sides: got %d and %d distances"
              .formatted(before.length, after.length));
    }
    double rootBefore = Math.sqrt(Moments.of(before).mean());
    double rootAfter = Math.sqrt(Moments.of(after).mean());
    double[] influence = new double[before.length];
    for (int i = 0; i < influence.length; i++) {
      influence[i] = influence(after[i], rootAfter) - influence(before[i], rootBefore);
    }
    return Intervals.normal(
        rootAfter - rootBefore, Moments.of(influence).standardError(), before.length);
  }

  /** A root of exactly 0 has no error of its own: every distance is 0. */
  private static double influence(double square, double root) {
    return root == 0 ? 0 : square / (2 * root);
  }

  private static Estimate positiveMean(Moments moments) {
    if (moments.count() == 0) {
      return Estimate.exact(Double.NaN, 0);
    }
    double error = moments.mean() == 0 ? 0 : moments.standardError();
    return Intervals.positive(moments.mean(), error, moments.count());
  }
}
