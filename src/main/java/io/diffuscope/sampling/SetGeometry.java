package io.diffuscope.sampling;

import com.fasterxml.jackson.annotation.JsonIgnore;
import io.diffuscope.statistics.HoldoutCheck;
import io.diffuscope.statistics.Strata;
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
 * @param trainUnits exchangeable unit of each training point, {@code [N_train]}: its group of
 *     duplicates, or the patient or video that this one belongs to, numbered class by class
 * @param duplicates how many there are, within and across the sets
 * @param comparedHoldout hold-out points that take part in affinity and denoising gap, ascending;
 *     null without a hold-out set
 * @param holdoutUnits exchangeable unit of each of them; null without a hold-out set
 * @param strata units of both sets by class; null without a hold-out set
 * @param sharedGroups hold-out points left out because their group is in the training set, too
 * @param otherClasses hold-out points left out because no training point is of their class
 * @param holdoutDuplicates hold-out points left out because they lie within {@code
 *     duplicateDistance} of a training point
 * @param controlRatios d1/d2 to the training set of every hold-out point that is not an exact copy:
 *     leaving out near ones too would bias the control, because those are what it counts
 * @param holdoutCheck the test of exchangeability; null without a hold-out set
 * @param searchedTrain training points whose near duplicates were looked for: all of them, or in a
 *     large set some that were drawn at random; equal points are found always
 */
public record SetGeometry(
    double duplicateDistance,
    int[] trainGroups,
    int[] trainUnits,
    DuplicateCounts duplicates,
    int @Nullable [] comparedHoldout,
    int @Nullable [] holdoutUnits,
    @Nullable Strata strata,
    int sharedGroups,
    int otherClasses,
    int holdoutDuplicates,
    double @Nullable [] controlRatios,
    @Nullable HoldoutCheck holdoutCheck,
    int searchedTrain) {
  /** Whether this can be the geometry of sets of these sizes; a cached file may be anything. */
  boolean fits(int trainSize, int holdoutSize) {
    int[] compared = comparedHoldout;
    boolean holdoutFits =
        compared == null
            ? holdoutSize == 0
            : holdoutSize > 0
                && controlRatios != null
                && fitUnits(compared)
                && Arrays.stream(compared).allMatch(i -> i >= 0 && i < holdoutSize);
    return holdoutFits
        && trainGroups != null
        && trainGroups.length == trainSize
        && searchedTrain > 0
        && searchedTrain <= trainSize
        && trainUnits != null
        && trainUnits.length == trainSize
        && duplicates != null
        && Arrays.stream(trainGroups).allMatch(g -> g >= 0 && g < trainSize);
  }

  private boolean fitUnits(int[] compared) {
    Strata found = strata;
    int[] units = holdoutUnits;
    return found != null
        && units != null
        && units.length == compared.length
        && Arrays.stream(units).allMatch(u -> u >= 0 && u < found.holdoutUnits())
        && Arrays.stream(trainUnits).allMatch(u -> u >= 0 && u < found.trainUnits());
  }

  /** What is known of a training set alone. */
  static SetGeometry ofTrain(
      double duplicateDistance, int[] groups, DuplicateCounts duplicates, int searchedTrain) {
    return new SetGeometry(
        duplicateDistance,
        groups,
        positions(groups),
        duplicates,
        null,
        null,
        null,
        0,
        0,
        0,
        null,
        null,
        searchedTrain);
  }

  /**
   * For each training point the position of its group among all groups, in the order of their first
   * points: the point's own index where there are no duplicates.
   */
  static int[] positions(int[] groups) {
    int[] positions = new int[groups.length];
    int next = 0;
    for (int i = 0; i < positions.length; i++) {
      // A label is the index of the group's first point, so that one was numbered before.
      positions[i] = groups[i] == i ? next++ : positions[groups[i]];
    }
    return positions;
  }

  /** Number of training points that differ: one for each group of duplicates. */
  @JsonIgnore
  public int distinctTrain() {
    int distinct = 0;
    for (int i = 0; i < trainGroups.length; i++) {
      distinct += trainGroups[i] == i ? 1 : 0;
    }
    return distinct;
  }

  /** Whether near duplicates were looked for around every training point. */
  @JsonIgnore
  public boolean isWhole() {
    return searchedTrain == trainGroups.length;
  }

  /** Whether any training point has a duplicate. */
  @JsonIgnore
  public boolean hasTrainDuplicates() {
    return duplicates.trainNear() > 0;
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
}
