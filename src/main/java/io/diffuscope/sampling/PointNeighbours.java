package io.diffuscope.sampling;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Which points the neighbours of some samples are, by their places in the sets.
 *
 * @param train the nearest training point, {@code [count]}
 * @param secondTrain the nearest one outside its duplicate group; -1 where there is none
 * @param groupSizes training points in the duplicate group of the nearest one, itself included;
 *     null where no point has a duplicate
 * @param holdout the nearest hold-out point, by its place among those compared; null without a
 *     hold-out set
 */
record PointNeighbours(
    int[] train, int[] secondTrain, int @Nullable [] groupSizes, int @Nullable [] holdout) {
  /** The parts of a block, in order. */
  static PointNeighbours joined(List<PointNeighbours> parts) {
    if (parts.size() == 1) {
      return parts.getFirst();
    }
    boolean grouped = parts.stream().anyMatch(part -> part.groupSizes != null);
    boolean compared = parts.stream().allMatch(part -> part.holdout != null);
    return new PointNeighbours(
        joined(parts, PointNeighbours::train),
        joined(parts, PointNeighbours::secondTrain),
        grouped ? joined(parts, PointNeighbours::knownSizes) : null,
        compared ? joined(parts, part -> Objects.requireNonNull(part.holdout)) : null);
  }

  private int[] knownSizes() {
    if (groupSizes != null) {
      return groupSizes;
    }
    int[] alone = new int[train.length];
    Arrays.fill(alone, 1);
    return alone;
  }

  private static int[] joined(List<PointNeighbours> parts, Function<PointNeighbours, int[]> of) {
    return parts.stream().map(of).flatMapToInt(Arrays::stream).toArray();
  }

  /** Training points in the duplicate group of a sample's nearest one. */
  int groupSize(int row) {
    return groupSizes == null ? 1 : groupSizes[row];
  }
}
