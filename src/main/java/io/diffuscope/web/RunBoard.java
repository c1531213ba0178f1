package io.diffuscope.web;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.detect.Flag;
import io.diffuscope.detect.FlagChange;
import io.diffuscope.detect.Verdict;
import io.diffuscope.publish.MetricCatalogue;
import io.diffuscope.publish.RunListener;
import io.diffuscope.run.EvaluationProgress;
import io.diffuscope.run.RunEvent;
import io.diffuscope.sampling.Reference;
import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.web.RunView.Counts;
import io.diffuscope.web.RunView.FlagView;
import io.diffuscope.web.RunView.Message;
import io.diffuscope.web.RunView.Point;
import io.diffuscope.web.RunView.Progress;
import io.diffuscope.web.RunView.SeriesView;
import io.diffuscope.web.RunView.VerdictView;
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
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** What the page shows: every run's state, folded from its events. Bounded and thread-safe. */
public final class RunBoard implements RunListener {
  /** Points kept of each curve. */
  public static final int POINTS = 2_000;

  private static final int MESSAGES = 20;

  private final int pointLimit;
  private final Map<String, Run> runs = new TreeMap<>();

  private RunBoard(int pointLimit) {
    this.pointLimit = pointLimit;
  }

  public static RunBoard create() {
    return new RunBoard(POINTS);
  }

  static RunBoard create(int pointLimit) {
    return new RunBoard(pointLimit);
  }

  @Override
  public synchronized void onEvent(RunEvent event) {
    runs.computeIfAbsent(event.run(), id -> new Run(id, pointLimit)).apply(event);
  }

  @Override
  public synchronized void onProgress(EvaluationProgress progress) {
    Run run = runs.get(progress.run());
    if (run != null && run.evaluating.contains(progress.checkpoint().identity())) {
      Checkpoint checkpoint = progress.checkpoint();
      run.progress =
          new Progress(checkpoint.step(), checkpoint.name(), progress.done(), progress.total());
    }
  }

  @Override
  public synchronized void removeRun(String run) {
    runs.remove(run);
  }

  /** All runs by id, with at most this many points for each curve. */
  public synchronized List<RunView> runs(int points) {
    return runs.values().stream().map(run -> run.view(points)).toList();
  }

  /** Coordinates of a curve. */
  private record Key(String signal, @Nullable Reference reference, @Nullable Double sigma) {}

  private record Curve(String statistic, History history) {}

  private static final class Run {
    private final String id;
    private final int pointLimit;
    private final Map<Flag, FlagView> flags = new EnumMap<>(Flag.class);
    private final Set<String> evaluating = new LinkedHashSet<>();
    private final Deque<Message> messages = new ArrayDeque<>();
    private final Map<Key, Curve> curves = new LinkedHashMap<>();
    private String displayName;
    private @Nullable String probe;
    private List<String> notes = List.of();
    private Verdict verdict =
        new Verdict(Verdict.State.UNKNOWN, null, null, "nothing evaluated yet");
    private @Nullable Long foundStep;
    private @Nullable Long evaluatedStep;
    private long found;
    private long evaluated;
    private long skipped;
    private long failed;
    private long passedOver;
    private @Nullable Progress progress;
    private @Nullable Instant startedAt;
    private @Nullable Instant updatedAt;
    private @Nullable Instant endedAt;

    Run(String id, int pointLimit) {
      this.id = id;
      this.pointLimit = pointLimit;
      this.displayName = id;
      for (Flag flag : Flag.values()) {
        flags.put(flag, new FlagView(flag.label(), false, null, null));
      }
    }

    void apply(RunEvent event) {
      updatedAt = event.at();
      switch (event) {
        case RunEvent.RunStarted e -> start(e);
        case RunEvent.CheckpointFound e -> {
          found++;
          foundStep = e.checkpoint().step();
        }
        case RunEvent.CheckpointSkipped e -> skipped++;
        case RunEvent.CheckpointPassedOver e -> {
          passedOver++;
          say(e.at(), e.reason(), e.message());
        }
        case RunEvent.EvaluationStarted e -> evaluating.add(e.checkpoint().identity());
        case RunEvent.EvaluationCompleted e -> complete(e);
        case RunEvent.EvaluationFailed e -> {
          finish(e.checkpoint());
          failed++;
          say(e.at(), e.reason(), e.message());
        }
        case RunEvent.FlagChanged e -> flag(e.change());
        case RunEvent.VerdictChanged e -> verdict = e.verdict();
        case RunEvent.RunEnded e -> {
          verdict = e.verdict();
          endedAt = e.at();
          evaluating.clear();
          progress = null;
        }
      }
    }

    private void start(RunEvent.RunStarted event) {
      if (probe != null && !probe.equals(event.probe())) {
        curves.clear(); // another probe is another series; never one curve of both
      }
      displayName = event.displayName();
      probe = event.probe();
      notes = List.copyOf(event.notes());
      startedAt = event.at();
      endedAt = null;
    }

    private void complete(RunEvent.EvaluationCompleted event) {
      finish(event.checkpoint());
      evaluated++;
      Long step = event.checkpoint().step();
      if (event.judged() || step == null) {
        evaluatedStep = step;
        if (step != null) {
          curves.values().forEach(curve -> curve.history().cutAfter(step));
        }
      }
      for (SignalEstimate estimate : event.estimates()) {
        if (MetricCatalogue.isMain(estimate)) {
          add(estimate, step);
        }
      }
    }

    private void add(SignalEstimate estimate, @Nullable Long step) {
      Key key = new Key(estimate.signal(), estimate.reference(), estimate.sigma());
      History history =
          curves
              .computeIfAbsent(
                  key, k -> new Curve(estimate.statistic().label(), new History(pointLimit)))
              .history();
      history.put(
          new Point(
              step == null ? history.nextOrdinal() : step,
              finite(estimate.estimate().value()),
              finite(estimate.estimate().lower()),
              finite(estimate.estimate().upper())));
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
      messages.addFirst(new Message(at.toString(), reason, message));
      if (messages.size() > MESSAGES) {
        messages.removeLast();
      }
    }

    RunView view(int points) {
      List<SeriesView> series = new ArrayList<>();
      curves.forEach(
          (key, curve) ->
              series.add(
                  new SeriesView(
                      key.signal(),
                      key.reference() == null ? null : key.reference().label(),
                      key.sigma(),
                      curve.statistic(),
                      curve.history().points(points))));
      return new RunView(
          id,
          displayName,
          probe,
          endedAt != null ? "ended" : evaluating.isEmpty() ? "waiting" : "evaluating",
          new VerdictView(
              verdict.state().label(), verdict.sinceStep(), verdict.bestStep(), verdict.why()),
          List.copyOf(flags.values()),
          foundStep,
          evaluatedStep,
          new Counts(found, evaluated, skipped, failed, passedOver),
          progress,
          text(startedAt),
          text(updatedAt),
          text(endedAt),
          notes,
          List.copyOf(messages),
          series);
    }

    private static @Nullable String text(@Nullable Instant instant) {
      return instant == null ? null : instant.toString();
    }

    /** JSON has no NaN and no infinity. */
    private static @Nullable Double finite(double number) {
      return Double.isFinite(number) ? number : null;
    }
  }
}
