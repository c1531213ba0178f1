package io.diffuscope.signal;

import io.diffuscope.sampling.Observation;
import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.statistics.AffinityCounts;
import io.diffuscope.statistics.Estimate;
import io.diffuscope.statistics.Strata;
import io.diffuscope.statistics.TrainAffinity;
import io.diffuscope.statistics.TrainAffinityTest;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * Train affinity: the share of samples whose nearest point of training and hold-out set together is
 * a training point, its excess kappa, and the permutation p-value of "the labels are exchangeable"
 * ({@link TrainAffinityTest}). It needs no distance threshold and warns long before there are
 * copies.
 */
public final class AffinityToTrain implements Signal {
  private final AffinityCounts counts;
  private final TrainAffinityTest test;
  private final BitSet seen = new BitSet();

  /**
   * A fold over two sets.
   *
   * @param holdoutSize number of hold-out points that are compared
   * @param decisionZ width of the bounds that decisions use, in standard errors
   * @param seed seed of the permutation test
   */
  public AffinityToTrain(int trainSize, int holdoutSize, double decisionZ, long seed) {
    this(Strata.one(trainSize, holdoutSize), decisionZ, seed);
  }

  /**
   * A fold over the units of two sets: points, or the groups that the sets were split by.
   *
   * @param strata units by class, as {@link SampleObservation} numbers neighbours
   * @param decisionZ width of the bounds that decisions use, in standard errors
   * @param seed seed of the permutation test
   */
  public AffinityToTrain(Strata strata, double decisionZ, long seed) {
    this.counts = new AffinityCounts(strata);
    this.test = TrainAffinityTest.DEFAULT.withDecisionZ(decisionZ).withSeed(seed);
  }

  @Override
  public void observe(Observation observation) {
    if (!(observation instanceof SampleObservation block) || seen.get(block.block())) {
      return;
    }
    int[] holdoutNeighbour = block.holdoutNeighbour();
    double[] holdoutDistance = block.holdoutDistance();
    if (holdoutNeighbour == null || holdoutDistance == null) {
      return;
    }
    seen.set(block.block());
    for (int i = 0; i < block.count(); i++) {
      double toTrain = block.trainDistance()[i];
      double toHoldout = holdoutDistance[i];
      if (toTrain < toHoldout) {
        counts.train(block.trainNeighbour()[i]);
      } else if (toHoldout < toTrain) {
        counts.holdout(holdoutNeighbour[i]);
      } else {
        counts.tie(block.trainNeighbour()[i], holdoutNeighbour[i]);
      }
    }
  }

  @Override
  public List<SignalEstimate> estimates(boolean complete) {
    if (counts.samples() == 0) {
      return List.of();
    }
    List<SignalEstimate> estimates = new ArrayList<>();
    TrainAffinityTest.Shares shares = TrainAffinityTest.shares(counts);
    add(estimates, Statistic.SHARE, shares.share());
    add(estimates, Statistic.EXCESS, shares.excess());
    if (complete) {
      // Relabelling is the costly part, and a p-value of half the samples is not shown.
      TrainAffinity affinity = test.evaluate(counts);
      exact(estimates, Statistic.EXCESS_DECISION_LOWER, affinity.decisionLower());
      exact(estimates, Statistic.EXCESS_DECISION_UPPER, affinity.decisionUpper());
      exact(estimates, Statistic.Z, affinity.z());
      exact(estimates, Statistic.P_VALUE, affinity.pValue());
      exact(estimates, Statistic.EFFECTIVE_NEIGHBOURS, affinity.effectiveNeighbours());
    }
    return estimates;
  }

  private void exact(List<SignalEstimate> estimates, Statistic statistic, double value) {
    add(estimates, statistic, Estimate.exact(value, counts.samples()));
  }

  private static void add(List<SignalEstimate> estimates, Statistic statistic, Estimate estimate) {
    estimates.add(SignalEstimate.of(SignalNames.TRAIN_AFFINITY, null, statistic, estimate));
  }
}
