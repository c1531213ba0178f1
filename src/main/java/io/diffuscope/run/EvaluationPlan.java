package io.diffuscope.run;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.sampling.DenoisingPlan;
import io.diffuscope.sampling.DenoisingSettings;
import io.diffuscope.sampling.DescriptorSettings;
import io.diffuscope.sampling.GeometrySummary;
import io.diffuscope.sampling.Probe;
import io.diffuscope.sampling.Reference;
import io.diffuscope.sampling.SetImages;
import io.diffuscope.signal.AffinityToTrain;
import io.diffuscope.signal.Authenticity;
import io.diffuscope.signal.DenoisingGap;
import io.diffuscope.signal.GeneralizationScore;
import io.diffuscope.signal.NearestRatio;
import io.diffuscope.signal.ProbabilityFlowDistance;
import io.diffuscope.signal.Reproducibility;
import io.diffuscope.signal.Signal;
import io.diffuscope.signal.Spikiness;
import io.diffuscope.statistics.Strata;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What an evaluation of one checkpoint consists of: which units of work, and which signals fold
 * what they bring. Known once the probe was opened and the sets' geometry was found; the same for
 * every checkpoint that is sampled, and for every one that is not.
 *
 * @param probe what is measured with
 * @param geometry the sets' numbers
 * @param decisionZ width of the bounds that affinity's decisions use
 * @param sampled whether samples are drawn; otherwise only denoising losses are measured
 */
record EvaluationPlan(Probe probe, GeometrySummary geometry, double decisionZ, boolean sampled) {
  /** An evaluation that samples. */
  static EvaluationPlan of(Probe probe, GeometrySummary geometry, double decisionZ) {
    return new EvaluationPlan(probe, geometry, decisionZ, true);
  }

  /** The same without samples: only the denoising losses. */
  EvaluationPlan lossesOnly() {
    return new EvaluationPlan(probe, geometry, decisionZ, false);
  }

  String probeId() {
    return probe.id();
  }

  int samples() {
    return probe.samples();
  }

  /** Whether there are denoising losses to measure. */
  boolean measuresLosses() {
    return geometry.comparesHoldout() && !probe.denoising().sigmas().isEmpty();
  }

  private boolean measuresSpikiness() {
    return sampled && probe.spikiness().images() > 0;
  }

  /** The units, cheap ones last: a broken network shows in the first block of samples. */
  List<WorkUnit> units(Checkpoint checkpoint) {
    List<WorkUnit> units = new ArrayList<>();
    for (int block = 0; sampled && block < probe.sampleBlocks(); block++) {
      units.add(new WorkUnit.SampleBlock(checkpoint, block));
    }
    if (measuresLosses()) {
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
    return units;
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
    if (!probe.hasDescriptor()) {
      return;
    }
    DescriptorSettings settings = probe.spec().descriptor();
    signals.add(new GeneralizationScore(settings.similarityThreshold()));
    for (Reference reference : probe.references()) {
      signals.add(new Reproducibility(reference, settings.similarityThreshold()));
    }
    if (settings.authenticity()) {
      signals.add(new Authenticity());
    }
  }

  /** Fresh signals for one checkpoint. */
  List<Signal> signals(Map<Reference, double[]> previous) {
    List<Signal> signals = new ArrayList<>();
    if (sampled) {
      for (Reference reference : probe.references()) {
        signals.add(
            new ProbabilityFlowDistance(reference, probe.samples(), previous.get(reference)));
      }
      signals.add(new NearestRatio(geometry.controlCopies(), geometry.controlPoints()));
      addSimilarities(signals);
    }
    if (geometry.comparesHoldout()) {
      Strata units = geometry.strata();
      if (sampled && units != null && geometry.comparesUnits()) {
        signals.add(new AffinityToTrain(units, decisionZ, probe.spec().seed()));
      }
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
    if (measuresSpikiness()) {
      signals.add(new Spikiness(spikinessImages(trainSize())));
    }
    return signals;
  }
}
