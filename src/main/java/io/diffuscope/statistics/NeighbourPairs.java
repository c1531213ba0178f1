package io.diffuscope.statistics;

/**
 * The shape of a nearest-neighbour graph, which alone decides mean and variance of the number of
 * points whose nearest neighbour carries their own label, when the labels are random (Dixon 1994,
 * Ecology 75, 1940-1948; Cuzick and Edwards 1990).
 *
 * @param points n
 * @param reflexive R: points that are the nearest neighbour of their own nearest neighbour
 * @param shared Q: ordered pairs of different points with the same nearest neighbour
 */
record NeighbourPairs(long points, long reflexive, long shared) {

  static NeighbourPairs of(int[] nearest) {
    int[] pointedAt = new int[nearest.length];
    for (int i = 0; i < nearest.length; i++) {
      if (nearest[i] < 0 || nearest[i] >= nearest.length || nearest[i] == i) {
        throw new IllegalArgumentException(
            "nearest other point of %d cannot be %d among %d points"
                .formatted(i, nearest[i], nearest.length));
      }
      pointedAt[nearest[i]]++;
    }
    long reflexive = 0;
    long shared = 0;
    for (int i = 0; i < nearest.length; i++) {
      if (nearest[nearest[i]] == i) {
        reflexive++;
      }
      shared += (long) pointedAt[i] * (pointedAt[i] - 1);
    }
    return new NeighbourPairs(nearest.length, reflexive, shared);
  }

  /** Mean count of points with a label, carried by {@code size} points, on both ends. */
  double mean(long size) {
    return points * both(size, 2);
  }

  /**
   * Its variance: of the n^2 ordered pairs of edges, n + R join two points, 2(n - R) + Q three, the
   * others four.
   */
  double variance(long size) {
    double three = 2.0 * (points - reflexive) + shared;
    double four = (double) points * points - points - reflexive - three;
    double mean = mean(size);
    return (points + reflexive) * both(size, 2)
        + three * both(size, 3)
        + four * both(size, 4)
        - mean * mean;
  }

  /** Probability that {@code chosen} given points all carry the label. */
  private double both(long size, int chosen) {
    double probability = 1;
    for (int i = 0; i < chosen; i++) {
      probability *= Math.max(0, size - i) / (double) (points - i);
    }
    return probability;
  }
}
