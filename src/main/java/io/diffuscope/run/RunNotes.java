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
import io.diffuscope.signal.SignalNames;
import io.diffuscope.signal.Spikiness;
import io.diffuscope.statistics.Strata;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What a user should know before the first number: which signals are off, and what the sets are
 * like.
 */
public final class RunNotes {
  private RunNotes() {}

  /** One sentence each. */
  public static List<String> of(Probe probe, GeometrySummary geometry) {
    List<String> notes = new ArrayList<>();
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
    if (!probe.hasDescriptor()) {
      notes.add("no descriptor: gl and rp are off; --descriptor gives one");
    }
    addClassNotes(notes, probe);
    addRangeNotes(notes, probe);
    addSpikinessNotes(notes, probe);
    notes.addAll(SetNotes.duplicates(probe, geometry));
    if (probe.holdout() != null) {
      addHoldoutNotes(notes, probe, geometry);
    }
    return notes;
  }

  /** The signals that are on, each with what it is measured against. */
  public static List<String> signalsOn(Probe probe, GeometrySummary geometry) {
    List<String> on = new ArrayList<>();
    for (Signal signal : EvaluationPlan.of(probe, geometry, 1).signals(Map.of())) {
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
    Strata units = geometry.strata();
    if (!geometry.comparesHoldout()) {
      notes.add(
          "fewer than 2 hold-out points are left: train_affinity, denoising_gap and"
              + " early_memorization are off");
      return;
    }
    notes.addAll(SetNotes.leftOut(geometry));
    if (units == null || !geometry.comparesUnits()) {
      notes.add(
          "fewer than 2 groups of either set are left: train_affinity and early_memorization are"
              + " off");
      return;
    }
    double p = (double) units.trainUnits() / (units.trainUnits() + units.holdoutUnits());
    long recommended = Math.round(400 * p / (1 - p));
    if (probe.samples() < recommended) {
      notes.add(
          "%d samples are few for %d training and %d hold-out %s: %d or more make train_affinity"
                  .formatted(
                      probe.samples(),
                      units.trainUnits(),
                      units.holdoutUnits(),
                      SetNotes.units(probe),
                      recommended)
              + " sharp");
    }
    notes.addAll(SetNotes.check(probe, geometry));
  }
}
