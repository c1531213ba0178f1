package io.diffuscope.publish;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.detect.FlagChange;
import io.diffuscope.run.History;
import io.diffuscope.run.HoldNews;
import io.diffuscope.run.JournalNews;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.SourceNews;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * Log lines for what people must not miss: flags with their evidence, failures, files passed over,
 * verdicts. Each carries key-value pairs as well, for encoders that write them.
 */
public final class LogPublisher implements RunListener {
  private final Logger log;

  private LogPublisher(Logger log) {
    this.log = log;
  }

  public static LogPublisher create() {
    return new LogPublisher(LoggerFactory.getLogger(LogPublisher.class));
  }

  @Override
  public void onEvent(RunEvent event) {
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
                  name(e.checkpoint()),
                  e.reason(),
                  safe(e.message()));
      case RunEvent.CheckpointPassedOver e ->
          line(log.atWarn(), e)
              .addKeyValue("reason", e.reason())
              .log("run {}: passed over ({}): {}", e.run(), e.reason(), safe(e.message()));
      case RunEvent.CheckpointSkipped e ->
          line(log.atInfo(), e)
              .addKeyValue("reason", e.reason())
              .log("run {}: {} skipped ({})", e.run(), name(e.checkpoint()), e.reason());
      case RunEvent.EvaluationCompleted e ->
          line(log.atInfo(), e)
              .addKeyValue("seconds", e.seconds())
              .addKeyValue("judged", e.judged())
              .log(
                  "run {}: {} evaluated: {} estimates{}",
                  e.run(),
                  name(e.checkpoint()),
                  e.estimates().size(),
                  e.judged() ? "" : ", not judged: " + e.standing().text());
      case RunEvent.AttemptStarted e ->
          line(log.atWarn(), e)
              .addKeyValue("attempt", e.attempt())
              .log("run {}: {}", e.run(), safe(e.message()));
      case RunEvent.VerdictChanged e ->
          line(log.atInfo(), e)
              .addKeyValue("state", e.verdict().state().label())
              .log(
                  "run {}: verdict {}: {}",
                  e.run(),
                  e.verdict().state().label(),
                  safe(e.verdict().why()));
      case RunEvent.RunEnded e ->
          line(log.atInfo(), e)
              .addKeyValue("state", e.verdict().state().label())
              .log(
                  "run {}: ended ({}); verdict {}: {}",
                  e.run(),
                  safe(e.cause()),
                  e.verdict().state().label(),
                  safe(e.verdict().why()));
      case RunEvent.CheckpointFound e ->
          line(log.atDebug(), e).log("run {}: {} found", e.run(), name(e.checkpoint()));
      case RunEvent.EvaluationStarted e ->
          line(log.atDebug(), e).log("run {}: evaluating {}", e.run(), name(e.checkpoint()));
    }
  }

  @Override
  public void onHistory(History history) {
    log.atInfo()
        .addKeyValue("run", history.run())
        .log("run {}: {}", history.run(), safe(HistorySummary.of(history.events()).sentence()));
  }

  @Override
  public void onJournalNews(JournalNews news) {
    (news.problem() ? log.atError() : log.atInfo())
        .addKeyValue("run", news.run())
        .log("run {}: {}", news.run(), safe(news.message()));
  }

  @Override
  public void onSourceNews(SourceNews news) {
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

  private void flag(RunEvent event, FlagChange change) {
    line(change.raised() ? log.atWarn() : log.atInfo(), event)
        .addKeyValue("flag", change.flag().label())
        .addKeyValue("raised", change.raised())
        .log(
            "run {}: flag {} {} at step {}: {}",
            event.run(),
            change.flag().label(),
            change.raised() ? "raised" : "cleared",
            change.step(),
            safe(change.evidence()));
  }

  private static LoggingEventBuilder line(LoggingEventBuilder builder, RunEvent event) {
    LoggingEventBuilder line = builder.addKeyValue("run", event.run());
    Long step = RunEvent.stepOf(event);
    return step == null ? line : line.addKeyValue("step", step);
  }

  private static String name(Checkpoint checkpoint) {
    String name = safe(checkpoint.name());
    return checkpoint.step() == null ? name : "step " + checkpoint.step() + " (" + name + ")";
  }

  /** File names may hold line breaks; a log line must not. */
  private static String safe(String text) {
    return text.replaceAll("\\p{Cntrl}", "?");
  }
}
