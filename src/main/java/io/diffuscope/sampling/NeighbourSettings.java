package io.diffuscope.sampling;

import java.util.Locale;

/**
 * How neighbours are looked for: of samples in the sets, and within the sets.
 *
 * @param augment what counts as the same image: the distance of two images is the smallest over
 *     what this makes of them
 * @param geometryOperations floating-point operations that one comparison of a set with a set may
 *     take at the start ({@code 2 Q N d} for Q points against N); where all points would take more,
 *     as many as this allows are drawn at random and the others are not looked at
 * @param search how the nearest points of samples are looked for in sets of {@value #LEAST_INDEXED}
 *     points or more; smaller ones are searched exactly
 * @param space in which points are compared
 */
public record NeighbourSettings(
    Augmentation augment, double geometryOperations, SearchMethod search, ComparisonSpace space) {
  /** Smaller sets are searched exactly: an index gains nothing. */
  static final int LEAST_INDEXED = 1000;

  /** Enough for 57,000 points of 3x32x32 in full; some five minutes of two processors. */
  public static final double DEFAULT_OPERATIONS = 2e13;

  /** Images as they are. */
  public static final NeighbourSettings DEFAULT =
      new NeighbourSettings(Augmentation.NONE, DEFAULT_OPERATIONS, SearchMethod.EXACT);

  /** Fewer points say too little of a set. */
  private static final int FEWEST_POINTS = 500;

  public NeighbourSettings {
    if (!(geometryOperations > 0)) {
      throw new IllegalArgumentException(
          "neighbours.geometry-operations must be above 0, not " + geometryOperations);
    }
    if (space == ComparisonSpace.DESCRIPTOR && augment != Augmentation.NONE) {
      throw new IllegalArgumentException(
          "neighbours.space = descriptor goes without neighbours.augment: what a descriptor makes"
              + " of images cannot be mirrored; choose one of them");
    }
  }

  /** In the space that fits the images. */
  public NeighbourSettings(Augmentation augment, double geometryOperations, SearchMethod search) {
    this(augment, geometryOperations, search, ComparisonSpace.AUTO);
  }

  /** Searched exactly. */
  public NeighbourSettings(Augmentation augment, double geometryOperations) {
    this(augment, geometryOperations, SearchMethod.EXACT);
  }

  /** Whether samples' neighbours in a set of so many points are looked for through an index. */
  public boolean isIndexed(long size) {
    return search == SearchMethod.APPROXIMATE && size >= LEAST_INDEXED;
  }

  /** What the search changes in the estimates; empty where it looks at all points. */
  String searchKey(long largestSet) {
    return isIndexed(largestSet) ? search.label() : "";
  }

  /** Points that may be compared with a set of so many points in d dimensions. */
  int mostQueries(long size, int d) {
    return (int) Math.clamp(geometryOperations / (2.0 * size * d), FEWEST_POINTS, 1e9);
  }

  /** Points of two sets together of which each may be compared with each. */
  int mostPooled(int d) {
    return (int) Math.clamp(Math.sqrt(geometryOperations / (2.0 * d)), 2.0 * FEWEST_POINTS, 1e9);
  }

  /**
   * What it changes in the sets' geometry and all that rests on it; empty where nothing is other
   * than ever.
   */
  String key(long largestSet, int d) {
    boolean bounded = largestSet > mostQueries(largestSet, d) || 2 * largestSet > mostPooled(d);
    return (augment == Augmentation.NONE ? "" : augment.label())
        + (bounded ? String.format(Locale.ROOT, " %e", geometryOperations) : "");
  }
}
