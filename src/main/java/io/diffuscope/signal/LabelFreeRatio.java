package io.diffuscope.signal;

import io.diffuscope.sampling.Observation;
import io.diffuscope.sampling.Observation.IcrObservation;
import io.diffuscope.statistics.Estimate;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The label-free ICR of hidden representations (arXiv 2606.09718): near 0 where they depend on the
 * image alone, 1 where they do not depend on it. On small training sets it falls while a model
 * generalizes and rises again where it memorizes.
 */
public final class LabelFreeRatio implements Signal {
  private @Nullable Estimate ratio;

  @Override
  public void observe(Observation observation) {
    if (observation instanceof IcrObservation found) {
      ratio = found.icr();
    }
  }

  @Override
  public List<SignalEstimate> estimates(boolean complete) {
    Estimate known = ratio;
    return known == null
        ? List.of()
        : List.of(SignalEstimate.of(SignalNames.ICR, null, Statistic.RATIO, known));
  }
}
