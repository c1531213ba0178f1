package io.diffuscope.run;

import io.diffuscope.sampling.Observation;
import io.diffuscope.sampling.Reference;
import io.diffuscope.signal.ProbabilityFlowDistance;
import io.diffuscope.signal.Signal;
import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.signal.WorstSamples;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The signals of one evaluation, and how many units of work they have seen. */
final class Fold {
  private final List<Signal> signals;
  private final int total;
  private final WorstSamples worst;
  private int done;

  /**
   * Nothing seen yet.
   *
   * @param total units of work that make the evaluation complete
   */
  Fold(List<Signal> signals, int total) {
    this(signals, total, 0);
  }

  /**
   * Nothing seen yet.
   *
   * @param total units of work that make the evaluation complete
   * @param mostWorst how many of the worst samples are kept
   */
  Fold(List<Signal> signals, int total, int mostWorst) {
    this.signals = signals;
    this.total = total;
    this.worst = new WorstSamples(mostWorst);
  }

  /** Takes the observations of a unit in; with the last one, what is costly is computed, too. */
  Evaluation.Update add(List<? extends Observation> observations, @Nullable WeightsUsed weights) {
    observations.forEach(o -> signals.forEach(signal -> signal.observe(o)));
    observations.forEach(worst::observe);
    done++;
    boolean complete = done == total;
    List<SignalEstimate> estimates = new ArrayList<>();
    Map<Reference, double[]> squared = new EnumMap<>(Reference.class);
    for (Signal signal : signals) {
      estimates.addAll(signal.estimates(complete));
      if (complete
          && signal instanceof ProbabilityFlowDistance distance
          && distance.reference().hasFlow()) {
        squared.put(distance.reference(), distance.squaredDistances());
      }
    }
    return new Evaluation.Update(
        done,
        total,
        List.copyOf(estimates),
        squared,
        complete ? worst.worst() : List.of(),
        weights);
  }
}
