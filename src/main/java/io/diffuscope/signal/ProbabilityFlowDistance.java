package io.diffuscope.signal;

import io.diffuscope.sampling.Observation;
import io.diffuscope.sampling.Observation.ComparisonObservation;
import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.sampling.Reference;
import io.diffuscope.statistics.Estimate;
import io.diffuscope.statistics.Proportions;
import io.diffuscope.statistics.SquaredDistances;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Probability flow distance to a reference: {@code ( mean_i |h(Phi_theta(x_i)) - h(Phi_ref(x_i))|^2
 * )^(1/2)} over shared noises x_i (Zhang et al., arXiv 2505.20123; root of the mean square as in
 * the authors' ICCV 2025 tutorial slides).
 *
 * <p>To the training set's empirical flow it is E_mem; to a teacher that the training set was drawn
 * from it is E_gen; to the hold-out set's empirical flow it stands in for E_gen. E_mem is
 * ill-conditioned, so it comes with {@code same_point}, and with the {@code ruler} between the two
 * empirical flows. All intervals are conditional on the model and the sets.
 */
public final class ProbabilityFlowDistance implements Signal {
  private final Reference reference;
  private final double @Nullable [] previous;
  private final double[] squared;
  private final TreeMap<Integer, SquaredDistances> partials = new TreeMap<>();
  private final TreeMap<Integer, SquaredDistances> ruler = new TreeMap<>();
  private long samePoints;
  private long samples;

  /**
   * A fold over M samples.
   *
   * @param previous squared distances of the checkpoint before, in order of the noises; null if
   *     none
   */
  public ProbabilityFlowDistance(Reference reference, int samples, double @Nullable [] previous) {
    this.reference = reference;
    this.squared = new double[samples];
    this.previous = previous;
  }

  @Override
  public void observe(Observation observation) {
    switch (observation) {
      case SampleObservation block -> {
        if (add(block.block(), block.first(), block.squaredDistances().get(reference))) {
          addSamePoints(block);
        }
      }
      case ComparisonObservation block ->
          add(block.block(), block.first(), block.squaredDistances().get(reference));
      default -> {}
    }
  }

  private boolean add(int block, long first, double @Nullable [] distances) {
    if (distances == null || partials.containsKey(block)) {
      return false;
    }
    System.arraycopy(distances, 0, squared, Math.toIntExact(first), distances.length);
    partials.put(block, SquaredDistances.of(distances));
    samples += distances.length;
    return true;
  }

  private void addSamePoints(SampleObservation block) {
    for (boolean same : block.samePoint()) {
      samePoints += same ? 1 : 0;
    }
    double[] between = block.ruler();
    if (reference == Reference.TRAIN && between != null) {
      ruler.put(block.block(), SquaredDistances.of(between));
    }
  }

  /** Squared distances by noise, for the paired change to the next checkpoint. */
  public double[] squaredDistances() {
    return squared.clone();
  }

  public Reference reference() {
    return reference;
  }

  @Override
  public List<SignalEstimate> estimates(boolean complete) {
    // Of kept samples a block may be lost: what is left is another mean.
    boolean isPart = complete && !reference.hasFlow() && samples < squared.length;
    if (partials.isEmpty() || isPart) {
      return List.of();
    }
    SquaredDistances all = SquaredDistances.ofBlocks(partials);
    List<SignalEstimate> estimates = new ArrayList<>();
    add(estimates, Statistic.RMS, all.rootMeanSquare());
    add(estimates, Statistic.MEAN, all.meanDistance());
    add(estimates, Statistic.MEAN_SQUARE, all.meanSquare());
    add(estimates, Statistic.MAX_PAIR_SHARE, all.largestShare());
    if (complete && previous != null && previous.length == squared.length) {
      add(estimates, Statistic.CHANGE, SquaredDistances.change(previous, squared));
    }
    if (reference == Reference.TRAIN) {
      add(estimates, Statistic.SAME_POINT, Proportions.share(samePoints, samples));
      if (!ruler.isEmpty()) {
        add(estimates, Statistic.RULER, SquaredDistances.ofBlocks(ruler).rootMeanSquare());
      }
    }
    return estimates;
  }

  private void add(List<SignalEstimate> estimates, Statistic statistic, Estimate estimate) {
    estimates.add(SignalEstimate.of(SignalNames.PFD, reference, statistic, estimate));
  }
}
