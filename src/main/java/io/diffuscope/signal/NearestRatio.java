package io.diffuscope.signal;

import io.diffuscope.sampling.GeometrySummary;
import io.diffuscope.sampling.Observation;
import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.sampling.Reference;
import io.diffuscope.sampling.SearchRecall;
import io.diffuscope.statistics.Estimate;
import io.diffuscope.statistics.Proportions;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Share of samples that are copies: d1/d2 below a ratio, d1 and d2 being the distances to the
 * nearest training point and to the nearest one outside its duplicate group (ratio 1/3 as in Yoon
 * et al. 2023 and Bonnaire et al., arXiv 2505.17638, equation 6; 1/2 and 1/4 beside it).
 *
 * <p>A perfect model of r-dimensional data scores about 3^-r, so the same share for hold-out points
 * is the control, and the excess over it (Newcombe's interval) is what decisions rest on.
 */
public final class NearestRatio implements Signal {
  private final int controlCopies;
  private final int controlPoints;
  private final BitSet seen = new BitSet();
  private long samples;
  private long third;
  private long half;
  private long quarter;
  private @Nullable SearchRecall trainRecall;
  private @Nullable SearchRecall holdoutRecall;

  /**
   * A fold.
   *
   * @param controlCopies hold-out points that lie below the ratio themselves
   * @param controlPoints number of hold-out points compared; 0 without a hold-out set
   */
  public NearestRatio(int controlCopies, int controlPoints) {
    this.controlCopies = controlCopies;
    this.controlPoints = controlPoints;
  }

  @Override
  public void observe(Observation observation) {
    if (!(observation instanceof SampleObservation block) || seen.get(block.block())) {
      return;
    }
    seen.set(block.block());
    for (int i = 0; i < block.count(); i++) {
      if (block.secondDistance()[i] == Double.POSITIVE_INFINITY) {
        // All training points are duplicates of one another: there is no ratio.
        continue;
      }
      samples++;
      double ratio = block.trainDistance()[i] / block.secondDistance()[i];
      // 0/0: on a point that other groups share exactly; nothing is more of a copy.
      boolean both = Double.isNaN(ratio);
      third += both || ratio < GeometrySummary.COPY_RATIO ? 1 : 0;
      half += both || ratio < 1.0 / 2 ? 1 : 0;
      quarter += both || ratio < 1.0 / 4 ? 1 : 0;
    }
    if (block.trainRecall() != null) {
      trainRecall = block.trainRecall();
    }
    if (block.holdoutRecall() != null) {
      holdoutRecall = block.holdoutRecall();
    }
  }

  @Override
  public List<SignalEstimate> estimates(boolean complete) {
    if (samples == 0) {
      return List.of();
    }
    List<SignalEstimate> estimates = new ArrayList<>();
    add(estimates, Statistic.SHARE, Proportions.share(third, samples));
    add(estimates, Statistic.SHARE_HALF, Proportions.share(half, samples));
    add(estimates, Statistic.SHARE_QUARTER, Proportions.share(quarter, samples));
    if (controlPoints > 0) {
      add(estimates, Statistic.CONTROL, Proportions.share(controlCopies, controlPoints));
      add(
          estimates,
          Statistic.EXCESS,
          Proportions.difference(third, samples, controlCopies, controlPoints));
    }
    addRecall(estimates, Reference.TRAIN, trainRecall);
    addRecall(estimates, Reference.HOLDOUT, holdoutRecall);
    return estimates;
  }

  private static void addRecall(
      List<SignalEstimate> estimates, Reference set, @Nullable SearchRecall recall) {
    if (recall != null && recall.queries() > 0) {
      estimates.add(
          SignalEstimate.of(
              SignalNames.NEAREST_RATIO,
              set,
              Statistic.RECALL_1,
              Proportions.share(recall.first(), recall.queries())));
      estimates.add(
          SignalEstimate.of(
              SignalNames.NEAREST_RATIO,
              set,
              Statistic.RECALL_2,
              Proportions.share(recall.both(), recall.queries())));
    }
  }

  private static void add(List<SignalEstimate> estimates, Statistic statistic, Estimate estimate) {
    estimates.add(
        SignalEstimate.of(SignalNames.NEAREST_RATIO, Reference.TRAIN, statistic, estimate));
  }
}
