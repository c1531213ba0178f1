package io.diffuscope.web;

import io.diffuscope.publish.MetricCatalogue;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunEvent.Standing;
import io.diffuscope.web.RunView.ResultView;
import io.diffuscope.web.RunView.ValueView;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/** The latest evaluations of a run, with what later attempts made of them. */
final class Results {
  private static final int KEPT = 50;

  private final Deque<ResultView> results = new ArrayDeque<>();

  void add(RunEvent.EvaluationCompleted event) {
    List<ValueView> values =
        event.estimates().stream()
            .filter(estimate -> estimate.sigma() == null && MetricCatalogue.isMain(estimate))
            .map(
                estimate ->
                    new ValueView(
                        estimate.signal(),
                        estimate.reference() == null ? null : estimate.reference().label(),
                        BoardRun.finite(estimate.estimate().value()),
                        BoardRun.finite(estimate.estimate().standardError())))
            .toList();
    // The last of a run may be sampled after its losses were measured.
    results.removeIf(
        before ->
            before.standing().equals(Standing.LOSSES_ONLY.label())
                && before.checkpoint().equals(event.checkpoint().name())
                && before.attempt() == event.attempt());
    results.addFirst(
        new ResultView(
            event.checkpoint().step(),
            event.checkpoint().name(),
            event.attempt(),
            event.standing().label(),
            event.sampled(),
            event.at().toString(),
            values));
    if (results.size() > KEPT) {
      results.removeLast();
    }
  }

  /** A new attempt goes on from before this step. */
  void supersede(long fromStep) {
    List<ResultView> all = new ArrayList<>(results);
    results.clear();
    for (ResultView result : all) {
      Long step = result.step();
      results.add(
          step == null || step < fromStep
              ? result
              : new ResultView(
                  step,
                  result.checkpoint(),
                  result.attempt(),
                  Standing.SUPERSEDED.label(),
                  result.sampled(),
                  result.at(),
                  result.values()));
    }
  }

  /** The last one first. */
  List<ResultView> latest() {
    return List.copyOf(results);
  }
}
