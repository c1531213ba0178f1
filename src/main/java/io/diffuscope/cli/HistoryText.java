package io.diffuscope.cli;

import io.diffuscope.detect.FlagChange;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunSummary;
import io.diffuscope.run.SeriesId;
import io.diffuscope.run.StepScale;
import io.diffuscope.run.StepText;
import io.diffuscope.sampling.Reference;
import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.signal.SignalNames;
import io.diffuscope.signal.Statistic;
import io.diffuscope.statistics.Estimate;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Optional;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;

/** What happened to a run, for people: a line for each event that tells something. */
final class HistoryText {
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss", Locale.ROOT);

  /** The most telling numbers, by what is printed before them. */
  private enum Telling {
    TO_TEACHER("pfd to teacher", SignalNames.PFD, Reference.TEACHER, Statistic.RMS),
    TO_HOLDOUT("pfd to holdout", SignalNames.PFD, Reference.HOLDOUT, Statistic.RMS),
    AFFINITY("affinity", SignalNames.TRAIN_AFFINITY, null, Statistic.SHARE),
    COPIES("copies", SignalNames.NEAREST_RATIO, Reference.TRAIN, Statistic.SHARE);

    private final String text;
    private final String signal;
    private final @Nullable Reference reference;
    private final Statistic statistic;

    Telling(String text, String signal, @Nullable Reference reference, Statistic statistic) {
      this.text = text;
      this.signal = signal;
      this.reference = reference;
      this.statistic = statistic;
    }

    Optional<String> in(RunEvent.EvaluationCompleted event) {
      return event.estimates().stream()
          .filter(one -> one.signal().equals(signal) && one.statistic() == statistic)
          .filter(one -> reference == null || one.reference() == reference)
          .findFirst()
          .map(SignalEstimate::estimate)
          .map(e -> "%s %s".formatted(text, number(e)));
    }

    private static String number(Estimate e) {
      return Double.isNaN(e.standardError())
          ? String.format(Locale.ROOT, "%.4g", e.value())
          : String.format(Locale.ROOT, "%.4g \u00b1 %.2g", e.value(), e.standardError());
    }
  }

  private final ZoneId zone;
  private final RunSummary.Fold summary = new RunSummary.Fold("");
  private StepScale steps = StepScale.UPDATES;

  /** For the events of one series. */
  HistoryText(ZoneId zone) {
    this.zone = zone;
  }

  /** The line before the events of a series. */
  String heading(SeriesId series) {
    return inOneLine(
        "run %s, checkpoints from %s, probe %s"
            .formatted(series.run(), series.source(), series.probe()));
  }

  /** The line after them: how many checkpoints there were, by what became of them. */
  String closing() {
    RunSummary all = summary.summary();
    return all == null
        ? "  nothing happened"
        : "  %d evaluated, %d skipped, %d failed, %d passed over, %d waiting"
            .formatted(
                all.evaluated(), all.skipped(), all.failed(), all.passedOver(), all.waiting());
  }

  /** Names of files may hold anything, also what moves the cursor of a terminal. */
  private static String inOneLine(String text) {
    StringBuilder line = new StringBuilder();
    text.replaceAll("\\R", " ")
        .codePoints()
        .forEach(c -> line.appendCodePoint(Character.isISOControl(c) ? '\uFFFD' : c));
    return line.toString();
  }

  /** The line of an event; empty where the next one tells as much. */
  Optional<String> line(RunEvent event) {
    summary.accept(event);
    if (event instanceof RunEvent.RunStarted started) {
      steps = started.steps();
    }
    return text(event)
        .map(
            text ->
                "  %s  %-14s  %s"
                    .formatted(
                        TIME.format(event.at().atZone(zone)),
                        step(RunEvent.stepOf(event)),
                        inOneLine(text)));
  }

  private String step(@Nullable Long step) {
    return step == null ? "" : StepText.of(steps.unitOrUpdates(), step);
  }

  private Optional<String> text(RunEvent event) {
    return switch (event) {
      case RunEvent.RunStarted e -> Optional.of("started");
      case RunEvent.RunResumed e -> Optional.of("goes on");
      case RunEvent.CheckpointFound e -> Optional.empty();
      case RunEvent.EvaluationStarted e -> Optional.empty();
      case RunEvent.CheckpointSkipped e ->
          Optional.of("%s skipped: %s".formatted(e.checkpoint().name(), e.reason()));
      case RunEvent.CheckpointPassedOver e ->
          Optional.of("%s passed over: %s".formatted(e.path(), e.message()));
      case RunEvent.AttemptStarted e -> Optional.of(e.message());
      case RunEvent.EvaluationCompleted e -> Optional.of(evaluated(e));
      case RunEvent.EvaluationFailed e ->
          Optional.of("%s failed: %s".formatted(e.checkpoint().name(), e.message()));
      case RunEvent.EvaluationPostponed e ->
          Optional.of(
              "%s tried again later (try %d failed): %s"
                  .formatted(e.checkpoint().name(), e.failed(), e.message()));
      case RunEvent.FlagChanged e -> Optional.of(flag(e.change()));
      case RunEvent.VerdictChanged e ->
          Optional.of("verdict: %s; %s".formatted(e.verdict().state().label(), e.verdict().why()));
      case RunEvent.RunEnded e ->
          Optional.of("ended: %s; verdict %s".formatted(e.cause(), e.verdict().state().label()));
    };
  }

  private static String flag(FlagChange change) {
    return "flag %s %s: %s"
        .formatted(
            change.flag().label(), change.raised() ? "raised" : "cleared", change.evidence());
  }

  private static String evaluated(RunEvent.EvaluationCompleted event) {
    StringJoiner numbers = new StringJoiner(", ");
    for (Telling telling : Telling.values()) {
      telling.in(event).ifPresent(numbers::add);
    }
    return "%s evaluated in %.1f s%s%s"
        .formatted(
            event.checkpoint().name(),
            event.seconds(),
            event.judged() ? "" : " (%s)".formatted(event.standing().text()),
            numbers.length() == 0 ? "" : ": " + numbers);
  }
}
