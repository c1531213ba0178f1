package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.checkpoint.StepUnit;
import io.diffuscope.detect.Flag;
import io.diffuscope.detect.Verdict;
import io.diffuscope.publish.RunEvents;
import io.diffuscope.run.BudgetRest;
import io.diffuscope.run.History;
import io.diffuscope.run.PreparationProgress;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunEvent.Standing;
import io.diffuscope.run.SourceNews;
import io.diffuscope.run.StepScale;
import io.diffuscope.sampling.Reference;
import io.diffuscope.signal.Statistic;
import io.diffuscope.statistics.Estimate;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TerminalViewTest {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);

  private Instant now = RunEvents.AT;

  @Test
  void offATerminalThereAreLinesAndNoControlCharacters() {
    StatusLine status = StatusLine.on(out, false);
    TerminalView view = new TerminalView(status);
    view.onEvent(RunEvents.started("r"));
    view.onEvent(RunEvents.evaluating("r", 50L));
    view.onProgress(RunEvents.progress("r", 50L, 1, 2));
    status.progress("training", 5, 10);
    view.onEvent(look(50, 3.5));
    view.onEvent(look(60, 2.5));
    view.onEvent(RunEvents.flag("r", Flag.EARLY_MEMORIZATION, true, 60));
    view.onEvent(RunEvents.failed("r", 70L, "non_finite"));
    view.onEvent(RunEvents.ended("r", Verdict.State.EARLY_MEMORIZATION, 50L));
    status.close();

    String text = text();
    assertThat(text.replace("\n", "")).doesNotContainPattern("\\p{Cntrl}");
    assertThat(text)
        .contains("no teacher: pfd to teacher is off")
        .containsPattern("(?m)^ +50 +3\\.500 ± 0\\.250 .*0\\.650")
        .contains("60  early_memorization RAISED: share .65 against .50")
        .contains("failed (non_finite): step-70.safetensors")
        .contains("verdict: early_memorization since step 100; best checkpoint so far: step 50");
    // One heading for both rows, and no column for what was never measured.
    assertThat(text.lines().filter(line -> line.contains("pfd train")).toList()).hasSize(2);
    assertThat(text).doesNotContain("pfd holdout");
  }

  @Test
  void whatIsNotToBeTrustedIsSaidAboveTheRows() {
    TerminalView view = new TerminalView(StatusLine.on(out, false));
    view.onEvent(
        new RunEvent.RunStarted(
            "r", RunEvents.AT, "r", "probe-1", false, List.of(), StepScale.UPDATES, true));
    view.onEvent(look(50, 3.5));

    assertThat(text())
        .contains(
            "train_affinity and denoising_gap are not to be trusted: train and hold-out differ");
  }

  @Test
  void decodingIsToldInLinesFromTimeToTime() {
    StatusLine status = StatusLine.on(out, false);
    DecodingProgress decoding = new DecodingProgress(status, () -> now);
    for (int done = 100; done <= 1500; done += 100) {
      decoding.decoded("images of the training set", done, 1500);
      now = now.plusSeconds(1);
    }
    assertThat(text().lines())
        .containsExactly(
            "decoding images of the training set: 100 of 1500",
            "decoding images of the training set: 1100 of 1500",
            "decoding images of the training set: 1500 of 1500");
  }

  @Test
  void rowsStandUnderTheirHeadingsAndAMissingNumberLeavesItsPlaceEmpty() {
    TerminalView view = new TerminalView(StatusLine.on(out, false));
    view.onEvent(look(50, 3.5));
    view.onEvent(RunEvents.completed("r", 60L, true, RunEvents.share(.5)));
    view.onEvent(look(70, 2.5));

    List<String> lines = text().lines().toList();
    assertThat(lines).hasSize(4).extracting(String::length).containsOnly(lines.getFirst().length());
    int column = lines.getFirst().indexOf("train affinity") + "train affinity".length();
    assertThat(lines.get(2).substring(0, column)).endsWith("± 0.010");
  }

  @Test
  void aRowThatIsNotJudgedSaysWhy() {
    TerminalView view = new TerminalView(StatusLine.on(out, false));
    view.onEvent(RunEvents.completed("r", 60L, true, RunEvents.share(.5)));
    view.onEvent(RunEvents.completed("r", 50L, false, RunEvents.share(.5)));
    view.onEvent(RunEvents.completed("r", null, false, RunEvents.share(.5)));

    List<String> lines = text().lines().toList();
    assertThat(lines.get(1)).doesNotContain("not judged");
    assertThat(lines.get(2)).endsWith("  (not judged: an earlier step)");
    assertThat(lines.get(3)).endsWith("  (not judged: no step in its name)");
  }

  @Test
  void whatOnlyItsLossesWereMeasuredOfIsARowOfGaps() {
    TerminalView view = new TerminalView(StatusLine.on(out, false));
    view.onEvent(
        RunEvents.losses(
            "r", 40L, Standing.LOSSES_ONLY, RunEvents.gap(.1, .5), RunEvents.gap(2, 1)));
    view.onEvent(look(50, 3.5));
    view.onEvent(RunEvents.losses("r", 55L, Standing.LOSSES_ONLY));

    assertThat(text().lines().toList())
        .element(0)
        .isEqualTo(
            "       40  denoising losses only: gap 0.500 \u00b1 0.063 at sigma 0.1, 1.000 \u00b1"
                + " 0.063 at sigma 2.0");
    assertThat(text().lines().toList()).element(1).asString().startsWith("     step");
    assertThat(text()).endsWith("       55  denoising losses only\n");
  }

  @Test
  void skippedOnesAreFoldedIntoTheNextRow() {
    TerminalView view = new TerminalView(StatusLine.on(out, false));
    view.onEvent(look(50, 3.5));
    for (long step = 51; step < 63; step++) {
      view.onEvent(RunEvents.skipped("r", step, "superseded"));
    }
    view.onEvent(look(63, 3.5));
    view.onEvent(look(64, 3.5));

    List<String> lines = text().lines().toList();
    assertThat(lines).hasSize(4);
    assertThat(lines.get(1)).doesNotContain("skipped");
    assertThat(lines.get(2)).endsWith("  (12 skipped meanwhile)");
    assertThat(lines.get(3)).doesNotContain("skipped");
  }

  @Test
  void theColumnOfStepsSaysWhatTheyCount() {
    TerminalView view = new TerminalView(StatusLine.on(out, false));
    view.onEvent(RunEvents.started("r", new StepScale(null, null, null)));
    view.onEvent(look(50, 3.5));
    view.onSourceNews(new SourceNews("r", false, "layout edm", StepUnit.KIMG));
    view.onEvent(look(60, 3.5));
    view.onEvent(look(70, 3.5));

    assertThat(text().lines().filter(line -> line.contains("pfd train")).map(String::strip))
        .extracting(line -> line.substring(0, 4))
        .containsExactly("step", "kimg");
  }

  @Test
  void flagsAndTheVerdictSayWhatStepsCount() {
    TerminalView view = new TerminalView(StatusLine.on(out, false));
    view.onEvent(RunEvents.started("r", new StepScale(StepUnit.EPOCHS, null, null)));
    view.onEvent(RunEvents.attempt("r", 2, 5));
    view.onEvent(RunEvents.ended("r", Verdict.State.MEMORIZING, 50L));

    assertThat(text())
        .contains("since epoch 100; best checkpoint so far: epoch 50")
        .doesNotContain("step");
  }

  @Test
  void aProblemOfTheSourceIsToldOnceAndSoIsItsEnd() {
    TerminalView view = new TerminalView(StatusLine.on(out, false));
    view.onSourceNews(new SourceNews("r", true, "gone", null));
    view.onSourceNews(new SourceNews("r", true, "gone", null));
    view.onSourceNews(new SourceNews("r", true, "refused", null));
    view.onSourceNews(new SourceNews("r", false, "back", null));

    assertThat(text().lines()).containsExactly("gone", "refused", "back");
  }

  @Test
  void theEndSumsUpWhatBecameOfEveryCheckpoint() {
    TerminalView view = new TerminalView(StatusLine.on(out, false));
    for (long step = 1; step <= 6; step++) {
      view.onEvent(RunEvents.found("r", step));
    }
    view.onEvent(look(1, 3.5));
    view.onEvent(RunEvents.skipped("r", 2L, "superseded"));
    view.onEvent(RunEvents.skipped("r", 3L, "backlog"));
    view.onEvent(RunEvents.failed("r", 4L, "vanished"));
    view.onEvent(RunEvents.evaluating("r", 5L));
    view.onEvent(RunEvents.passedOver("r", 7L, "incomplete"));
    view.onEvent(RunEvents.passedOver("r", 8L, "malformed"));
    view.printVerdicts(
        Map.of("r", new Verdict(Verdict.State.LEARNING, 1L, null, "because")), List.of("slow"));

    assertThat(text())
        .contains("run slow did not tell its verdict in time")
        .contains(
            "checkpoints: 8 = 1 evaluated + 2 skipped (1 backlog, 1 superseded) + 1 vanished"
                + " + 1 incomplete + 1 failed + 1 waiting + 1 being evaluated\n"
                + "verdict: learning");
  }

  @Test
  void whatWaitedInTheJournalIsInTheSum() {
    TerminalView view = new TerminalView(StatusLine.on(out, false));
    view.onHistory(
        new History(
            "r",
            List.of(
                RunEvents.found("r", 1L),
                RunEvents.found("r", 2L),
                RunEvents.found("r", 3L),
                RunEvents.evaluating("r", 1L),
                look(1, 3.5),
                RunEvents.evaluating("r", 2L))));
    view.onEvent(RunEvents.resumed("r"));
    view.onEvent(RunEvents.found("r", 4L));
    view.printVerdicts(
        Map.of("r", new Verdict(Verdict.State.LEARNING, 1L, null, "because")), List.of());

    assertThat(text())
        .contains("2 found before wait")
        .contains("checkpoints: 4 = 1 evaluated + 3 waiting; 1 of them new, 3 found before\n");
  }

  @Test
  void oneThatGoesOnAndFindsNothingNewSaysSo() {
    TerminalView view = new TerminalView(StatusLine.on(out, false));
    view.onHistory(new History("r", List.of(RunEvents.found("r", 1L), look(1, 3.5))));
    view.onEvent(RunEvents.resumed("r"));
    view.onEvent(RunEvents.ended("r", Verdict.State.UNKNOWN, null));

    assertThat(text()).contains("checkpoints: 1 = 1 evaluated; 0 of them new, 1 found before\n");
  }

  @Test
  void offATerminalThePreparationIsToldFromTimeToTime() {
    TerminalView view = new TerminalView(StatusLine.on(out, false), false, () -> now);
    view.onPreparation(new PreparationProgress("r", "neighbours within the sets", 0, 1));
    for (int block = 1; block <= 12; block++) {
      now = now.plusSeconds(1);
      view.onPreparation(new PreparationProgress("r", "endpoints", block, 12));
    }

    assertThat(text().lines())
        .containsExactly(
            "preparing: neighbours within the sets",
            "preparing: endpoints, block 5 of 12",
            "preparing: endpoints, block 10 of 12");
  }

  @Test
  void offATerminalALongRestForTheBudgetIsToldAndAShortOneIsNot() {
    TerminalView view = new TerminalView(StatusLine.on(out, false), false, () -> now);
    view.onRest(new BudgetRest("r", now.plusSeconds(5)));
    view.onRest(new BudgetRest("r", now.plusSeconds(90)));

    assertThat(text()).matches("resting for the budget until \\d\\d:\\d1:30\\n");
  }

  @Test
  void thePValueIsDrawnOnALogarithmicScale() {
    TerminalView view = new TerminalView(StatusLine.on(out, false));
    for (int look = 0; look < 8; look++) {
      view.onEvent(
          RunEvents.completed(
              "r",
              50L + look,
              true,
              RunEvents.affinity(Statistic.P_VALUE, Estimate.exact(Math.pow(10, -look), 1000))));
    }
    view.onEvent(RunEvents.ended("r", Verdict.State.LEARNING, null));

    assertThat(text()).containsPattern("p-value  █▇▆▅▄▃▂▁  1\\.00 to 1\\.00e-07");
  }

  @Test
  void aRunWithoutCheckpointsSaysSoAtItsEnd() {
    TerminalView view = new TerminalView(StatusLine.on(out, false));
    view.onEvent(RunEvents.ended("r", Verdict.State.UNKNOWN, null));

    assertThat(text()).contains("checkpoints: none was found\nverdict: unknown");
  }

  @Test
  void aNewAttemptIsToldWithItsEvidence() {
    TerminalView view = new TerminalView(StatusLine.on(out, false));
    view.onEvent(look(60, 3.5));
    view.onEvent(RunEvents.attempt("r", 2, 60));

    assertThat(text()).endsWith("       60  step 60 was written again\n");
  }

  @Test
  void nothingFollowsTheVerdictOfAnInterruptedRun() {
    TerminalView view = new TerminalView(StatusLine.on(out, false));
    view.onEvent(look(50, 3.5));
    view.printVerdicts(
        Map.of("r", new Verdict(Verdict.State.LEARNING, 50L, null, "because")), List.of());
    String before = text();
    view.onEvent(look(60, 3.5));
    view.onEvent(RunEvents.ended("r", Verdict.State.LEARNING, null));

    assertThat(before).endsWith("verdict: learning since step 50\n  because\n");
    assertThat(text()).isEqualTo(before);
  }

  @Test
  void severalRunsShareATableAndEveryLineNamesItsRun() {
    TerminalView view = new TerminalView(StatusLine.on(out, false), true);
    view.onEvent(RunEvents.started("a"));
    view.onEvent(look("a", 50, 3.5));
    view.onEvent(RunEvents.started("long-b"));
    view.onEvent(look("long-b", 10, 2.5));
    view.onEvent(look("a", 60, 3.0));
    view.onEvent(RunEvents.flag("long-b", Flag.MEMORIZATION, true, 10));
    view.onEvent(RunEvents.failed("a", 70L, "wrong_shape"));
    view.onEvent(RunEvents.ended("long-b", Verdict.State.LEARNING, 10L));
    view.onEvent(look("a", 80, 2.0));
    view.printVerdicts(
        Map.of("The run a", new Verdict(Verdict.State.LEARNING, 80L, null, "because")), List.of());

    String text = text();
    // What is to be noted of the probe is the same for both.
    assertThat(text).containsOnlyOnce("no teacher: pfd to teacher is off");
    List<String> headings = text.lines().filter(line -> line.contains("pfd train")).toList();
    assertThat(headings.subList(0, 2)).allMatch(line -> line.matches("run +step +pfd train.*"));
    List<String> rows = text.lines().filter(line -> line.contains("±")).toList();
    assertThat(rows).hasSize(4);
    assertThat(rows.get(1)).matches("The run long-b +10 +2\\.500 .*");
    assertThat(rows.get(2)).matches("The run a +60 +3\\.000 .*");
    assertThat(headings.get(1).length())
        .isEqualTo(rows.get(1).length())
        .isEqualTo(rows.get(2).length());
    assertThat(text)
        .containsPattern("(?m)^The run long-b +10  memorization RAISED")
        .containsPattern("(?m)^The run a +failed \\(wrong_shape\\)")
        .contains("the run The run long-b ended: training ended")
        .contains("verdict of The run long-b: learning since step 100")
        .endsWith("verdict of The run a: learning since step 80\n  because\n");
  }

  @Test
  void onATerminalTheMovingLineIsTakenAwayBeforeALineThatStays() {
    StatusLine status = StatusLine.on(out, true);
    status.progress("training", 5, 10);
    status.doing("evaluating x");
    status.print("a row that stays");
    status.print("another");
    status.close();
    status.doing("too late");
    status.print("the end");

    // What is left on a screen: the text after the last return of each line.
    assertThat(screen()).containsExactly("a row that stays", "another", "the end");
    assertThat(text()).contains("training", "5/10", "evaluating x").doesNotContain("too late");
  }

  private List<String> screen() {
    return Arrays.stream(text().split("\n", -1))
        .map(line -> line.substring(line.lastIndexOf('\r') + 1))
        .map(line -> line.replaceAll("\u001b\\[[?0-9]*[A-Za-z]", "").strip())
        .filter(line -> !line.isEmpty())
        .toList();
  }

  private static RunEvent look(long step, double pfd) {
    return look("r", step, pfd);
  }

  private static RunEvent look(String run, long step, double pfd) {
    return RunEvents.completed(
        run,
        step,
        true,
        RunEvents.pfd(Reference.TRAIN, pfd),
        RunEvents.share(.65),
        RunEvents.affinity(Statistic.P_VALUE, Estimate.exact(1e-9, 1000)));
  }

  private String text() {
    return bytes.toString(StandardCharsets.UTF_8);
  }
}
