package io.diffuscope.sampling;

import java.util.Comparator;
import org.jspecify.annotations.Nullable;

/**
 * A sample that is more of a copy than the others, with the points that it lies next to.
 *
 * @param sample index of its noise
 * @param nearestTrain index of the nearest training point in its set
 * @param trainDistance its distance d1, in the units of the space where points are compared
 * @param secondTrain index of the nearest training point outside the duplicate group of the first;
 *     -1 where there is none
 * @param secondDistance its distance d2; infinite where there is none
 * @param groupSize training points in the duplicate group of the nearest one, itself included
 * @param nearestHoldout index of the nearest hold-out point in its set; -1 without a hold-out set
 * @param holdoutDistance its distance; infinite without a hold-out set
 * @param pictures of the three; null where none are told, or points are no images
 */
public record WorstSample(
    long sample,
    int nearestTrain,
    double trainDistance,
    int secondTrain,
    double secondDistance,
    int groupSize,
    int nearestHoldout,
    double holdoutDistance,
    @Nullable Trio pictures) {
  /** The worst first: by d1/d2, then by d1, then by index, so that the order is always the same. */
  public static final Comparator<WorstSample> WORST_FIRST =
      Comparator.comparingDouble(WorstSample::ratio)
          .thenComparingDouble(WorstSample::trainDistance)
          .thenComparingLong(WorstSample::sample);

  /**
   * Pictures of a sample and of the points next to it.
   *
   * @param train the nearest training point as it lies in its set
   * @param holdout null without a hold-out set
   */
  public record Trio(Picture sample, Picture train, @Nullable Picture holdout) {}

  /** d1/d2: the smaller, the more of a copy. 0/0 counts as 0, as in the nearest ratio. */
  public double ratio() {
    double ratio = trainDistance / secondDistance;
    return Double.isNaN(ratio) ? 0 : ratio;
  }

  /** The same with pictures. */
  public WorstSample with(Trio drawn) {
    return new WorstSample(
        sample,
        nearestTrain,
        trainDistance,
        secondTrain,
        secondDistance,
        groupSize,
        nearestHoldout,
        holdoutDistance,
        drawn);
  }
}
