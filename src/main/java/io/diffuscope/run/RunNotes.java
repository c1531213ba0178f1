package io.diffuscope.run;

import io.diffuscope.model.NetworkSettings;
import io.diffuscope.model.SigmaGrid;
import io.diffuscope.sampling.GeometrySummary;
import io.diffuscope.sampling.Probe;
import io.diffuscope.sampling.Reference;
import io.diffuscope.sampling.SpikinessSettings;
import io.diffuscope.signal.AffinityToTrain;
import io.diffuscope.signal.Authenticity;
import io.diffuscope.signal.DenoisingGap;
import io.diffuscope.signal.GeneralizationScore;
import io.diffuscope.signal.NearestRatio;
import io.diffuscope.signal.ProbabilityFlowDistance;
import io.diffuscope.signal.Reproducibility;
import io.diffuscope.signal.Signal;
import io.diffuscope.signal.SignalCatalogue;
import io.diffuscope.signal.SignalNames;
import io.diffuscope.signal.SignalSchedule;
import io.diffuscope.signal.Spikiness;
import io.diffuscope.statistics.HoldoutCheck;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What a user should know before the first number: which signals are off, and what the sets are
 * like.
 */
public final class RunNotes {
  private RunNotes() {}

  /** One sentence each. */
  public static List<String> of(Probe probe, GeometrySummary geometry, SignalSchedule schedule) {
    List<String> notes = new ArrayList<>();
    addSwitchNotes(notes, schedule);
    if (probe.holdout() == null) {
      notes.add(
          "no hold-out set: train_affinity, denoising_gap, pfd to holdout, the control of"
              + " nearest_ratio and both memorization flags are off");
    }
    if (probe.teacher() == null) {
      notes.add(
          probe.references().contains(Reference.HOLDOUT)
              ? "no teacher: pfd to teacher is off; pfd to holdout stands in for it"
              : "no teacher: pfd to teacher is off");
    }
    if (!probe.hasDescriptor()
        && (schedule.isOn(SignalNames.GL) || schedule.isOn(SignalNames.RP))) {
      notes.add("no descriptor: gl and rp are off; --descriptor gives one");
    }
    addClassNotes(notes, probe);
    addRangeNotes(notes, probe);
    if (schedule.isOn(SignalNames.SPIKINESS) || schedule.isOn(SignalNames.RAW_SPIKINESS)) {
      addSpikinessNotes(notes, probe);
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

  /** The signals that are on, each with what it is measured against. */
  public static List<String> signalsOn(
      Probe probe, GeometrySummary geometry, SignalSchedule schedule) {
    List<String> on = new ArrayList<>();
    for (Signal signal : EvaluationPlan.of(probe, geometry, 1, schedule).signals(Map.of())) {
      String name =
          switch (signal) {
            case ProbabilityFlowDistance pfd ->
                "%s to %s".formatted(SignalNames.PFD, pfd.reference().label());
            case NearestRatio ratio -> SignalNames.NEAREST_RATIO;
            case AffinityToTrain affinity -> SignalNames.TRAIN_AFFINITY;
            case DenoisingGap gap -> SignalNames.DENOISING_GAP;
            case Spikiness spikiness -> SignalNames.SPIKINESS;
            case GeneralizationScore gl -> SignalNames.GL;
            case Reproducibility rp -> "%s to %s".formatted(SignalNames.RP, rp.reference().label());
            case Authenticity authenticity -> SignalNames.AUTHENTICITY;
            default -> signal.getClass().getSimpleName();
          };
      if (!on.contains(name)) {
        on.add(name);
      }
    }
    return on;
  }

  /** What somebody switched off, or to some checkpoints only. */
  private static void addSwitchNotes(List<String> notes, SignalSchedule schedule) {
    List<String> off =
        SignalCatalogue.names().stream()
            .filter(signal -> schedule.every().containsKey(signal) && !schedule.isOn(signal))
            .toList();
    if (!off.isEmpty()) {
      notes.add("switched off (signals): " + String.join(", ", off));
    }
    for (String signal : SignalCatalogue.names()) {
      if (schedule.everyOf(signal) > 1) {
        notes.add(
            "%s is measured at every %d-th checkpoint that is sampled"
                .formatted(signal, schedule.everyOf(signal)));
      }
    }
  }

  private static void addClassNotes(List<String> notes, Probe probe) {
    for (Reference reference : probe.referencesWithoutClasses()) {
      notes.add(
          "pfd to %s is off: %s"
              .formatted(
                  reference.label(),
                  switch (reference) {
                    case TRAIN ->
                        "the network is class-conditional and the training set has no labels; give"
                            + " them with --train-labels";
                    case HOLDOUT ->
                        "the network is class-conditional and the hold-out set has no labels; give"
                            + " them with --holdout-labels";
                    case TEACHER ->
                        "the network is class-conditional and the teacher knows no classes";
                    case PEER, PREVIOUS, GENERATED -> "it has no flow of its own";
                  }));
    }
    if (probe.holdout() != null && probe.lacksLabelsForDenoising()) {
      notes.add(
          "denoising_gap is off: it needs the labels of both sets, or a network with a null_label");
    }
  }

  private static void addSpikinessNotes(List<String> notes, Probe probe) {
    SpikinessSettings asked = probe.spec().spikiness();
    if (asked.images() == 0 || probe.spikiness().images() > 0) {
      return;
    }
    NetworkSettings network = probe.network();
    notes.add(
        "spikiness is off: "
            + (!network.hasRepresentation()
                ? "the template returns no representation; export it with --representation MODULE"
                : network.sigmaRange().contains(asked.sigma())
                    ? "the network knows classes, and none that stands for no class (null_label)"
                    : "the network was not trained on sigma %s; choose another spikiness.sigma"
                        .formatted(asked.sigma())));
  }

  private static void addRangeNotes(List<String> notes, Probe probe) {
    SigmaGrid asked = probe.spec().flow().grid();
    SigmaGrid used = probe.flow().grid();
    if (!used.equals(asked)) {
      notes.add(
          "noise levels %s to %s in place of %s to %s: the network was trained on no others"
              .formatted(used.sigmaMin(), used.sigmaMax(), asked.sigmaMin(), asked.sigmaMax()));
    }
    if (!probe.droppedSigmas().isEmpty()) {
      notes.add(
          "denoising_gap leaves out sigma %s: the network was not trained on it"
              .formatted(
                  probe.droppedSigmas().stream()
                      .map(String::valueOf)
                      .collect(Collectors.joining(", "))));
    }
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
