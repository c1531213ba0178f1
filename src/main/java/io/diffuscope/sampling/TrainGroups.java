package io.diffuscope.sampling;

import ai.djl.ndarray.NDManager;
import io.diffuscope.model.DevicePoints;
import io.diffuscope.tensorfile.BadInputException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;

/**
 * The groups of duplicates that samples' second neighbours are looked for outside of. In a large
 * set near duplicates were looked for around some points only; around the others that are nearest
 * to a sample they are looked for now. What is found depends on the samples alone, not on those
 * before.
 */
final class TrainGroups {
  private final DevicePoints train;
  private final PointSearch search;
  private final int[] known;
  private final boolean isWhole;
  private final double duplicateDistance;
  private final boolean hasKnown;

  /** Points that were found to have no near duplicate outside of their group. */
  private final Set<Integer> alone = new HashSet<>();

  TrainGroups(DevicePoints train, PointSearch search, SetGeometry geometry) {
    this(train, search, geometry.trainGroups(), geometry.isWhole(), geometry.duplicateDistance());
  }

  /**
   * From what is known.
   *
   * @param known a group label for every training point
   * @param isWhole whether near duplicates were looked for around all of them
   * @param duplicateDistance below which two points are duplicates
   */
  TrainGroups(
      DevicePoints train,
      PointSearch search,
      int[] known,
      boolean isWhole,
      double duplicateDistance) {
    this.train = train;
    this.search = search;
    this.known = known;
    this.isWhole = isWhole;
    this.duplicateDistance = duplicateDistance;
    this.hasKnown = !isRange(known);
  }

  /**
   * A group label for every training point, complete around these.
   *
   * @param nearest training points; may come more than once
   */
  int[] around(int[] nearest, NDManager manager) throws BadInputException {
    int[] labels = known;
    int[] unknown =
        Arrays.stream(nearest).distinct().sorted().filter(i -> !alone.contains(i)).toArray();
    if (isWhole || unknown.length == 0) {
      return labels;
    }
    DisjointSets merged = new DisjointSets(labels.length);
    for (int i = 0; i < labels.length; i++) {
      merged.merge(labels[i], i);
    }
    boolean[] hasOthers = new boolean[unknown.length];
    try (NDManager scratch = manager.newSubManager()) {
      search.closerThan(
          train.rows(scratch, unknown),
          duplicateDistance,
          (query, point) -> {
            hasOthers[query] |= labels[point] != labels[unknown[query]];
            merged.merge(unknown[query], point);
          });
    }
    for (int i = 0; i < unknown.length; i++) {
      if (!hasOthers[i]) {
        alone.add(unknown[i]);
      }
    }
    return merged.labels();
  }

  /** Whether any point shares its label with another. */
  boolean hasDuplicates(int[] labels) {
    // A label is the index of a group's first point.
    return labels == known ? hasKnown : !isRange(labels);
  }

  private static boolean isRange(int[] labels) {
    for (int i = 0; i < labels.length; i++) {
      if (labels[i] != i) {
        return false;
      }
    }
    return true;
  }

  /** How many points the groups of some points have, themselves included. */
  static int[] sizes(int[] labels, int[] points) {
    int[] counts = new int[labels.length];
    for (int label : labels) {
      counts[label]++;
    }
    return Arrays.stream(points).map(i -> counts[labels[i]]).toArray();
  }

  /** The labels of some points. */
  static int[] of(int[] labels, int[] points) {
    return Arrays.stream(points).map(i -> labels[i]).toArray();
  }
}
