package io.diffuscope.detect;

import io.diffuscope.sampling.Reference;
import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.signal.SignalNames;
import io.diffuscope.signal.Statistic;
import io.diffuscope.statistics.Estimate;
import io.diffuscope.statistics.Proportions;
import io.diffuscope.statistics.TrainAffinity;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Looks as the signals make them. */
final class Looks {
  private Looks() {}

  static Look none(long step) {
    return new Look(step, List.of());
  }

  static Look affinity(long step, TrainAffinity a) {
    return affinity(step, a.excess(), a.decisionLower(), a.decisionUpper(), a.pValue());
  }

  static Look affinity(long step, double excess, double lower, double upper, double p) {
    return affinity(step, Estimate.exact(excess, 1000), lower, upper, p);
  }

  private static Look affinity(long step, Estimate excess, double lower, double upper, double p) {
    return new Look(
        step,
        List.of(
            affinity(Statistic.EXCESS, excess),
            affinity(Statistic.EXCESS_DECISION_LOWER, Estimate.exact(lower, 1000)),
            affinity(Statistic.EXCESS_DECISION_UPPER, Estimate.exact(upper, 1000)),
            affinity(Statistic.P_VALUE, Estimate.exact(p, 1000))));
  }

  private static SignalEstimate affinity(Statistic statistic, Estimate estimate) {
    return SignalEstimate.of(SignalNames.TRAIN_AFFINITY, null, statistic, estimate);
  }

  static Look copies(long step, long hits, long samples, long controlHits, long controls) {
    return new Look(
        step,
        List.of(
            copies(Statistic.SHARE, Proportions.share(hits, samples)),
            copies(Statistic.CONTROL, Proportions.share(controlHits, controls)),
            copies(
                Statistic.EXCESS, Proportions.difference(hits, samples, controlHits, controls))));
  }

  private static SignalEstimate copies(Statistic statistic, Estimate estimate) {
    return SignalEstimate.of(SignalNames.NEAREST_RATIO, Reference.TRAIN, statistic, estimate);
  }

  static Look both(Look first, Look second) {
    return new Look(
        first.step(),
        Stream.concat(first.estimates().stream(), second.estimates().stream()).toList());
  }

  /** The changes of a series, in order. */
  static <S> List<FlagChange> run(Detector<S> detector, List<Look> looks) {
    List<FlagChange> changes = new ArrayList<>();
    S state = detector.initial();
    for (Look look : looks) {
      Step<S> step = detector.observe(state, look);
      step.change().ifPresent(changes::add);
      state = step.state();
    }
    return changes;
  }
}
