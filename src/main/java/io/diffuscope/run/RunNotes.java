package io.diffuscope.run;

import io.diffuscope.sampling.GeometrySummary;
import io.diffuscope.sampling.Probe;
import io.diffuscope.statistics.HoldoutCheck;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What a user should know before the first number: which signals are off, and what the sets are
 * like.
 */
final class RunNotes {
  private RunNotes() {}

  static List<String> of(Probe probe, GeometrySummary geometry) {
    List<String> notes = new ArrayList<>();
    if (probe.holdout() == null) {
      notes.add(
          "no hold-out set: train_affinity, denoising_gap, pfd to holdout, the control of"
              + " nearest_ratio and both memorization flags are off");
    }
    if (probe.teacher() == null) {
      notes.add(
          probe.holdout() == null
              ? "no teacher: pfd to teacher is off"
              : "no teacher: pfd to teacher is off; pfd to holdout stands in for it");
    }
    if (geometry.groupedTrain() > 0) {
      notes.add(
          "near duplicates within the training set are grouped: %d of its points are concerned"
              .formatted(geometry.groupedTrain()));
    }
    if (geometry.holdoutDuplicates() > 0) {
      notes.add(
          "hold-out points with a near duplicate in the training set, or an equal one before them,"
              + " are"
              + " left out of affinity and gap: %d".formatted(geometry.holdoutDuplicates()));
    }
    if (probe.holdout() != null) {
      addHoldoutNotes(notes, probe, geometry);
    }
    return notes;
  }

  private static void addHoldoutNotes(List<String> notes, Probe probe, GeometrySummary geometry) {
    int compared = geometry.comparedHoldout();
    if (!geometry.comparesHoldout()) {
      notes.add(
          "fewer than 2 hold-out points are left: train_affinity, denoising_gap and"
              + " early_memorization are off");
      return;
    }
    double p = (double) geometry.distinctTrain() / (geometry.distinctTrain() + compared);
    long recommended = Math.round(400 * p / (1 - p));
    if (probe.samples() < recommended) {
      notes.add(
          "%d samples are few for %d training and %d hold-out points: %d or more make train_affinity"
                  .formatted(probe.samples(), probe.train().size(), compared, recommended)
              + " sharp");
    }
    HoldoutCheck check = geometry.holdoutCheck();
    if (check != null && check.differs()) {
      notes.add(
          String.format(
              Locale.ROOT,
              "train and hold-out differ (hold-out check p = %.2g; train -> train %.2f, holdout ->"
                  + " holdout %.2f): train_affinity and denoising_gap are not trustworthy and raise"
                  + " nothing; give a hold-out set drawn like the training set",
              check.pValue(),
              check.trainToTrain(),
              check.holdoutToHoldout()));
    } else if (check != null) {
      notes.add(
          String.format(
              Locale.ROOT,
              "hold-out check passed (p = %.2g): %d training and %d hold-out points look"
                  + " exchangeable",
              check.pValue(),
              probe.train().size(),
              compared));
    }
  }
}
