package io.diffuscope.signal;

import io.diffuscope.sampling.Observation;
import io.diffuscope.sampling.Observation.NetworkObservation;
import io.diffuscope.statistics.Estimate;
import io.diffuscope.statistics.Scaling;
import java.util.ArrayList;
import java.util.List;

/**
 * log2(N / sqrt(parameters)): where a run stands between memorization and generalization, as far as
 * sizes alone can tell. The same at every checkpoint; for comparing runs.
 */
public final class ScalingPosition implements Signal {
  private final long trainSize;
  private final List<SignalEstimate> found = new ArrayList<>();

  /**
   * A fold.
   *
   * @param trainSize N, training points
   */
  public ScalingPosition(long trainSize) {
    this.trainSize = trainSize;
  }

  @Override
  public void observe(Observation observation) {
    if (observation instanceof NetworkObservation network && network.parameters() > 0) {
      found.clear();
      found.add(
          SignalEstimate.of(
              SignalNames.SCALING,
              null,
              Statistic.LOG_RATIO,
              Estimate.exact(Scaling.of(trainSize, network.parameters()), trainSize)));
    }
  }

  @Override
  public List<SignalEstimate> estimates(boolean complete) {
    return List.copyOf(found);
  }
}
