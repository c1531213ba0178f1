package io.diffuscope.sampling;

import java.util.SplittableRandom;

/**
 * From which of two sets a point's nearest neighbour comes where both have one at the same
 * distance, as is common with binary images. Under the hypothesis that is tested any of the tied
 * points may be called the nearest, whatever set it lies in; a rule that favours one set would find
 * a difference where there is none.
 *
 * <p>Of each set the two nearest are known. Where they do not end the tie in either set, it is as
 * long as the sets are large.
 */
final class NeighbourTies {
  private final double firstSize;
  private final double secondSize;
  private final long seed;

  NeighbourTies(int firstSize, int secondSize, long seed) {
    this.firstSize = firstSize;
    this.secondSize = secondSize;
    this.seed = seed;
  }

  /**
   * Whether the nearest point is one of the first set.
   *
   * @param first distances of the two nearest points of the first set, nearest first
   * @param second those of the second set
   * @param query number of the point, by which ties are broken
   */
  boolean isFirst(double[] first, double[] second, int query) {
    double distance = first[0];
    if (distance != second[0]) {
      return distance < second[0];
    }
    boolean firstGoesOn = first[1] == distance;
    boolean secondGoesOn = second[1] == distance;
    double firstTied = firstGoesOn ? 2 : 1;
    double secondTied = secondGoesOn ? 2 : 1;
    if (firstGoesOn && secondGoesOn) {
      firstTied = firstSize;
      secondTied = secondSize;
    }
    double share = firstTied / (firstTied + secondTied);
    return new SplittableRandom(seed * 31 + query).nextDouble() < share;
  }
}
