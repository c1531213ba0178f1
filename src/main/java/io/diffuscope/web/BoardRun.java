package io.diffuscope.web;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.checkpoint.StepUnit;
import io.diffuscope.detect.Flag;
import io.diffuscope.detect.FlagChange;
import io.diffuscope.detect.Verdict;
import io.diffuscope.publish.CheckpointTally;
import io.diffuscope.publish.CheckpointTally.Outcome;
import io.diffuscope.publish.MetricCatalogue;
import io.diffuscope.publish.SourceState;
import io.diffuscope.run.BudgetRest;
import io.diffuscope.run.EvaluationProgress;
import io.diffuscope.run.PreparationProgress;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunEvent.Standing;
import io.diffuscope.run.SourceNews;
import io.diffuscope.run.StepScale;
import io.diffuscope.run.StepText;
import io.diffuscope.run.WeightsUsed;
import io.diffuscope.sampling.DuplicateCounts;
import io.diffuscope.sampling.Reference;
import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.web.RunView.AttemptView;
import io.diffuscope.web.RunView.Counts;
import io.diffuscope.web.RunView.FlagView;
import io.diffuscope.web.RunView.LagView;
import io.diffuscope.web.RunView.Message;
import io.diffuscope.web.RunView.Point;
import io.diffuscope.web.RunView.Preparation;
import io.diffuscope.web.RunView.Progress;
import io.diffuscope.web.RunView.SeriesView;
import io.diffuscope.web.RunView.SourceView;
import io.diffuscope.web.RunView.StepsView;
import io.diffuscope.web.RunView.VerdictView;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** One run of the {@link RunBoard}, folded from its events; bounded. */
final class BoardRun {
  private static final int MESSAGES = 20;

  private final String id;
  private final int pointLimit;
  private final Map<Flag, FlagView> flags = new EnumMap<>(Flag.class);
  private final Set<String> evaluating = new LinkedHashSet<>();
  private final Deque<Message> messages = new ArrayDeque<>();
  private final Deque<AttemptView> attempts = new ArrayDeque<>();
  private final Results results = new Results();
  private final Map<Key, Curve> curves = new LinkedHashMap<>();
  private int attempt = 1;
  private String displayName;
  private @Nullable String probe;
  private List<String> notes = List.of();
  private @Nullable Boolean holdoutCheckPassed;
  private @Nullable DuplicateCounts duplicates;
  private Verdict verdict = new Verdict(Verdict.State.UNKNOWN, null, null, "nothing evaluated yet");
  private final CheckpointTally tally = CheckpointTally.create();
  private StepScale steps = new StepScale(null, null, null);
  private SourceState source = SourceState.UP;
  private @Nullable Long foundStep;
  private @Nullable Long evaluatedStep;
  private @Nullable Long sampledStep;
  private @Nullable WeightsUsed weights;
  private @Nullable Progress progress;
  private @Nullable Preparation preparation;
  private @Nullable Instant restingUntil;
  private @Nullable Instant startedAt;
  private @Nullable Instant updatedAt;
  private @Nullable Instant endedAt;
  private @Nullable String endCause;

  /** Coordinates of a curve. */
  private record Key(String signal, @Nullable Reference reference, @Nullable Double sigma) {}

  BoardRun(String id, int pointLimit) {
    this.id = id;
    this.pointLimit = pointLimit;
    this.displayName = id;
    for (Flag flag : Flag.values()) {
      flags.put(flag, new FlagView(flag.label(), false, null, null));
    }
  }

  void apply(RunEvent event) {
    updatedAt = event.at();
    tally.add(event);
    switch (event) {
      case RunEvent.RunStarted e -> start(e);
      case RunEvent.RunResumed e -> {
        nothingUnderWay();
        endedAt = null;
        endCause = null;
      }
      case RunEvent.CheckpointFound e -> foundStep = e.checkpoint().step();
      case RunEvent.CheckpointSkipped e -> {}
      case RunEvent.CheckpointPassedOver e -> say(e.at(), e.reason(), e.message());
      case RunEvent.AttemptStarted e -> resume(e);
      case RunEvent.EvaluationStarted e -> {
        restingUntil = null;
        evaluating.add(e.checkpoint().identity());
      }
      case RunEvent.EvaluationCompleted e -> complete(e);
      case RunEvent.EvaluationFailed e -> {
        finish(e.checkpoint());
        say(e.at(), e.reason(), e.message());
      }
      case RunEvent.EvaluationPostponed e -> {
        finish(e.checkpoint());
        say(e.at(), e.reason(), e.message());
      }
      case RunEvent.FlagChanged e -> flag(e.change());
      case RunEvent.VerdictChanged e -> verdict = e.verdict();
      case RunEvent.RunEnded e -> {
        verdict = e.verdict();
        endedAt = e.at();
        endCause = e.cause();
        nothingUnderWay();
      }
    }
  }

  private void nothingUnderWay() {
    evaluating.clear();
    progress = null;
    preparation = null;
    restingUntil = null;
  }

  void preparation(PreparationProgress news) {
    preparation = new Preparation(news.what(), news.done(), news.total());
  }

  void rest(BudgetRest rest) {
    restingUntil = rest.until();
  }

  void source(SourceNews news) {
    source = source.after(news);
  }

  void progress(EvaluationProgress news) {
    Checkpoint checkpoint = news.checkpoint();
    if (evaluating.contains(checkpoint.identity())) {
      progress = new Progress(checkpoint.step(), checkpoint.name(), news.done(), news.total());
    }
  }

  private void start(RunEvent.RunStarted event) {
    if (probe != null && !probe.equals(event.probe())) {
      curves.clear(); // another probe is another series; never one curve of both
    }
    displayName = event.displayName();
    probe = event.probe();
    notes = List.copyOf(event.notes());
    holdoutCheckPassed = event.holdoutCheckPassed();
    duplicates = event.duplicates();
    startedAt = event.at();
    preparation = null;
    endedAt = null;
    endCause = null;
    steps = event.steps();
  }

  private void resume(RunEvent.AttemptStarted event) {
    int over = attempt;
    attempt = event.attempt();
    curves.values().forEach(curve -> curve.supersede(over, event.fromStep()));
    results.supersede(event.fromStep());
    if (evaluatedStep != null && evaluatedStep >= event.fromStep()) {
      evaluatedStep = null;
    }
    if (sampledStep != null && sampledStep >= event.fromStep()) {
      sampledStep = null;
    }
    addFirst(
        attempts,
        new AttemptView(attempt, event.fromStep(), event.at().toString(), event.message()));
  }

  private void complete(RunEvent.EvaluationCompleted event) {
    finish(event.checkpoint());
    weights = event.weights();
    results.add(event);
    Long step = event.checkpoint().step();
    if (event.isCurrent()) {
      evaluatedStep = step;
      sampledStep = event.sampled() ? step : sampledStep;
    } else if (event.standing() == Standing.LOSSES_ONLY
        && step != null
        && (evaluatedStep == null || step >= evaluatedStep)) {
      evaluatedStep = step;
    }
    for (SignalEstimate estimate : event.estimates()) {
      if (MetricCatalogue.isMain(estimate)) {
        add(event, estimate);
      }
    }
  }

  private void add(RunEvent.EvaluationCompleted event, SignalEstimate estimate) {
    Curve curve =
        curves.computeIfAbsent(
            new Key(estimate.signal(), estimate.reference(), estimate.sigma()),
            key -> new Curve(estimate.statistic().label(), pointLimit));
    curve.chance(Chance.of(estimate.signal(), event.estimates()));
    Long step = event.checkpoint().step();
    Point point =
        new Point(
            step == null ? curve.nextOrdinal() : step,
            finite(estimate.estimate().value()),
            finite(estimate.estimate().standardError()),
            finite(estimate.estimate().lower()),
            finite(estimate.estimate().upper()));
    if (event.standing() == Standing.SUPERSEDED) {
      curve.putSuperseded(event.attempt(), point);
    } else {
      curve.put(point);
    }
  }

  private void finish(Checkpoint checkpoint) {
    evaluating.remove(checkpoint.identity());
    progress = null;
  }

  private void flag(FlagChange change) {
    flags.put(
        change.flag(),
        new FlagView(change.flag().label(), change.raised(), change.step(), change.evidence()));
  }

  private void say(Instant at, String reason, String message) {
    addFirst(messages, new Message(at.toString(), reason, message));
  }

  private static <T> void addFirst(Deque<T> list, T news) {
    list.addFirst(news);
    if (list.size() > MESSAGES) {
      list.removeLast();
    }
  }

  RunView view(int points, Instant now) {
    StepScale known = steps.recognised(source.stepUnit());
    StepUnit unit = known.unitOrUpdates();
    List<SeriesView> series = new ArrayList<>();
    curves.forEach(
        (key, curve) ->
            series.add(
                new SeriesView(
                    key.signal(),
                    key.reference() == null ? null : key.reference().label(),
                    key.sigma(),
                    curve.statistic(),
                    curve.chance(),
                    curve.points(points),
                    curve.superseded(points))));
    return new RunView(
        id,
        displayName,
        probe,
        state(now),
        new VerdictView(
            verdict.state().label(),
            verdict.sinceStep(),
            verdict.bestStep(),
            StepText.in(unit, verdict.why())),
        flags.values().stream().map(flag -> inUnit(flag, unit)).toList(),
        new StepsView(known.unitOrUpdates().label(), known.images(1)),
        new SourceView(source.problem() == null, source.problem()),
        endCause,
        foundStep,
        evaluatedStep,
        sampledStep,
        evaluatedStep == null ? null : known.images(evaluatedStep),
        lag(now),
        counts(),
        progress,
        preparation,
        isResting(now) ? text(restingUntil) : null,
        text(startedAt),
        text(updatedAt),
        text(endedAt),
        holdoutCheckPassed,
        duplicates,
        notes,
        List.copyOf(messages),
        attempt,
        attempts.stream().map(begun -> inUnit(begun, unit)).toList(),
        weights != null && weights.isRemarkable() ? weights.describe() : null,
        results.latest(),
        series);
  }

  private String state(Instant now) {
    if (endedAt != null) {
      return "ended";
    }
    if (!evaluating.isEmpty()) {
      return "evaluating";
    }
    return preparation != null ? "preparing" : isResting(now) ? "resting" : "idle";
  }

  /** A rest that is over is none, also before what waits has begun. */
  private boolean isResting(Instant now) {
    return restingUntil != null && evaluating.isEmpty() && now.isBefore(restingUntil);
  }

  private static FlagView inUnit(FlagView flag, StepUnit unit) {
    String evidence = flag.evidence();
    return new FlagView(
        flag.flag(),
        flag.raised(),
        flag.step(),
        evidence == null ? null : StepText.in(unit, evidence));
  }

  private static AttemptView inUnit(AttemptView begun, StepUnit unit) {
    return new AttemptView(
        begun.attempt(), begun.fromStep(), begun.at(), StepText.in(unit, begun.message()));
  }

  private LagView lag(Instant now) {
    CheckpointTally.Open oldest = endedAt != null ? null : tally.oldest().orElse(null);
    return oldest == null
        ? new LagView(0, null)
        : new LagView(
            Math.max(0, Duration.between(oldest.foundAt(), now).toMillis() / 1e3), oldest.step());
  }

  private Counts counts() {
    return new Counts(
        tally.total(),
        tally.count(Outcome.EVALUATED),
        tally.count(Outcome.SKIPPED),
        tally.count(Outcome.VANISHED),
        tally.count(Outcome.INCOMPLETE),
        tally.count(Outcome.FAILED),
        tally.count(Outcome.WAITING),
        tally.count(Outcome.EVALUATING),
        tally.skippedByReason());
  }

  private static @Nullable String text(@Nullable Instant instant) {
    return instant == null ? null : instant.toString();
  }

  /** JSON has no NaN and no infinity. */
  static @Nullable Double finite(double number) {
    return Double.isFinite(number) ? number : null;
  }
}
