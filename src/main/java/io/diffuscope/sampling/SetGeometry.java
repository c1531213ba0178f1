package io.diffuscope.sampling;

import com.fasterxml.jackson.annotation.JsonIgnore;
import io.diffuscope.statistics.HoldoutCheck;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What is known about the training and hold-out sets before any checkpoint: duplicates, the control
 * of the nearest ratio, and whether the two sets are exchangeable. Found once and cached by
 * content.
 *
 * @param duplicateDistance points closer than this are one group: a third of the median distance
 *     between a training point and its nearest other one
 * @param trainGroups group label of each training point, {@code [N_train]}
 * @param groupedTrain number of training points that share their group with another
 * @param comparedHoldout hold-out points that take part in affinity, denoising gap and control,
 *     ascending; null without a hold-out set
 * @param holdoutDuplicates hold-out points left out because they lie within {@code
 *     duplicateDistance} of a training point
 * @param controlRatios d1/d2 of each compared hold-out point to the training set
 * @param holdoutCheck the test of exchangeability; null without a hold-out set
 */
public record SetGeometry(
    double duplicateDistance,
    int[] trainGroups,
    int groupedTrain,
    int @Nullable [] comparedHoldout,
    int holdoutDuplicates,
    double @Nullable [] controlRatios,
    @Nullable HoldoutCheck holdoutCheck) {
  /** Whether any training point has a duplicate. */
  @JsonIgnore
  public boolean hasTrainDuplicates() {
    return groupedTrain > 0;
  }

  /** The numbers of it that leave the sampler. */
  public GeometrySummary summary() {
    return GeometrySummary.of(this);
  }

  /** Number of hold-out points that are compared; 0 without a hold-out set. */
  @JsonIgnore
  public int comparedHoldoutSize() {
    return comparedHoldout == null ? 0 : comparedHoldout.length;
  }

  /** Group labels of some training points. */
  int[] groupsOf(int[] trainPoints) {
    return Arrays.stream(trainPoints).map(i -> trainGroups[i]).toArray();
  }
}
