package io.diffuscope.sampling;

import java.util.Arrays;

/**
 * Duplicates within and across the sets. Near ones lie closer than a third of the median distance
 * between a training point and its nearest other one; equal ones are among them.
 *
 * @param trainEqual training points that equal another training point
 * @param trainNear training points with a near duplicate among the training points
 * @param holdoutEqual hold-out points that equal another hold-out point
 * @param holdoutNear hold-out points with a near duplicate among the hold-out points
 * @param acrossEqual hold-out points that equal a training point
 * @param acrossNear hold-out points with a near duplicate among the training points
 */
public record DuplicateCounts(
    int trainEqual,
    int trainNear,
    int holdoutEqual,
    int holdoutNear,
    int acrossEqual,
    int acrossNear) {
  /** No duplicates. */
  public static final DuplicateCounts NONE = new DuplicateCounts(0, 0, 0, 0, 0, 0);

  /** Points that share their label, the index of the first equal point, with another. */
  static int sharing(int[] labels) {
    int[] sizes = new int[Arrays.stream(labels).max().orElse(-1) + 1];
    for (int label : labels) {
      sizes[label]++;
    }
    int sharing = 0;
    for (int label : labels) {
      sharing += sizes[label] > 1 ? 1 : 0;
    }
    return sharing;
  }
}
