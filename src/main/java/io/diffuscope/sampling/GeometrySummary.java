package io.diffuscope.sampling;

import io.diffuscope.statistics.HoldoutCheck;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What a run needs to know of a {@link SetGeometry}: numbers only, so that it stays small however
 * large the sets are.
 *
 * @param groupedTrain training points that share their duplicate group with another
 * @param distinctTrain training points that differ: one for each group of duplicates
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
    int groupedTrain,
    int distinctTrain,
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
    return new GeometrySummary(0, train, (int) Math.min(train, holdout), 0, 0, 0, null, train);
  }

  static GeometrySummary of(SetGeometry geometry) {
    double[] ratios = geometry.controlRatios();
    return new GeometrySummary(
        geometry.groupedTrain(),
        geometry.distinctTrain(),
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

  /** Whether there are enough hold-out points to compare with. */
  public boolean comparesHoldout() {
    return comparedHoldout >= 2;
  }
}
