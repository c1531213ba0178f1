package io.diffuscope.run;

import io.diffuscope.model.NetworkSettings;
import io.diffuscope.model.SigmaGrid;
import io.diffuscope.sampling.Augmentation;
import io.diffuscope.sampling.GeometrySummary;
import io.diffuscope.sampling.Observation.FidelityObservation;
import io.diffuscope.sampling.Probe;
import io.diffuscope.sampling.Reference;
import io.diffuscope.sampling.RepresentationSettings;
import io.diffuscope.sampling.SpikinessSettings;
import io.diffuscope.signal.AffinityToTrain;
import io.diffuscope.signal.Authenticity;
import io.diffuscope.signal.DenoisingGap;
import io.diffuscope.signal.Fidelity;
import io.diffuscope.signal.GeneralizationScore;
import io.diffuscope.signal.LabelFreeRatio;
import io.diffuscope.signal.NearestRatio;
import io.diffuscope.signal.ProbabilityFlowDistance;
import io.diffuscope.signal.Representation;
import io.diffuscope.signal.Reproducibility;
import io.diffuscope.signal.ScalingPosition;
import io.diffuscope.signal.Signal;
import io.diffuscope.signal.SignalCatalogue;
import io.diffuscope.signal.SignalNames;
import io.diffuscope.signal.SignalSchedule;
import io.diffuscope.signal.Spikiness;
import io.diffuscope.statistics.Strata;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What a user should know before the first number: which signals are off, and what the sets are
 * like.
 */
public final class RunNotes {
  private static final String NO_DESCRIPTOR = "no descriptor; --descriptor gives one";
  private static final String LACKS_LABELS =
      "it needs the labels of both sets, or a network with a null_label";

  private static final String NO_REPRESENTATION =
      "the template returns no representation; export it with --representation MODULE";
  private static final String NO_NULL_LABEL =
      "the network knows classes, and none that stands for no class (null_label)";

  private RunNotes() {}

  /** One sentence each. */
  public static List<String> of(Probe probe, GeometrySummary geometry, SignalSchedule schedule) {
    List<String> notes = new ArrayList<>();
    addSwitchNotes(notes, schedule);
    if (probe.holdout() == null) {
      notes.add(
          "no hold-out set: train_affinity, denoising_gap, pfd to holdout, fidelity, the control of"
              + " nearest_ratio and both memorization flags are off");
    }
    if (probe.teacher() == null && schedule.isOn(SignalNames.PFD)) {
      notes.add(
          probe.references().contains(Reference.HOLDOUT)
              ? "no teacher: pfd to teacher is off; pfd to holdout stands in for it"
              : "no teacher: pfd to teacher is off");
    }
    if (!probe.hasDescriptor()
        && (schedule.isOn(SignalNames.GL) || schedule.isOn(SignalNames.RP))) {
      notes.add("no descriptor: gl and rp are off; --descriptor gives one");
    }
    for (Reference reference : probe.referencesTooDear()) {
      notes.add("pfd to %s is off: %s".formatted(reference.label(), tooDear(probe, reference)));
    }
    if (probe.holdout() != null
        && schedule.isOn(SignalNames.FIDELITY)
        && geometry.comparedHoldout() < FidelityObservation.LEAST_POINTS) {
      notes.add(
          "fidelity is off: it needs %d hold-out points, and %d are compared"
              .formatted(FidelityObservation.LEAST_POINTS, geometry.comparedHoldout()));
    }
    notes.addAll(SpaceNotes.of(probe));
    addClassNotes(notes, probe);
    addRangeNotes(notes, probe);
    if (schedule.isOn(SignalNames.SPIKINESS) || schedule.isOn(SignalNames.RAW_SPIKINESS)) {
      addSpikinessNotes(notes, probe);
    }
    addRepresentationNotes(notes, probe, schedule);
    notes.addAll(SetNotes.duplicates(probe, geometry));
    addSearchNotes(notes, probe, geometry);
    if (probe.holdout() != null) {
      addHoldoutNotes(notes, probe, geometry);
    }
    return notes;
  }

  /** What the flow of a set would take, and how to have it all the same. */
  private static String tooDear(Probe probe, Reference reference) {
    double operations = probe.operationsOfFlow(reference);
    return String.format(
        Locale.ROOT,
        "its empirical flow takes %.1e operations, some %s at 100 billion a second and %s at 10"
            + " trillion; --signals pfd=on measures it all the same",
        operations,
        hours(operations / 1e11),
        hours(operations / 1e13));
  }

  private static String hours(double seconds) {
    return seconds < 5400
        ? String.format(Locale.ROOT, "%.0f minutes", Math.max(1, seconds / 60))
        : seconds < 72 * 3600
            ? String.format(Locale.ROOT, "%.0f hours", seconds / 3600)
            : String.format(Locale.ROOT, "%.0f days", seconds / 86400);
  }

  /** How every signal of the catalogue stands, in the catalogue's order. */
  public static List<SignalStanding> standings(
      Probe probe, GeometrySummary geometry, SignalSchedule schedule) {
    EvaluationPlan plan = EvaluationPlan.of(probe, geometry, 1, schedule);
    return Arrays.stream(SignalCatalogue.values())
        .map(
            entry -> {
              String signal = entry.signal();
              boolean on = schedule.isOn(signal);
              boolean measured = on && plan.isPossible(signal);
              String why =
                  measured
                      ? against(probe, geometry, signal)
                      : on
                          ? lacking(probe, geometry, signal)
                          : schedule.every().containsKey(signal)
                              ? "switched off"
                              : "off unless asked for: --signals %s=on".formatted(signal);
              return new SignalStanding(entry, schedule.word(signal), measured, why);
            })
        .toList();
  }

  /** What a signal that is measured is measured against, and what of it is off. */
  private static String against(Probe probe, GeometrySummary geometry, String signal) {
    return switch (signal) {
      case SignalNames.PFD, SignalNames.RP -> {
        String to =
            "to "
                + probe.references().stream()
                    .map(Reference::label)
                    .collect(Collectors.joining(", "));
        yield probe.referencesTooDear().stream()
            .map(dear -> "; to %s: %s".formatted(dear.label(), tooDear(probe, dear)))
            .collect(Collectors.joining("", to, ""));
      }
      case SignalNames.NEAREST_RATIO ->
          geometry.comparesHoldout() ? "" : "without its control: no hold-out set";
      case SignalNames.SPIKINESS ->
          geometry.comparesHoldout() ? "" : "its rank correlation alone: no hold-out set";
      case SignalNames.REPRESENTATION -> "tested on " + testedOn(probe);
      default -> "";
    };
  }

  /** What a signal that is switched on lacks. */
  private static String lacking(Probe probe, GeometrySummary geometry, String signal) {
    String noHoldout =
        probe.holdout() == null
            ? "no hold-out set; --holdout gives one"
            : "fewer than 2 hold-out points are left";
    return switch (signal) {
      case SignalNames.TRAIN_AFFINITY ->
          geometry.comparesHoldout()
              ? "fewer than 2 %s of either set can be exchanged".formatted(SetNotes.units(probe))
              : noHoldout;
      case SignalNames.FIDELITY ->
          probe.holdout() == null
              ? noHoldout
              : "fewer than %d hold-out points are left"
                  .formatted(FidelityObservation.LEAST_POINTS);
      case SignalNames.DENOISING_GAP ->
          !geometry.comparesHoldout()
              ? noHoldout
              : probe.lacksLabelsForDenoising()
                  ? LACKS_LABELS
                  : "the network was trained on none of its noise levels";
      case SignalNames.SPIKINESS, SignalNames.RAW_SPIKINESS -> lackingForSpikiness(probe);
      case SignalNames.REPRESENTATION -> lackingForRepresentation(probe);
      case SignalNames.ICR -> lackingForIcr(probe);
      case SignalNames.GL, SignalNames.AUTHENTICITY -> NO_DESCRIPTOR;
      case SignalNames.RP -> probe.hasDescriptor() ? noReference(probe) : NO_DESCRIPTOR;
      case SignalNames.PFD -> noReference(probe);
      default -> "";
    };
  }

  private static String noReference(Probe probe) {
    return probe.referencesTooDear().stream()
        .map(dear -> "to %s: %s".formatted(dear.label(), tooDear(probe, dear)))
        .findFirst()
        .orElse("no reference has the classes that the network knows");
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
            case Fidelity fidelity -> SignalNames.FIDELITY;
            case Representation representation -> SignalNames.REPRESENTATION;
            case LabelFreeRatio icr -> SignalNames.ICR;
            case ScalingPosition scaling -> SignalNames.SCALING;
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
      if (off.contains(SignalNames.TRAIN_AFFINITY)) {
        notes.add("early_memorization raises nothing without train_affinity");
      }
      if (off.contains(SignalNames.NEAREST_RATIO)) {
        notes.add("memorization raises nothing without nearest_ratio");
      }
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
      notes.add("denoising_gap is off: " + LACKS_LABELS);
    }
  }

  private static void addSpikinessNotes(List<String> notes, Probe probe) {
    SpikinessSettings asked = probe.spec().spikiness();
    if (asked.images() == 0 || probe.spikiness().images() > 0) {
      return;
    }
    notes.add("spikiness is off: " + lackingForSpikiness(probe));
  }

  private static String lackingForSpikiness(Probe probe) {
    NetworkSettings network = probe.network();
    double sigma = probe.spec().spikiness().sigma();
    return !network.hasRepresentation()
        ? NO_REPRESENTATION
        : network.sigmaRange().contains(sigma)
            ? NO_NULL_LABEL
            : "the network was not trained on sigma %s; choose another spikiness.sigma"
                .formatted(sigma);
  }

  private static void addRepresentationNotes(
      List<String> notes, Probe probe, SignalSchedule schedule) {
    RepresentationSettings asked = probe.spec().representation();
    if (schedule.isOn(SignalNames.REPRESENTATION) && !asked.sigmas().isEmpty()) {
      List<Double> used = probe.representation().sigmas();
      if (used.isEmpty()) {
        notes.add("representation is off: " + lackingForRepresentation(probe));
      } else {
        if (used.size() < asked.sigmas().size()) {
          notes.add(
              "representation is measured at sigma %s alone: the network was trained on no others"
                  .formatted(used.stream().map(String::valueOf).collect(Collectors.joining(", "))));
        }
        if (!probe.testsClassesOnHoldout()) {
          notes.add("representation is tested on " + testedOn(probe));
        }
      }
    }
    if (schedule.isAskedFor(SignalNames.ICR) && asked.images() > 0 && !probe.allowsIcr()) {
      notes.add("icr is off: " + lackingForIcr(probe));
    }
  }

  private static String testedOn(Probe probe) {
    return probe.testsClassesOnHoldout()
        ? "hold-out images"
        : "every other training image, which the network has seen: no hold-out set with labels of"
            + " the same classes";
  }

  private static String lackingForRepresentation(Probe probe) {
    NetworkSettings network = probe.network();
    RepresentationSettings asked = probe.spec().representation();
    if (!network.hasRepresentation() || knowsOnlyClasses(network)) {
      return lackingForIcr(probe);
    }
    if (probe.train().labels() == null) {
      return "the training set has no labels; --train-labels gives them";
    }
    return asked.sigmas().stream().noneMatch(network.sigmaRange()::contains)
        ? "the network was trained on none of its noise levels; choose other representation.sigmas"
        : "fewer than two classes have two images or more to fit a probe to, and to test it on";
  }

  private static String lackingForIcr(Probe probe) {
    NetworkSettings network = probe.network();
    if (!network.hasRepresentation()) {
      return NO_REPRESENTATION;
    }
    return knowsOnlyClasses(network)
        ? NO_NULL_LABEL
        : "the network was not trained on sigma %s; choose another representation.icr-sigma"
            .formatted(probe.spec().representation().icrSigma());
  }

  private static boolean knowsOnlyClasses(NetworkSettings network) {
    return network.classes() != null && network.nullLabel() == null;
  }

  private static void addSearchNotes(List<String> notes, Probe probe, GeometrySummary geometry) {
    if (probe.spec().neighbours().augment() == Augmentation.HFLIP) {
      notes.add("neighbours are looked for among mirror images, too (augment hflip)");
    }
    if (probe.spec().neighbours().isIndexed(probe.train().size())) {
      notes.add(
          "neighbours of samples are looked for in an index, and some may be missed (search"
              + " approximate): recall_1 and recall_2 of nearest_ratio say how many it finds");
    }
    // Results of before this was counted have 0.
    if (geometry.searchedTrain() > 0 && geometry.searchedTrain() < probe.train().size()) {
      notes.add(
          ("the sets are large: near duplicates were looked for around %d of %d training points,"
                  + " and the control and the hold-out check rest on as few points;"
                  + " neighbours.geometry-operations allows for more")
              .formatted(geometry.searchedTrain(), probe.train().size()));
    }
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
