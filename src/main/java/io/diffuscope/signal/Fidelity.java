package io.diffuscope.signal;

import io.diffuscope.sampling.Observation;
import io.diffuscope.sampling.Observation.FidelityObservation;
import io.diffuscope.sampling.Reference;
import io.diffuscope.statistics.Estimate;
import io.diffuscope.statistics.KernelDistance;
import io.diffuscope.statistics.Moments;
import io.diffuscope.statistics.PrecisionRecall;
import io.diffuscope.statistics.Proportions;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.TreeMap;

/**
 * Whether samples look like hold-out points: that a model copies nothing does not mean that it is
 * good. The kernel distance ({@link KernelDistance}; KID where the features are Inception's), and
 * precision, density and coverage by nearest-neighbour balls ({@link PrecisionRecall}).
 *
 * <p>All hold for the hold-out points that they were measured against: their errors are those of
 * samples, and coverage's is that of hold-out points.
 */
public final class Fidelity implements Signal {
  private final TreeMap<Integer, FidelityObservation> blocks = new TreeMap<>();

  @Override
  public void observe(Observation observation) {
    if (observation instanceof FidelityObservation block) {
      blocks.put(block.block(), block);
    }
  }

  @Override
  public List<SignalEstimate> estimates(boolean complete) {
    if (blocks.isEmpty()) {
      return List.of();
    }
    List<KernelDistance.Block> kernels = new ArrayList<>();
    Moments balls = Moments.NONE;
    long precise = 0;
    BitSet covered = new BitSet();
    for (FidelityObservation block : blocks.values()) {
      if (block.within().length > 1) {
        kernels.add(new KernelDistance.Block(block.within(), block.across()));
      }
      for (int around : block.balls()) {
        precise += around > 0 ? 1 : 0;
        balls = balls.plus(Moments.of((double) around / PrecisionRecall.DEFAULT_NEIGHBOURS));
      }
      covered.or(BitSet.valueOf(block.covered()));
    }
    FidelityObservation any = blocks.firstEntry().getValue();
    List<SignalEstimate> estimates = new ArrayList<>();
    if (!kernels.isEmpty()) {
      estimates.add(
          estimate(Statistic.KERNEL_DISTANCE, KernelDistance.of(kernels, any.holdoutKernel())));
    }
    estimates.add(estimate(Statistic.PRECISION, Proportions.share(precise, balls.count())));
    estimates.add(estimate(Statistic.DENSITY, balls.estimate()));
    if (complete) {
      estimates.add(
          estimate(
              Statistic.COVERAGE, Proportions.share(covered.cardinality(), any.holdoutPoints())));
    }
    return estimates;
  }

  private static SignalEstimate estimate(Statistic statistic, Estimate estimate) {
    return SignalEstimate.of(SignalNames.FIDELITY, Reference.HOLDOUT, statistic, estimate);
  }
}
