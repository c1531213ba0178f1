package io.diffuscope.run;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.sampling.DenoisingPlan;
import io.diffuscope.sampling.DenoisingSettings;
import io.diffuscope.sampling.GeometrySummary;
import io.diffuscope.sampling.KeptSamples;
import io.diffuscope.sampling.Observation.FidelityObservation;
import io.diffuscope.sampling.Probe;
import io.diffuscope.sampling.Reference;
import io.diffuscope.sampling.SampleMeasurement;
import io.diffuscope.sampling.SetImages;
import io.diffuscope.signal.AffinityToTrain;
import io.diffuscope.signal.Authenticity;
import io.diffuscope.signal.DenoisingGap;
import io.diffuscope.signal.Fidelity;
import io.diffuscope.signal.GeneralizationScore;
import io.diffuscope.signal.LabelFreeRatio;
import io.diffuscope.signal.NearestRatio;
import io.diffuscope.signal.PeerEnsemble;
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
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What an evaluation of one checkpoint consists of: which units of work, and which signals fold
 * what they bring. Known once the probe was opened and the sets' geometry was found.
 *
 * @param probe what is measured with
 * @param geometry the sets' numbers
 * @param decisionZ width of the bounds that affinity's decisions use
 * @param schedule which signals are measured, and at which checkpoints
 * @param comparisons which other samples are compared with
 * @param run its id
 * @param ordinal how many checkpoints of the run were sampled before this one
 * @param sampled whether samples are drawn; otherwise only denoising losses are measured
 */
record EvaluationPlan(
    Probe probe,
    GeometrySummary geometry,
    double decisionZ,
    SignalSchedule schedule,
    ComparisonSettings comparisons,
    String run,
    long ordinal,
    boolean sampled) {
  /** The first evaluation of a run, which samples: every signal that is on is due. */
  static EvaluationPlan of(Probe probe, GeometrySummary geometry, RunSettings settings) {
    return new EvaluationPlan(
        probe,
        geometry,
        settings.detectors().earlyMemorization().decisionZ(),
        settings.signals(),
        settings.comparisons(),
        settings.id(),
        0,
        true);
  }

  /** The same with these settings alone. */
  static EvaluationPlan of(
      Probe probe, GeometrySummary geometry, double decisionZ, SignalSchedule schedule) {
    return new EvaluationPlan(
        probe, geometry, decisionZ, schedule, ComparisonSettings.OFF, "run", 0, true);
  }

  /** That of the checkpoint before which so many were sampled. */
  EvaluationPlan at(long sampledBefore) {
    return new EvaluationPlan(
        probe, geometry, decisionZ, schedule, comparisons, run, sampledBefore, sampled);
  }

  /** The same without samples: only the denoising losses. */
  EvaluationPlan lossesOnly() {
    return new EvaluationPlan(
        probe, geometry, decisionZ, schedule, comparisons, run, ordinal, false);
  }

  String probeId() {
    return probe.id();
  }

  int samples() {
    return probe.samples();
  }

  /** Whether there are denoising losses to measure at all. */
  boolean measuresLosses() {
    return schedule.isOn(SignalNames.DENOISING_GAP) && isPossible(SignalNames.DENOISING_GAP);
  }

  /** Whether what a signal needs is there. */
  boolean isPossible(String signal) {
    return switch (signal) {
      case SignalNames.PFD -> !compared().isEmpty();
      case SignalNames.TRAIN_AFFINITY -> geometry.comparesUnits();
      case SignalNames.FIDELITY -> geometry.comparedHoldout() >= FidelityObservation.LEAST_POINTS;
      case SignalNames.DENOISING_GAP ->
          geometry.comparesHoldout() && !probe.denoising().sigmas().isEmpty();
      case SignalNames.SPIKINESS, SignalNames.RAW_SPIKINESS -> probe.spikiness().images() > 0;
      case SignalNames.REPRESENTATION -> !probe.representation().sigmas().isEmpty();
      case SignalNames.ICR -> probe.allowsIcr();
      case SignalNames.GL, SignalNames.AUTHENTICITY -> probe.hasDescriptor();
      case SignalNames.RP -> probe.hasDescriptor() && !compared().isEmpty();
      case SignalNames.BIAS_VARIANCE -> comparisons.hasPeers(run) && ensembleReference() != null;
      default -> true;
    };
  }

  /** What samples are compared with noise by noise: flows, and samples that were kept. */
  List<Reference> compared() {
    List<Reference> all = new ArrayList<>(probe.references());
    if (comparisons.previous() && comparisons.isOn(run)) {
      all.add(Reference.PREVIOUS);
    }
    if (comparisons.hasPeers(run)) {
      all.add(Reference.PEER);
    }
    return all;
  }

  /** The reference of the peers' generalization error; null where there is none. */
  private @Nullable Reference ensembleReference() {
    List<Reference> flows = probe.references();
    return flows.contains(Reference.TEACHER)
        ? Reference.TEACHER
        : flows.contains(Reference.HOLDOUT) ? Reference.HOLDOUT : null;
  }

  /** What is compared once the samples are kept. */
  Comparisons kept() {
    return new Comparisons(
        comparisons, run, probe, measures(SignalNames.BIAS_VARIANCE) ? ensembleReference() : null);
  }

  /** Whether a signal is measured of this checkpoint. */
  boolean measures(String signal) {
    boolean ofSamples = !signal.equals(SignalNames.DENOISING_GAP);
    return (sampled || !ofSamples) && schedule.isDue(signal, ordinal) && isPossible(signal);
  }

  private boolean measuresAny(String... signals) {
    return Arrays.stream(signals).anyMatch(this::measures);
  }

  private boolean measuresSpikiness() {
    return measuresAny(SignalNames.SPIKINESS, SignalNames.RAW_SPIKINESS);
  }

  /** What is measured on samples, beside neighbours and distances. */
  private Set<SampleMeasurement> measurements() {
    Set<SampleMeasurement> measured = EnumSet.noneOf(SampleMeasurement.class);
    if (measuresSpikiness()) {
      measured.add(SampleMeasurement.SPIKINESS);
    }
    if (measuresAny(SignalNames.GL, SignalNames.RP, SignalNames.AUTHENTICITY)) {
      measured.add(SampleMeasurement.SIMILARITIES);
    }
    if (measures(SignalNames.AUTHENTICITY)) {
      measured.add(SampleMeasurement.AUTHENTICITY);
    }
    if (measures(SignalNames.FIDELITY)) {
      measured.add(SampleMeasurement.FIDELITY);
    }
    return measured;
  }

  private boolean measuresSamples() {
    return Arrays.stream(SignalCatalogue.values())
        .filter(SignalCatalogue::isOfSamples)
        .map(SignalCatalogue::signal)
        .anyMatch(this::measures);
  }

  /** Where the samples of a checkpoint are kept for comparisons; null where they are not. */
  @Nullable KeptSamples place(Checkpoint checkpoint) {
    boolean compares = measuresAny(SignalNames.PFD, SignalNames.RP, SignalNames.BIAS_VARIANCE);
    return measuresSamples() && compares ? kept().place(checkpoint) : null;
  }

  /** The units, cheap ones last: a broken network shows in the first block of samples. */
  List<WorkUnit> units(Checkpoint checkpoint) {
    List<WorkUnit> units = new ArrayList<>();
    if (measuresSamples()) {
      Set<SampleMeasurement> measured = measurements();
      KeptSamples keep = place(checkpoint);
      for (int block = 0; block < probe.sampleBlocks(); block++) {
        units.add(new WorkUnit.SampleBlock(checkpoint, block, measured).keptIn(keep));
      }
    }
    if (measures(SignalNames.DENOISING_GAP)) {
      DenoisingSettings denoising = probe.denoising();
      int blocks = blocks(DenoisingPlan.rows(trainSize(), geometry.comparedHoldout(), denoising));
      for (double sigma : denoising.sigmas()) {
        for (int block = 0; block < blocks; block++) {
          units.add(new WorkUnit.DenoisingBlock(checkpoint, sigma, block));
        }
      }
    }
    if (measuresSpikiness()) {
      int blocks = blocks(spikinessImages(trainSize()) + spikinessImages(comparedHoldout()));
      for (int block = 0; block < blocks; block++) {
        units.add(new WorkUnit.SpikinessBlock(checkpoint, block));
      }
    }
    addRepresentation(units, checkpoint);
    return units;
  }

  private void addRepresentation(List<WorkUnit> units, Checkpoint checkpoint) {
    if (measures(SignalNames.REPRESENTATION)) {
      for (int level = 0; level < probe.representation().sigmas().size(); level++) {
        units.add(new WorkUnit.RepresentationLevel(checkpoint, level));
      }
    }
    if (measures(SignalNames.ICR)) {
      units.add(new WorkUnit.RepresentationIcr(checkpoint));
    }
    if (measures(SignalNames.SCALING)) {
      units.add(new WorkUnit.NetworkSize(checkpoint));
    }
  }

  private void addRepresentation(List<Signal> signals) {
    if (measures(SignalNames.REPRESENTATION)) {
      signals.add(new Representation(probe.spec().seed()));
    }
    if (measures(SignalNames.ICR)) {
      signals.add(new LabelFreeRatio());
    }
    if (measures(SignalNames.SCALING)) {
      signals.add(new ScalingPosition(probe.train().size()));
    }
  }

  private int blocks(int rows) {
    int batch = probe.spec().batchSize();
    return (rows + batch - 1) / batch;
  }

  int trainSize() {
    return Math.toIntExact(probe.train().size());
  }

  private int comparedHoldout() {
    return geometry.comparesHoldout() ? geometry.comparedHoldout() : 0;
  }

  private int spikinessImages(int setSize) {
    return SetImages.number(setSize, probe.spikiness().images());
  }

  /** What is measured under a descriptor; there is a place for pairs with other references, too. */
  private void addSimilarities(List<Signal> signals) {
    double threshold = probe.spec().descriptor().similarityThreshold();
    if (measures(SignalNames.GL)) {
      signals.add(new GeneralizationScore(threshold));
    }
    if (measures(SignalNames.RP)) {
      for (Reference reference : compared()) {
        signals.add(new Reproducibility(reference, threshold, probe.samples()));
      }
    }
    if (measures(SignalNames.AUTHENTICITY)) {
      signals.add(new Authenticity());
    }
  }

  private void addDistances(List<Signal> signals, Map<Reference, double[]> previous) {
    if (measures(SignalNames.PFD)) {
      for (Reference reference : compared()) {
        signals.add(
            new ProbabilityFlowDistance(reference, probe.samples(), previous.get(reference)));
      }
    }
    if (measures(SignalNames.NEAREST_RATIO)) {
      signals.add(new NearestRatio(geometry.controlCopies(), geometry.controlPoints()));
    }
  }

  private void addLosses(List<Signal> signals) {
    DenoisingSettings denoising = probe.denoising();
    for (double sigma : denoising.sigmas()) {
      signals.add(
          new DenoisingGap(
              sigma,
              DenoisingPlan.images(trainSize(), denoising),
              DenoisingPlan.images(geometry.comparedHoldout(), denoising),
              denoising.draws()));
    }
  }

  /** Fresh signals for this checkpoint. */
  List<Signal> signals(Map<Reference, double[]> previous) {
    List<Signal> signals = new ArrayList<>();
    addDistances(signals, previous);
    addSimilarities(signals);
    Strata units = geometry.strata();
    if (units != null && measures(SignalNames.TRAIN_AFFINITY)) {
      signals.add(new AffinityToTrain(units, decisionZ, probe.spec().seed()));
    }
    if (measures(SignalNames.DENOISING_GAP)) {
      addLosses(signals);
    }
    if (measures(SignalNames.FIDELITY)) {
      signals.add(new Fidelity());
    }
    if (measuresSpikiness()) {
      signals.add(
          new Spikiness(
              spikinessImages(trainSize()),
              measures(SignalNames.SPIKINESS),
              measures(SignalNames.RAW_SPIKINESS)));
    }
    addRepresentation(signals);
    Reference ensemble = ensembleReference();
    if (ensemble != null && measures(SignalNames.BIAS_VARIANCE)) {
      signals.add(new PeerEnsemble(ensemble, probe.samples()));
    }
    return signals;
  }
}
