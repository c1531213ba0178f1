package io.diffuscope.publish;

import io.diffuscope.detect.Flag;
import io.diffuscope.detect.FlagChange;
import io.diffuscope.detect.Verdict;
import io.diffuscope.run.EvaluationProgress;
import io.diffuscope.run.EvidenceNews;
import io.diffuscope.run.HoldNews;
import io.diffuscope.run.JournalBacklog;
import io.diffuscope.run.PreparationProgress;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunEvent.Standing;
import io.diffuscope.run.SourceNews;
import io.diffuscope.run.StepScale;
import io.diffuscope.sampling.DuplicateCounts;
import io.diffuscope.signal.SignalEstimate;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes what happens to runs to a Prometheus registry, as {@link MetricCatalogue} lists it.
 *
 * <p>Only final estimates are shown. They and the step they belong to change together: {@link
 * #scrape} never sees half of a checkpoint. The lag is the age at the time of the scrape. What was
 * not judged, such as a step below one already judged, is counted and not shown; what a new attempt
 * supersedes vanishes. Thread-safe.
 */
public final class MetricsPublisher implements RunListener {
  /** Prometheus' text format. */
  public static final String TEXT = "text/plain; version=0.0.4; charset=utf-8";

  /** The OpenMetrics format. */
  public static final String OPEN_METRICS =
      "application/openmetrics-text; version=1.0.0; charset=utf-8";

  private static final Logger log = LoggerFactory.getLogger(MetricsPublisher.class);

  private final PrometheusMeterRegistry registry;
  private final MeterTable meters;
  private final InstantSource clock;
  private final Map<String, RunMeters> runs = new HashMap<>();
  private final Map<String, SourceState> sources = new HashMap<>();
  private final Set<String> unknown = new HashSet<>();

  private MetricsPublisher(PrometheusMeterRegistry registry, InstantSource clock) {
    this.registry = registry;
    this.clock = clock;
    this.meters = new MeterTable(registry);
  }

  /**
   * A publisher that owns its meters in the registry.
   *
   * @param version of this program, for {@code diffuscope_build_info}
   */
  public static MetricsPublisher create(PrometheusMeterRegistry registry, String version) {
    return create(registry, version, InstantSource.system());
  }

  /**
   * As {@link #create(PrometheusMeterRegistry, String)}, with a clock of its own.
   *
   * @param clock tells the time of a scrape, for the age of what waits
   */
  public static MetricsPublisher create(
      PrometheusMeterRegistry registry, String version, InstantSource clock) {
    MetricsPublisher publisher =
        new MetricsPublisher(registry.throwExceptionOnRegistrationFailure(), clock);
    publisher.meters.set(Series.of(MetricCatalogue.BUILD_INFO, version), 1);
    return publisher;
  }

  @Override
  public synchronized void onEvent(RunEvent event) {
    RunMeters run = runs.computeIfAbsent(event.run(), RunMeters::new);
    switch (event) {
      case RunEvent.RunStarted e -> run.started(e);
      case RunEvent.RunResumed e -> run.resumed();
      case RunEvent.CheckpointFound e -> run.found(e.at(), e.checkpoint().step());
      case RunEvent.CheckpointSkipped e -> {
        if (!run.tally.isEvaluatedOnceMore(e.checkpoint())) {
          run.count(MetricCatalogue.SKIPPED, e.reason());
        }
      }
      case RunEvent.CheckpointPassedOver e -> run.count(MetricCatalogue.PASSED_OVER, e.reason());
      case RunEvent.EvaluationStarted e -> run.begin(e.checkpoint().identity());
      case RunEvent.EvaluationCompleted e -> run.completed(e);
      case RunEvent.EvaluationFailed e -> {
        run.end(e.checkpoint().identity());
        run.count(MetricCatalogue.FAILED, e.reason());
      }
      case RunEvent.EvaluationPostponed e -> {
        run.end(e.checkpoint().identity());
        run.count(MetricCatalogue.POSTPONED, e.reason());
      }
      case RunEvent.AttemptStarted e -> run.attempt(e.attempt(), e.fromStep());
      case RunEvent.FlagChanged e -> run.flag(e.change());
      case RunEvent.VerdictChanged e -> run.verdict(e.verdict());
      case RunEvent.RunEnded e -> run.ended(e.at(), e.verdict());
    }
    run.tally(event);
  }

  @Override
  public synchronized void onProgress(EvaluationProgress progress) {
    RunMeters run = runs.get(progress.run());
    if (run != null && run.inProgress.contains(progress.checkpoint().identity())) {
      run.progress(progress);
    }
  }

  /** All of a run's series exist from here on, so that an alert never meets a gap. */
  @Override
  public synchronized void onPreparation(PreparationProgress progress) {
    runs.computeIfAbsent(progress.run(), RunMeters::new);
  }

  /** A run that has not begun has a source all the same. */
  @Override
  public synchronized void onSourceNews(SourceNews news) {
    SourceState state = sources.getOrDefault(news.run(), SourceState.UP).after(news);
    sources.put(news.run(), state);
    showSource(news.run(), state);
    if (news.problem()) {
      meters.counter(Series.of(MetricCatalogue.SOURCE_PROBLEMS, news.run())).increment();
    }
    RunMeters run = runs.get(news.run());
    if (run != null) {
      run.showSteps();
    }
  }

  /** Of a run that has begun: only that writes a journal. */
  @Override
  public synchronized void onJournalBacklog(JournalBacklog backlog) {
    String run = backlog.run();
    runs.computeIfAbsent(run, RunMeters::new);
    meters.set(Series.of(MetricCatalogue.JOURNAL_PENDING, run), backlog.pending());
    if (backlog.failed()) {
      meters.counter(Series.of(MetricCatalogue.JOURNAL_FAILED_WRITES, run)).increment();
    }
    meters.counter(Series.of(MetricCatalogue.JOURNAL_LOST, run)).increment(backlog.lost());
  }

  @Override
  public synchronized void onHoldNews(HoldNews news) {
    runs.computeIfAbsent(news.run(), RunMeters::new)
        .count(MetricCatalogue.HOLDS_IN_PLACE, news.reason());
  }

  @Override
  public synchronized void onEvidenceNews(EvidenceNews news) {
    runs.computeIfAbsent(news.run(), RunMeters::new);
    meters.counter(Series.of(MetricCatalogue.EVIDENCE_FAILED_WRITES, news.run())).increment();
  }

  private void showSource(String run, SourceState state) {
    meters.set(Series.of(MetricCatalogue.SOURCE_UP, run), state.problem() == null ? 1 : 0);
    meters.counter(Series.of(MetricCatalogue.SOURCE_PROBLEMS, run));
  }

  @Override
  public synchronized void removeRun(String run) {
    runs.remove(run);
    sources.remove(run);
    meters.removeRun(run);
  }

  /**
   * The exposition of the whole registry.
   *
   * @param contentType {@link #TEXT} or {@link #OPEN_METRICS}
   */
  public synchronized byte[] scrape(String contentType) {
    Instant now = clock.instant();
    runs.values().forEach(run -> run.showLag(now));
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    try {
      registry.scrape(body, contentType);
    } catch (IOException e) {
      throw new UncheckedIOException(e); // memory does not fail
    }
    return body.toByteArray();
  }

  /** The series of one run. */
  private final class RunMeters {
    private final String run;
    private final Set<String> inProgress = new HashSet<>();
    private final CheckpointTally tally = CheckpointTally.create();
    private Set<Series> ofSamples = Set.of();
    private Set<Series> ofLosses = Set.of();
    private RunEvent.@Nullable RunStarted started;
    private @Nullable Series info;
    private @Nullable Long evaluatedStep;
    private @Nullable Long sampledStep;
    private boolean over;

    RunMeters(String run) {
      this.run = run;
      meters.counter(Series.of(MetricCatalogue.FOUND, run));
      meters.counter(Series.of(MetricCatalogue.EVALUATED, run));
      zero(MetricCatalogue.SKIPPED, MetricCatalogue.SKIPPED_REASONS);
      zero(MetricCatalogue.FAILED, MetricCatalogue.FAILED_REASONS);
      zero(MetricCatalogue.POSTPONED, MetricCatalogue.POSTPONED_REASONS);
      zero(MetricCatalogue.PASSED_OVER, MetricCatalogue.PASSED_OVER_REASONS);
      zero(MetricCatalogue.HOLDS_IN_PLACE, MetricCatalogue.HOLDS_IN_PLACE_REASONS);
      meters.histogram(Series.of(MetricCatalogue.DURATION, run), MetricCatalogue.durationBuckets());
      for (Flag flag : Flag.values()) {
        meters.set(Series.of(MetricCatalogue.FLAG, run, flag.label()), 0);
      }
      meters.counter(Series.of(MetricCatalogue.JOURNAL_FAILED_WRITES, run));
      meters.counter(Series.of(MetricCatalogue.JOURNAL_LOST, run));
      meters.counter(Series.of(MetricCatalogue.EVIDENCE_FAILED_WRITES, run));
      set(MetricCatalogue.JOURNAL_PENDING, 0);
      set(MetricCatalogue.ATTEMPT, 1);
      set(MetricCatalogue.LAG, 0);
      showSource(run, source());
      showTally();
      showState(Verdict.State.UNKNOWN);
      showInProgress();
    }

    private void zero(Metric metric, List<String> reasons) {
      reasons.forEach(reason -> meters.counter(Series.of(metric, run, reason)));
    }

    private SourceState source() {
      return sources.getOrDefault(run, SourceState.UP);
    }

    void started(RunEvent.RunStarted event) {
      if (started != null) {
        meters.remove(Series.of(MetricCatalogue.MEASUREMENT_INFO, run, started.probe()));
      }
      started = event;
      over = false;
      meters.set(Series.of(MetricCatalogue.MEASUREMENT_INFO, run, event.probe()), 1);
      showSteps();
      meters.remove(Series.of(MetricCatalogue.ENDED, run));
      Boolean passed = event.holdoutCheckPassed();
      set(MetricCatalogue.HOLDOUT_CHECK, passed == null ? Double.NaN : passed ? 1 : 0);
      DuplicateCounts found = event.duplicates();
      if (found != null) {
        duplicates("train", found.trainEqual(), found.trainNear());
        duplicates("holdout", found.holdoutEqual(), found.holdoutNear());
        duplicates("across", found.acrossEqual(), found.acrossNear());
      }
    }

    private void duplicates(String set, int equal, int near) {
      meters.set(Series.of(MetricCatalogue.DUPLICATES, run, set, "equal"), equal);
      meters.set(Series.of(MetricCatalogue.DUPLICATES, run, set, "near"), near);
    }

    /** Another process goes on: what was under way waits again. */
    void resumed() {
      over = false;
      inProgress.clear();
      meters.remove(Series.of(MetricCatalogue.ENDED, run));
      meters.remove(Series.of(MetricCatalogue.PROGRESS, run));
      showInProgress();
    }

    void found(Instant at, @Nullable Long step) {
      meters.counter(Series.of(MetricCatalogue.FOUND, run)).increment();
      set(MetricCatalogue.LAST_FOUND, seconds(at));
      set(MetricCatalogue.FOUND_STEP, orNaN(step));
    }

    void count(Metric metric, String reason) {
      meters.counter(Series.of(metric, run, MetricCatalogue.reasonLabel(reason))).increment();
    }

    void begin(String checkpoint) {
      inProgress.add(checkpoint);
      showInProgress();
    }

    void end(String checkpoint) {
      inProgress.remove(checkpoint);
      meters.remove(Series.of(MetricCatalogue.PROGRESS, run));
      showInProgress();
    }

    void progress(EvaluationProgress progress) {
      set(
          MetricCatalogue.PROGRESS,
          progress.total() > 0 ? (double) progress.done() / progress.total() : Double.NaN);
    }

    void completed(RunEvent.EvaluationCompleted event) {
      end(event.checkpoint().identity());
      if (!tally.isEvaluatedOnceMore(event.checkpoint())) {
        meters.counter(Series.of(MetricCatalogue.EVALUATED, run)).increment();
      }
      set(MetricCatalogue.LAST_EVALUATED, seconds(event.at()));
      meters
          .histogram(Series.of(MetricCatalogue.DURATION, run), MetricCatalogue.durationBuckets())
          .record(Duration.ofNanos((long) (event.seconds() * 1e9)));
      // Detectors ignore a checkpoint without a step; there is no later one it could hide.
      if (event.isCurrent() || isLatestLosses(event)) {
        show(event);
      }
    }

    /** Of a checkpoint between two that are sampled; a late one is not the state of the run. */
    private boolean isLatestLosses(RunEvent.EvaluationCompleted event) {
      Long step = event.checkpoint().step();
      return event.standing() == Standing.LOSSES_ONLY
          && step != null
          && (evaluatedStep == null || step >= evaluatedStep);
    }

    private void show(RunEvent.EvaluationCompleted event) {
      evaluatedStep = event.checkpoint().step();
      if (event.sampled()) {
        sampledStep = evaluatedStep;
        ofSamples = shown(ofSamples, ofSamples(event.estimates(), true));
      }
      ofLosses = shown(ofLosses, ofSamples(event.estimates(), false));
      showSteps();
    }

    private List<SignalEstimate> ofSamples(List<SignalEstimate> all, boolean ofSamples) {
      return all.stream()
          .filter(estimate -> EstimateMetric.isOfSamples(estimate.signal()) == ofSamples)
          .toList();
    }

    /** The steps that estimates belong to, in the run's unit. */
    void showSteps() {
      set(MetricCatalogue.EVALUATED_STEP, orNaN(evaluatedStep));
      set(MetricCatalogue.SAMPLED_STEP, orNaN(sampledStep));
      RunEvent.RunStarted known = started;
      if (known != null) {
        StepScale steps = known.steps().recognised(source().stepUnit());
        set(
            MetricCatalogue.TRAINING_IMAGES,
            orNaN(evaluatedStep == null ? null : steps.images(evaluatedStep)));
        Series newInfo =
            Series.of(
                MetricCatalogue.RUN_INFO, run, known.displayName(), steps.unitOrUpdates().label());
        if (info != null && !info.equals(newInfo)) {
          meters.remove(info);
        }
        info = newInfo;
        meters.set(newInfo, 1);
      }
    }

    void tally(RunEvent event) {
      tally.add(event);
      showTally();
    }

    private void showTally() {
      for (CheckpointTally.Outcome outcome : CheckpointTally.Outcome.values()) {
        meters.set(
            Series.of(MetricCatalogue.CHECKPOINTS, run, outcome.label()),
            (double) tally.count(outcome));
      }
    }

    /** What a run that is over has left waits no more. */
    void showLag(Instant now) {
      CheckpointTally.Open oldest = over ? null : tally.oldest().orElse(null);
      double age = oldest == null ? 0 : Duration.between(oldest.foundAt(), now).toMillis() / 1e3;
      set(MetricCatalogue.LAG, Math.max(0, age));
      CheckpointTally.Open waiting = over ? null : tally.oldestWaiting().orElse(null);
      set(MetricCatalogue.OLDEST_WAITING_STEP, orNaN(waiting == null ? null : waiting.step()));
    }

    /** What the new attempt supersedes is no longer the state of the run; counters stay. */
    void attempt(int number, long fromStep) {
      set(MetricCatalogue.ATTEMPT, number);
      if (evaluatedStep != null && evaluatedStep >= fromStep) {
        evaluatedStep = null;
        ofLosses = shown(ofLosses, List.of());
      }
      if (sampledStep != null && sampledStep >= fromStep) {
        sampledStep = null;
        ofSamples = shown(ofSamples, List.of());
      }
      showSteps();
    }

    /** Shows these estimates in place of those shown before. */
    private Set<Series> shown(Set<Series> before, List<SignalEstimate> newEstimates) {
      Map<Series, Double> numbers = new LinkedHashMap<>();
      for (SignalEstimate estimate : newEstimates) {
        MetricCatalogue.find(estimate)
            .flatMap(metric -> metric.series(run, estimate))
            .ifPresentOrElse(numbers::putAll, () -> warnOnce(estimate));
      }
      before.stream().filter(s -> !numbers.containsKey(s)).forEach(meters::remove);
      numbers.forEach(meters::set);
      return Set.copyOf(numbers.keySet());
    }

    void flag(FlagChange change) {
      String flag = change.flag().label();
      meters.set(Series.of(MetricCatalogue.FLAG, run, flag), change.raised() ? 1 : 0);
      if (change.raised()) {
        meters.set(Series.of(MetricCatalogue.FLAG_STEP, run, flag), (double) change.step());
      }
    }

    void verdict(Verdict verdict) {
      showState(verdict.state());
      set(MetricCatalogue.BEST_STEP, orNaN(verdict.bestStep()));
    }

    void ended(Instant at, Verdict verdict) {
      verdict(verdict);
      over = true;
      inProgress.clear();
      meters.remove(Series.of(MetricCatalogue.PROGRESS, run));
      showInProgress();
      set(MetricCatalogue.ENDED, seconds(at));
    }

    private void showState(Verdict.State now) {
      for (Verdict.State state : Verdict.State.values()) {
        meters.set(Series.of(MetricCatalogue.VERDICT, run, state.label()), state == now ? 1 : 0);
      }
    }

    private void showInProgress() {
      set(MetricCatalogue.IN_PROGRESS, inProgress.size());
    }

    private void set(Metric metric, double value) {
      meters.set(Series.of(metric, run), value);
    }
  }

  private void warnOnce(SignalEstimate estimate) {
    String what = estimate.signal() + " " + estimate.statistic().label();
    if (unknown.add(what)) {
      log.warn(
          "no metric for {} with reference {} and sigma {}: it is not published",
          what,
          estimate.reference(),
          estimate.sigma());
    }
  }

  private static double orNaN(@Nullable Long step) {
    return step == null ? Double.NaN : (double) step;
  }

  private static double seconds(Instant at) {
    return at.toEpochMilli() / 1e3;
  }
}
