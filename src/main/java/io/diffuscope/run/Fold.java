package io.diffuscope.run;

import io.diffuscope.sampling.Observation;
import io.diffuscope.sampling.Reference;
import io.diffuscope.signal.ProbabilityFlowDistance;
import io.diffuscope.signal.Signal;
import io.diffuscope.signal.SignalEstimate;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The signals of one evaluation, and how many observations they have seen. */
final class Fold {
  private final List<Signal> signals;
  private final int total;
  private int done;

  /**
   * Nothing seen yet.
   *
   * @param total observations that make the evaluation complete
   */
  Fold(List<Signal> signals, int total) {
    this.signals = signals;
    this.total = total;
  }

  /** Takes an observation in; with the last one, what is costly is computed, too. */
  Evaluation.Update add(Observation observation, @Nullable WeightsUsed weights) {
    signals.forEach(signal -> signal.observe(observation));
    done++;
    boolean complete = done == total;
    List<SignalEstimate> estimates = new ArrayList<>();
    Map<Reference, double[]> squared = new EnumMap<>(Reference.class);
    for (Signal signal : signals) {
      estimates.addAll(signal.estimates(complete));
      if (complete && signal instanceof ProbabilityFlowDistance distance) {
        squared.put(distance.reference(), distance.squaredDistances());
      }
    }
    return new Evaluation.Update(done, total, List.copyOf(estimates), squared, weights);
  }
}
