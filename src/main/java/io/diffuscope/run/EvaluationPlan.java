package io.diffuscope.run;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.sampling.DenoisingPlan;
import io.diffuscope.sampling.DenoisingSettings;
import io.diffuscope.sampling.GeometrySummary;
import io.diffuscope.sampling.Probe;
import io.diffuscope.sampling.Reference;
import io.diffuscope.signal.AffinityToTrain;
import io.diffuscope.signal.DenoisingGap;
import io.diffuscope.signal.NearestRatio;
import io.diffuscope.signal.ProbabilityFlowDistance;
import io.diffuscope.signal.Signal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What an evaluation of one checkpoint consists of: which units of work, and which signals fold
 * what they bring. Known once the probe was opened and the sets' geometry was found; the same for
 * every checkpoint that is sampled, and for every one that is not.
 *
 * @param probeId the probe's id
 * @param samples number of samples M
 * @param sampleBlocks number of blocks of samples
 * @param references references of {@code pfd}
 * @param trainSize number of training points
 * @param geometry the sets' numbers
 * @param denoising where the denoising loss is measured
 * @param batchSize rows in one block
 * @param decisionZ width of the bounds that affinity's decisions use
 * @param seed seed of the permutation tests
 * @param sampled whether samples are drawn; otherwise only denoising losses are measured
 */
record EvaluationPlan(
    String probeId,
    int samples,
    int sampleBlocks,
    List<Reference> references,
    int trainSize,
    GeometrySummary geometry,
    DenoisingSettings denoising,
    int batchSize,
    double decisionZ,
    long seed,
    boolean sampled) {
  /** An evaluation that samples. */
  static EvaluationPlan of(Probe probe, GeometrySummary geometry, double decisionZ) {
    return new EvaluationPlan(
        probe.id(),
        probe.samples(),
        probe.sampleBlocks(),
        probe.references(),
        Math.toIntExact(probe.train().size()),
        geometry,
        probe.denoising(),
        probe.spec().batchSize(),
        decisionZ,
        probe.spec().seed(),
        true);
  }

  /** The same without samples: only the denoising losses. */
  EvaluationPlan lossesOnly() {
    return new EvaluationPlan(
        probeId,
        samples,
        sampleBlocks,
        references,
        trainSize,
        geometry,
        denoising,
        batchSize,
        decisionZ,
        seed,
        false);
  }

  /** Whether there are denoising losses to measure. */
  boolean measuresLosses() {
    return geometry.comparesHoldout() && !denoising.sigmas().isEmpty();
  }

  /** The units, cheap ones last: a broken network shows in the first block of samples. */
  List<WorkUnit> units(Checkpoint checkpoint) {
    List<WorkUnit> units = new ArrayList<>();
    for (int block = 0; sampled && block < sampleBlocks; block++) {
      units.add(new WorkUnit.SampleBlock(checkpoint, block));
    }
    if (geometry.comparesHoldout()) {
      int rows = DenoisingPlan.rows(trainSize, geometry.comparedHoldout(), denoising);
      for (double sigma : denoising.sigmas()) {
        for (int block = 0; block * batchSize < rows; block++) {
          units.add(new WorkUnit.DenoisingBlock(checkpoint, sigma, block));
        }
      }
    }
    return units;
  }

  /** Fresh signals for one checkpoint. */
  List<Signal> signals(Map<Reference, double[]> previous) {
    List<Signal> signals = new ArrayList<>();
    if (sampled) {
      for (Reference reference : references) {
        signals.add(new ProbabilityFlowDistance(reference, samples, previous.get(reference)));
      }
      signals.add(new NearestRatio(geometry.controlCopies(), geometry.controlPoints()));
    }
    if (geometry.comparesHoldout()) {
      if (sampled) {
        signals.add(
            new AffinityToTrain(
                geometry.distinctTrain(), geometry.comparedHoldout(), decisionZ, seed));
      }
      for (double sigma : denoising.sigmas()) {
        signals.add(
            new DenoisingGap(
                sigma,
                DenoisingPlan.images(trainSize, denoising),
                DenoisingPlan.images(geometry.comparedHoldout(), denoising),
                denoising.draws()));
      }
    }
    return signals;
  }
}
