package io.diffuscope.run;

import io.diffuscope.sampling.DuplicateCounts;
import io.diffuscope.sampling.GeometrySummary;
import io.diffuscope.sampling.Probe;
import io.diffuscope.statistics.HoldoutCheck;
import io.diffuscope.statistics.Strata;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What was found in the sets, for people: duplicates, and whether they are exchangeable. */
final class SetNotes {
  private SetNotes() {}

  /** What the exchangeable units are called. */
  static String units(Probe probe) {
    return probe.comparesByGroups() ? "groups" : "points";
  }

  /** Duplicates within and across the sets; nothing where there are none. */
  static List<String> duplicates(Probe probe, GeometrySummary geometry) {
    List<String> notes = new ArrayList<>();
    DuplicateCounts found = geometry.duplicates();
    if (found.trainNear() > 0) {
      notes.add(
          "duplicates within the training set: %d of its %d points have one, %d of them an equal one; they are grouped, and %d groups are left"
              .formatted(
                  found.trainNear(),
                  probe.train().size(),
                  found.trainEqual(),
                  geometry.distinctTrain()));
    }
    if (found.acrossNear() > 0) {
      notes.add(
          "duplicates across the sets: %d hold-out points have one in the training set, %d of them an equal one; they are left out of affinity and gap"
              .formatted(found.acrossNear(), found.acrossEqual()));
    }
    if (found.holdoutEqual() > 0 || found.holdoutNear() > 0) {
      notes.add(
          "duplicates within the hold-out set: %d points equal another, of which one is kept; %d of those compared have a near one among them"
              .formatted(found.holdoutEqual(), found.holdoutNear()));
    }
    return notes;
  }

  /** Hold-out points that cannot be compared, besides duplicates. */
  static List<String> leftOut(GeometrySummary geometry) {
    List<String> notes = new ArrayList<>();
    if (geometry.sharedGroups() > 0) {
      notes.add(
          "groups are in both sets: %d hold-out points of such groups are left out of affinity and gap"
              .formatted(geometry.sharedGroups()));
    }
    if (geometry.otherClasses() > 0) {
      notes.add(
          "classes are in the hold-out set alone: %d hold-out points of such classes are left out of affinity and gap"
              .formatted(geometry.otherClasses()));
    }
    return notes;
  }

  /** The hold-out check, and what rests on it. */
  static List<String> check(Probe probe, GeometrySummary geometry) {
    HoldoutCheck check = geometry.holdoutCheck();
    if (check == null) {
      return List.of();
    }
    Strata strata = geometry.strata();
    boolean classes = probe.comparesWithinClasses() && strata != null && strata.count() > 1;
    String within = classes ? " within classes" : "";
    if (check.differs()) {
      return List.of(
          String.format(
              Locale.ROOT,
              "train and hold-out differ%s (hold-out check p = %.2g; train -> train %.2f, holdout"
                  + " -> holdout %.2f): train_affinity and denoising_gap are not trustworthy and"
                  + " raise nothing; give a hold-out set drawn like the training set%s",
              within,
              check.pValue(),
              check.trainToTrain(),
              check.holdoutToHoldout(),
              advice(probe)));
    }
    return List.of(
        String.format(
            Locale.ROOT,
            "hold-out check passed (p = %.2g): %d training and %d hold-out %s look exchangeable%s",
            check.pValue(),
            strata == null ? 0 : strata.trainUnits(),
            strata == null ? 0 : strata.holdoutUnits(),
            units(probe),
            within));
  }

  private static String advice(Probe probe) {
    return probe.comparesByGroups()
        ? ""
        : ", or the groups that the split was made by (--train-groups, --holdout-groups)";
  }
}
