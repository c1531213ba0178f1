package io.diffuscope.publish;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.checkpoint.StepUnit;
import io.diffuscope.detect.FlagChange;
import io.diffuscope.run.EvidenceNews;
import io.diffuscope.run.History;
import io.diffuscope.run.HoldNews;
import io.diffuscope.run.JournalNews;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.SourceNews;
import io.diffuscope.run.StepScale;
import io.diffuscope.run.StepText;
import java.util.HashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * Log lines for what people must not miss: flags with their evidence, failures, files passed over,
 * verdicts. Each carries key-value pairs as well, for encoders that write them.
 */
public final class LogPublisher implements RunListener {
  private static final StepScale NOT_TOLD = new StepScale(null, null, null);

  private final Logger log;
  private final Map<String, StepScale> steps = new HashMap<>();
  private final Map<String, SourceState> sources = new HashMap<>();

  private LogPublisher(Logger log) {
    this.log = log;
  }

  public static LogPublisher create() {
    return new LogPublisher(LoggerFactory.getLogger(LogPublisher.class));
  }

  @Override
  public synchronized void onEvent(RunEvent event) {
    if (event instanceof RunEvent.RunStarted started) {
      steps.put(started.run(), started.steps());
    }
    switch (event) {
      case RunEvent.RunStarted e -> {
        line(log.atInfo(), e)
            .addKeyValue("probe", e.probe())
            .log("run {}: started ({}), probe {}", e.run(), safe(e.displayName()), e.probe());
        e.notes().forEach(note -> line(log.atInfo(), e).log("run {}: {}", e.run(), safe(note)));
      }
      case RunEvent.RunResumed e -> line(log.atInfo(), e).log("run {}: goes on", e.run());
      case RunEvent.FlagChanged e -> flag(e, e.change());
      case RunEvent.EvaluationFailed e ->
          line(log.atError(), e)
              .addKeyValue("reason", e.reason())
              .log(
                  "run {}: {} failed ({}): {}",
                  e.run(),
                  name(e, e.checkpoint()),
                  e.reason(),
                  safe(e.message()));
      case RunEvent.EvaluationPostponed e ->
          line(log.atWarn(), e)
              .addKeyValue("reason", e.reason())
              .log(
                  "run {}: {} failed ({}), tried again at {}: {}",
                  e.run(),
                  name(e, e.checkpoint()),
                  e.reason(),
                  e.until(),
                  safe(e.message()));
      case RunEvent.CheckpointPassedOver e ->
          line(log.atWarn(), e)
              .addKeyValue("reason", e.reason())
              .log("run {}: passed over ({}): {}", e.run(), e.reason(), safe(e.message()));
      case RunEvent.CheckpointSkipped e ->
          line(log.atInfo(), e)
              .addKeyValue("reason", e.reason())
              .log("run {}: {} skipped ({})", e.run(), name(e, e.checkpoint()), e.reason());
      case RunEvent.EvaluationCompleted e ->
          line(log.atInfo(), e)
              .addKeyValue("seconds", e.seconds())
              .addKeyValue("judged", e.judged())
              .log(
                  "run {}: {} evaluated: {} estimates{}",
                  e.run(),
                  name(e, e.checkpoint()),
                  e.estimates().size(),
                  e.judged() ? "" : ", not judged: " + e.standing().text());
      case RunEvent.AttemptStarted e ->
          line(log.atWarn(), e)
              .addKeyValue("attempt", e.attempt())
              .log("run {}: {}", e.run(), safe(inUnit(e, e.message())));
      case RunEvent.VerdictChanged e ->
          line(log.atInfo(), e)
              .addKeyValue("state", e.verdict().state().label())
              .log(
                  "run {}: verdict {}: {}",
                  e.run(),
                  e.verdict().state().label(),
                  safe(inUnit(e, e.verdict().why())));
      case RunEvent.RunEnded e ->
          line(log.atInfo(), e)
              .addKeyValue("state", e.verdict().state().label())
              .log(
                  "run {}: ended ({}); verdict {}: {}",
                  e.run(),
                  safe(e.cause()),
                  e.verdict().state().label(),
                  safe(inUnit(e, e.verdict().why())));
      case RunEvent.CheckpointFound e ->
          line(log.atDebug(), e).log("run {}: {} found", e.run(), name(e, e.checkpoint()));
      case RunEvent.EvaluationStarted e ->
          line(log.atDebug(), e).log("run {}: evaluating {}", e.run(), name(e, e.checkpoint()));
    }
  }

  @Override
  public synchronized void onHistory(History history) {
    for (RunEvent event : history.events()) {
      if (event instanceof RunEvent.RunStarted started) {
        steps.put(started.run(), started.steps());
      }
    }
    String sentence = HistorySummary.of(history.events()).sentence(unit(history.run()));
    log.atInfo().addKeyValue("run", history.run()).log("run {}: {}", history.run(), safe(sentence));
  }

  @Override
  public void onJournalNews(JournalNews news) {
    (news.problem() ? log.atError() : log.atInfo())
        .addKeyValue("run", news.run())
        .log("run {}: {}", news.run(), safe(news.message()));
  }

  @Override
  public synchronized void onSourceNews(SourceNews news) {
    sources.merge(news.run(), SourceState.UP.after(news), (before, first) -> before.after(news));
    (news.problem() ? log.atWarn() : log.atInfo())
        .addKeyValue("run", news.run())
        .log("run {}: {}", news.run(), safe(news.message()));
  }

  @Override
  public void onHoldNews(HoldNews news) {
    (news.first() ? log.atWarn() : log.atDebug())
        .addKeyValue("run", news.run())
        .log("run {}: {}", news.run(), safe(news.message()));
  }

  @Override
  public void onEvidenceNews(EvidenceNews news) {
    (news.first() ? log.atWarn() : log.atDebug())
        .addKeyValue("run", news.run())
        .log("run {}: {}", news.run(), safe(news.message()));
  }

  @Override
  public synchronized void removeRun(String run) {
    steps.remove(run);
    sources.remove(run);
  }

  private void flag(RunEvent event, FlagChange change) {
    line(change.raised() ? log.atWarn() : log.atInfo(), event)
        .addKeyValue("flag", change.flag().label())
        .addKeyValue("raised", change.raised())
        .log(
            "run {}: flag {} {} at {}: {}",
            event.run(),
            change.flag().label(),
            change.raised() ? "raised" : "cleared",
            StepText.of(unit(event.run()), change.step()),
            safe(inUnit(event, change.evidence())));
  }

  private static LoggingEventBuilder line(LoggingEventBuilder builder, RunEvent event) {
    LoggingEventBuilder line = builder.addKeyValue("run", event.run());
    Long step = RunEvent.stepOf(event);
    return step == null ? line : line.addKeyValue("step", step);
  }

  private String name(RunEvent event, Checkpoint checkpoint) {
    String name = safe(checkpoint.name());
    Long step = checkpoint.step();
    return step == null ? name : "%s (%s)".formatted(StepText.of(unit(event.run()), step), name);
  }

  private StepUnit unit(String run) {
    return steps
        .getOrDefault(run, NOT_TOLD)
        .recognised(sources.getOrDefault(run, SourceState.UP).stepUnit())
        .unitOrUpdates();
  }

  private String inUnit(RunEvent event, String sentence) {
    return StepText.in(unit(event.run()), sentence);
  }

  /** File names may hold line breaks; a log line must not. */
  private static String safe(String text) {
    return text.replaceAll("\\p{Cntrl}", "?");
  }
}
