package io.diffuscope.sampling;

import io.diffuscope.statistics.HoldoutCheck;
import io.diffuscope.statistics.Strata;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What a run needs to know of a {@link SetGeometry}: numbers only, so that it stays small however
 * large the sets are.
 *
 * @param duplicates how many there are, within and across the sets
 * @param distinctTrain training points that differ: one for each group of duplicates
 * @param strata units of both sets by class, of which affinity is made: points, or the groups that
 *     the sets were split by; null without a hold-out set
 * @param sharedGroups hold-out points left out because their group is in the training set, too
 * @param otherClasses hold-out points left out because no training point is of their class
 * @param comparedHoldout hold-out points that take part in affinity and denoising gap
 * @param holdoutDuplicates hold-out points left out of that because they have a near duplicate in
 *     the training set, or an equal one before them
 * @param controlPoints hold-out points that the control is a share of: all but exact copies
 * @param controlCopies how many of them lie below {@link #COPY_RATIO}
 * @param holdoutCheck the test of exchangeability; null without a hold-out set
 * @param searchedTrain training points whose near duplicates were looked for; fewer than there are
 *     where the set is large
 */
public record GeometrySummary(
    DuplicateCounts duplicates,
    int distinctTrain,
    @Nullable Strata strata,
    int sharedGroups,
    int otherClasses,
    int comparedHoldout,
    int holdoutDuplicates,
    int controlPoints,
    int controlCopies,
    @Nullable HoldoutCheck holdoutCheck,
    int searchedTrain) {
  /** A point counts as a copy where d1/d2 is below this (Yoon et al. 2023). */
  public static final double COPY_RATIO = 1.0 / 3;

  /** That of sets without duplicates, before they were compared. */
  public static GeometrySummary withoutDuplicates(Probe probe) {
    int train = Math.toIntExact(probe.train().size());
    long holdout = probe.holdout() == null ? 0 : probe.holdout().size();
    return ofPoints(train, (int) Math.min(train, holdout));
  }

  static GeometrySummary of(SetGeometry geometry) {
    double[] ratios = geometry.controlRatios();
    return new GeometrySummary(
        geometry.duplicates(),
        geometry.distinctTrain(),
        geometry.strata(),
        geometry.sharedGroups(),
        geometry.otherClasses(),
        geometry.comparedHoldoutSize(),
        geometry.holdoutDuplicates(),
        ratios == null ? 0 : ratios.length,
        ratios == null
            ? 0
            : Math.toIntExact(
                Arrays.stream(ratios).filter(r -> Double.isNaN(r) || r < COPY_RATIO).count()),
        geometry.holdoutCheck(),
        geometry.searchedTrain());
  }

  /**
   * Sets that were split point by point, whatever their classes, without duplicates.
   *
   * @param train training points
   * @param holdout hold-out points; 0 without a hold-out set
   */
  public static GeometrySummary ofPoints(int train, int holdout) {
    return new GeometrySummary(
        DuplicateCounts.NONE,
        train,
        holdout == 0 ? null : Strata.one(train, holdout),
        0,
        0,
        holdout,
        0,
        holdout,
        0,
        null,
        train);
  }

  /** Whether there are enough units on both sides for affinity. */
  public boolean comparesUnits() {
    Strata units = strata;
    return units != null
        && units.trainUnits() >= 2
        && units.holdoutUnits() >= 2
        && units.canExchange();
  }

  /** Whether there are enough hold-out points to compare with. */
  public boolean comparesHoldout() {
    return comparedHoldout >= 2;
  }
}
