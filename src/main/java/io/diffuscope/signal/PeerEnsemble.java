package io.diffuscope.signal;

import io.diffuscope.sampling.Observation;
import io.diffuscope.sampling.Observation.EnsembleObservation;
import io.diffuscope.sampling.Reference;
import io.diffuscope.statistics.BiasVariance;
import io.diffuscope.statistics.Estimate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * Bias and variance of the squared probability flow distance over peers: E[PFD^2] = bias^2 +
 * variance (arXiv 2505.20123 names the parts; {@link BiasVariance} has the estimators). The mean
 * square is the peers' mean squared distance to the reference. With two peers the errors are over
 * noises, given the peers; from three on, over peers, too.
 */
public final class PeerEnsemble implements Signal {
  private final Reference reference;
  private final int samples;
  private final TreeMap<Integer, EnsembleObservation> blocks = new TreeMap<>();

  /**
   * A fold of the peers' distances to this reference.
   *
   * @param samples that there are; a result of fewer, where a block was lost, is none
   */
  public PeerEnsemble(Reference reference, int samples) {
    this.reference = reference;
    this.samples = samples;
  }

  /** What the peers are compared with. */
  public Reference reference() {
    return reference;
  }

  @Override
  public void observe(Observation observation) {
    if (observation instanceof EnsembleObservation block && block.reference() == reference) {
      blocks.putIfAbsent(block.block(), block);
    }
  }

  @Override
  public List<SignalEstimate> estimates(boolean complete) {
    if (blocks.isEmpty()) {
      return List.of();
    }
    Collection<EnsembleObservation> all = blocks.values();
    double[] total = joined(all, EnsembleObservation::total);
    if (complete && total.length < samples) {
      return List.of();
    }
    BiasVariance given = BiasVariance.ofParts(total, joined(all, EnsembleObservation::variance));
    BiasVariance parts =
        given
            .overStudents(
                means(all, EnsembleObservation::toReference, total.length),
                means(all, EnsembleObservation::betweenPairs, total.length))
            .orElse(given);
    List<SignalEstimate> estimates = new ArrayList<>();
    add(estimates, Statistic.MEAN_SQUARE, parts.total());
    add(estimates, Statistic.BIAS_SQUARED, parts.bias());
    add(estimates, Statistic.VARIANCE, parts.variance());
    return estimates;
  }

  private void add(List<SignalEstimate> estimates, Statistic statistic, Estimate estimate) {
    estimates.add(SignalEstimate.of(SignalNames.BIAS_VARIANCE, reference, statistic, estimate));
  }

  private static double[] joined(
      Collection<EnsembleObservation> blocks, Function<EnsembleObservation, double[]> part) {
    return blocks.stream().map(part).flatMapToDouble(Arrays::stream).toArray();
  }

  private static double[] means(
      Collection<EnsembleObservation> blocks,
      Function<EnsembleObservation, double[]> part,
      int noises) {
    double[] means = part.apply(blocks.iterator().next()).clone();
    Arrays.fill(means, 0);
    for (EnsembleObservation block : blocks) {
      double[] sums = part.apply(block);
      for (int i = 0; i < means.length; i++) {
        means[i] += sums[i] / noises;
      }
    }
    return means;
  }
}
