package io.diffuscope.cli;

import io.diffuscope.checkpoint.StepUnit;
import io.diffuscope.detect.FlagChange;
import io.diffuscope.detect.Look;
import io.diffuscope.detect.Verdict;
import io.diffuscope.publish.CheckpointTally;
import io.diffuscope.publish.HistorySummary;
import io.diffuscope.publish.RunListener;
import io.diffuscope.publish.SourceState;
import io.diffuscope.run.BudgetRest;
import io.diffuscope.run.DurationText;
import io.diffuscope.run.EvaluationProgress;
import io.diffuscope.run.EvidenceNews;
import io.diffuscope.run.History;
import io.diffuscope.run.HoldNews;
import io.diffuscope.run.JournalNews;
import io.diffuscope.run.PreparationProgress;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunEvent.Standing;
import io.diffuscope.run.SourceNews;
import io.diffuscope.run.StepScale;
import io.diffuscope.run.StepText;
import io.diffuscope.run.WeightsUsed;
import io.diffuscope.sampling.Reference;
import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.signal.SignalNames;
import io.diffuscope.signal.Statistic;
import io.diffuscope.statistics.Estimate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Help.Ansi.IStyle;

/**
 * What a person sees of runs: a row for each checkpoint, flags as they are raised, the verdict at
 * the end; and on a terminal one moving line below with what is being done. Where there may be
 * several runs they share one table, and every line starts with the name of its run.
 */
final class TerminalView implements RunListener {
  private static final int ROWS_PER_HEADER = 25;

  /** Between two lines that tell how far the preparation is, where no line moves. */
  private static final Duration BETWEEN_LINES = Duration.ofSeconds(5);

  /** Shorter rests are not worth a line. */
  private static final Duration NOTABLE_REST = Duration.ofSeconds(10);

  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("HH:mm:ss", Locale.ROOT);

  /** A column of the table: its title, and where its number is. */
  private record Column(
      String title, int width, String signal, @Nullable Reference reference, Statistic statistic) {}

  private static final String P_VALUE = "p-value";

  private static final List<Column> COLUMNS =
      List.of(
          new Column("pfd train", 15, SignalNames.PFD, Reference.TRAIN, Statistic.RMS),
          new Column("pfd holdout", 15, SignalNames.PFD, Reference.HOLDOUT, Statistic.RMS),
          new Column("pfd teacher", 15, SignalNames.PFD, Reference.TEACHER, Statistic.RMS),
          new Column("train affinity", 15, SignalNames.TRAIN_AFFINITY, null, Statistic.SHARE),
          new Column("its excess", 15, SignalNames.TRAIN_AFFINITY, null, Statistic.EXCESS),
          new Column(P_VALUE, 9, SignalNames.TRAIN_AFFINITY, null, Statistic.P_VALUE),
          new Column(
              "nearest ratio", 15, SignalNames.NEAREST_RATIO, Reference.TRAIN, Statistic.SHARE),
          // Under an approximate search: what it found of the nearest points.
          new Column(
              "its recall", 15, SignalNames.NEAREST_RATIO, Reference.TRAIN, Statistic.RECALL_1));

  private final StatusLine status;
  private final boolean severalRuns;
  private final InstantSource clock;
  private final Map<String, Shown> runs = new LinkedHashMap<>();
  private List<String> notes = List.of();
  private List<Column> shown = List.of();
  private int rows;
  private @Nullable StepUnit unitOfHeader;
  private volatile boolean over;

  /** What was shown of a run. */
  private static final class Shown {
    private final Map<String, List<Double>> curves = new LinkedHashMap<>();
    private final CheckpointTally tally = CheckpointTally.create();
    private String name;
    private StepScale steps = new StepScale(null, null, null);
    private SourceState source = SourceState.UP;
    private long skippedMeanwhile;
    private long before;
    private @Nullable Instant preparationTold;
    private @Nullable WeightsUsed weights;
    private boolean setsDiffer;

    Shown(String name) {
      this.name = name;
    }

    StepUnit unit() {
      return steps.recognised(source.stepUnit()).unitOrUpdates();
    }
  }

  /** A view of one run. */
  TerminalView(StatusLine status) {
    this(status, false);
  }

  /** A view of one run, or of any number of runs. */
  TerminalView(StatusLine status, boolean severalRuns) {
    this(status, severalRuns, InstantSource.system());
  }

  /** A view by a clock of its own. */
  TerminalView(StatusLine status, boolean severalRuns, InstantSource clock) {
    this.status = status;
    this.severalRuns = severalRuns;
    this.clock = clock;
  }

  @Override
  public synchronized void onEvent(RunEvent event) {
    if (over) {
      return;
    }
    Shown run = runOf(event.run());
    run.tally.add(event);
    switch (event) {
      case RunEvent.RunStarted e -> started(run, e);
      case RunEvent.EvaluationCompleted e -> row(run, e);
      case RunEvent.FlagChanged e -> flag(run, e.change());
      case RunEvent.AttemptStarted e ->
          print(
              run,
              "bold,yellow",
              "%9d  %s".formatted(e.fromStep(), StepText.in(run.unit(), e.message())));
      case RunEvent.CheckpointPassedOver e ->
          print(run, "yellow", "passed over (%s): %s".formatted(e.reason(), e.message()));
      case RunEvent.EvaluationFailed e ->
          print(run, "red", "failed (%s): %s".formatted(e.reason(), e.message()));
      case RunEvent.EvaluationPostponed e ->
          print(
              run,
              "yellow",
              "failed (%s), tried again in %s: %s"
                  .formatted(
                      e.reason(),
                      DurationText.of(Duration.between(e.at(), e.until())),
                      e.message()));
      // One that follows the newest leaves most of them out: the next row tells how many.
      case RunEvent.CheckpointSkipped e -> run.skippedMeanwhile++;
      case RunEvent.RunEnded e -> ended(run, e);
      case RunEvent.EvaluationStarted e -> doing(run, "evaluating " + e.checkpoint().name());
      case RunEvent.RunResumed e -> {}
      case RunEvent.CheckpointFound e -> {}
      case RunEvent.VerdictChanged e -> {}
    }
  }

  @Override
  public synchronized void onProgress(EvaluationProgress progress) {
    doing(
        runOf(progress.run()),
        "evaluating %s, block %d of %d"
            .formatted(progress.checkpoint().name(), progress.done(), progress.total()));
  }

  @Override
  public synchronized void onPreparation(PreparationProgress progress) {
    if (over) {
      return;
    }
    Shown run = runOf(progress.run());
    String what = "preparing: " + progress.text();
    doing(run, what);
    Instant now = clock.instant();
    Instant told = run.preparationTold;
    if (!status.isMoving() && (told == null || !now.isBefore(told.plus(BETWEEN_LINES)))) {
      run.preparationTold = now;
      print(run, "faint", what);
    }
  }

  @Override
  public synchronized void onRest(BudgetRest rest) {
    if (over) {
      return;
    }
    Shown run = runOf(rest.run());
    String what =
        "resting for the budget until %s"
            .formatted(
                TIME.format(
                    rest.until().atZone(ZoneId.systemDefault()).truncatedTo(ChronoUnit.SECONDS)));
    doing(run, what);
    boolean notable = rest.until().isAfter(clock.instant().plus(NOTABLE_REST));
    if (!status.isMoving() && notable) {
      print(run, "faint", what);
    }
  }

  @Override
  public synchronized void onHistory(History history) {
    Shown run = runOf(history.run());
    for (RunEvent event : history.events()) {
      run.tally.add(event);
      if (event instanceof RunEvent.RunStarted started) {
        run.name = started.displayName();
        run.steps = started.steps();
        run.setsDiffer = started.setsDiffer();
      }
    }
    run.before = run.tally.total();
    status.print(
        "run %s %s".formatted(run.name, HistorySummary.of(history.events()).sentence(run.unit())));
  }

  @Override
  public synchronized void onJournalNews(JournalNews news) {
    print(runOf(news.run()), news.problem() ? "bold,red" : "yellow", news.message());
  }

  @Override
  public synchronized void onSourceNews(SourceNews news) {
    Shown run = runOf(news.run());
    SourceState before = run.source;
    run.source = before.after(news);
    if (!over && !(news.problem() && news.message().equals(before.problem()))) {
      String style = news.problem() ? "yellow" : before.problem() != null ? "green" : "faint";
      print(run, style, news.message());
    }
  }

  @Override
  public synchronized void onHoldNews(HoldNews news) {
    if (news.first()) {
      print(runOf(news.run()), "yellow", news.message());
    }
  }

  @Override
  public synchronized void onEvidenceNews(EvidenceNews news) {
    if (news.first()) {
      print(runOf(news.run()), "yellow", news.message());
    }
  }

  private Shown runOf(String id) {
    return runs.computeIfAbsent(id, Shown::new);
  }

  private void print(Shown run, String style, String text) {
    status.print(styled(style, prefix(run) + text));
  }

  private void doing(Shown run, String what) {
    status.doing(severalRuns ? run.name + ": " + what : what);
  }

  /** The column of the runs' names, as wide as the longest of them so far; nothing for one run. */
  private String prefix(Shown run) {
    return severalRuns ? padded(run.name) : "";
  }

  private String padded(String name) {
    int width = runs.values().stream().mapToInt(run -> run.name.length()).max().orElse(0);
    return name + " ".repeat(Math.max(0, width - name.length()) + 2);
  }

  private void started(Shown run, RunEvent.RunStarted event) {
    run.name = event.displayName();
    run.steps = event.steps();
    run.setsDiffer = event.setsDiffer();
    status.print("run %s, probe %s".formatted(event.displayName(), event.probe()));
    // Runs of one monitor share the probe, and mostly what there is to note about it.
    if (!event.notes().equals(notes)) {
      notes = event.notes();
      notes.forEach(note -> status.print("  " + note));
    }
    if (severalRuns) {
      rows = 0;
    }
    status.doing("idle until the next checkpoint");
  }

  private void row(Shown run, RunEvent.EvaluationCompleted event) {
    Long step = event.checkpoint().step();
    Look look = new Look(step == null ? 0 : step, event.estimates());
    StringBuilder line = new StringBuilder(prefix(run));
    line.append("%9s".formatted(step == null ? event.checkpoint().name() : step));
    if (!event.sampled()) {
      line.append("  denoising losses only").append(gaps(event.estimates()));
      endRow(run, event, line, "faint");
      return;
    }
    if (shown.isEmpty()) {
      shown = COLUMNS.stream().filter(c -> find(look, c).isPresent()).toList();
    }
    header(run);
    for (Column column : shown) {
      Optional<Estimate> estimate = find(look, column);
      line.append(("  %" + column.width + "s").formatted(estimate.map(this::cell).orElse("")));
      estimate.ifPresent(
          e -> run.curves.computeIfAbsent(column.title, t -> new ArrayList<>()).add(e.value()));
    }
    endRow(run, event, line, "");
  }

  /** From time to time, and where the steps of the next row count something else. */
  private void header(Shown run) {
    StepUnit unit = run.unit();
    if (unit != unitOfHeader) {
      rows = 0;
      unitOfHeader = unit;
    }
    if (rows++ % ROWS_PER_HEADER == 0) {
      StringBuilder header = new StringBuilder(severalRuns ? padded("run") : "");
      header.append("%9s".formatted(StepText.word(unit)));
      shown.forEach(c -> header.append(("  %" + c.width + "s").formatted(c.title)));
      status.print(styled("bold", header.toString()));
      if (run.setsDiffer) {
        print(run, "yellow", EstimateRows.DIFFER);
      }
    }
  }

  private void endRow(
      Shown run, RunEvent.EvaluationCompleted event, StringBuilder line, String style) {
    if (!event.judged() && event.standing() != Standing.LOSSES_ONLY) {
      line.append("  (not judged: ").append(event.standing().text()).append(')');
    }
    if (run.skippedMeanwhile > 0) {
      // Some may be of steps before this one, some after it.
      line.append("  (%d skipped meanwhile)".formatted(run.skippedMeanwhile));
      run.skippedMeanwhile = 0;
    }
    status.print(style.isEmpty() ? line.toString() : styled(style, line.toString()));
    tellWeights(run, event);
    status.doing("idle until the next checkpoint");
  }

  /** The denoising gaps by noise level: all that such a row has. */
  private String gaps(List<SignalEstimate> estimates) {
    String gaps =
        estimates.stream()
            .filter(e -> e.signal().equals(SignalNames.DENOISING_GAP))
            .filter(e -> e.statistic() == Statistic.GAP && e.sigma() != null)
            .map(e -> "%s at sigma %s".formatted(cell(e.estimate()), e.sigma()))
            .collect(Collectors.joining(", "));
    return gaps.isEmpty() ? "" : ": gap " + gaps;
  }

  /** Which weights were read, and what was left out: once, until it changes. */
  private void tellWeights(Shown run, RunEvent.EvaluationCompleted event) {
    WeightsUsed weights = event.weights();
    if (weights != null && weights.isRemarkable() && !weights.equals(run.weights)) {
      run.weights = weights;
      print(run, "faint", "weights: " + weights.describe());
    }
  }

  private static Optional<Estimate> find(Look look, Column column) {
    return look.find(column.signal, column.reference, column.statistic);
  }

  private String cell(Estimate estimate) {
    return Double.isNaN(estimate.standardError())
        ? String.format(Locale.ROOT, "%.2g", estimate.value())
        : String.format(Locale.ROOT, "%.3f ± %.3f", estimate.value(), estimate.standardError());
  }

  private void flag(Shown run, FlagChange change) {
    String word = change.raised() ? "RAISED" : "cleared";
    print(
        run,
        change.raised() ? "bold,red" : "green",
        "%9d  %s %s: %s"
            .formatted(
                change.step(),
                change.flag().label(),
                word,
                StepText.in(run.unit(), change.evidence())));
  }

  private void ended(Shown run, RunEvent.RunEnded event) {
    status.clear();
    status.print("");
    run.curves.forEach(
        (title, values) ->
            status.print(
                String.format(
                    Locale.ROOT,
                    "%16s  %s  %.3g to %.3g",
                    title,
                    title.equals(P_VALUE) ? Sparkline.ofLogarithms(values) : Sparkline.of(values),
                    values.getFirst(),
                    values.getLast())));
    status.print(
        "%s ended: %s".formatted(severalRuns ? "the run " + run.name : "the run", event.cause()));
    printTally(run);
    printVerdict(run.name, run.unit(), event.verdict());
    over = !severalRuns;
  }

  /** Prints verdicts as they stand, by the names of the runs, and nothing after them. */
  synchronized void printVerdicts(Map<String, Verdict> verdicts, List<String> unanswered) {
    over = true;
    if (verdicts.isEmpty() && unanswered.isEmpty()) {
      status.print("no run had a checkpoint yet");
    }
    verdicts.forEach(
        (name, verdict) -> {
          Optional<Shown> run =
              runs.values().stream().filter(shownRun -> shownRun.name.equals(name)).findFirst();
          run.ifPresent(this::printTally);
          printVerdict(name, run.map(Shown::unit).orElse(StepUnit.UPDATES), verdict);
        });
    unanswered.forEach(
        name ->
            status.print(
                "run %s did not tell its verdict in time; start it again to see it"
                    .formatted(name)));
  }

  private void printTally(Shown run) {
    status.print(prefix(run) + TallyLine.of(run.tally, run.before));
  }

  private void printVerdict(String name, StepUnit unit, Verdict verdict) {
    Long since = verdict.sinceStep();
    Long best = verdict.bestStep();
    status.print(
        styled(
            "bold",
            "verdict%s: %s%s%s"
                .formatted(
                    severalRuns ? " of " + name : "",
                    verdict.state().label(),
                    since == null ? "" : " since " + StepText.of(unit, since),
                    best == null ? "" : "; best checkpoint so far: " + StepText.of(unit, best))));
    status.print("  " + StepText.in(unit, verdict.why()));
  }

  private static String styled(String style, String text) {
    // Ansi.AUTO: colour on a terminal only, and never against NO_COLOR. Messages may hold "@|".
    IStyle[] styles = Ansi.Style.parse(style);
    return Ansi.AUTO.enabled() ? Ansi.Style.on(styles) + text + Ansi.Style.off(styles) : text;
  }
}
