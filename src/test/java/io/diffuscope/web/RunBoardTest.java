package io.diffuscope.web;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;
import static org.assertj.core.api.Assertions.within;

import io.diffuscope.checkpoint.StepUnit;
import io.diffuscope.detect.Flag;
import io.diffuscope.detect.Verdict;
import io.diffuscope.publish.RunEvents;
import io.diffuscope.run.BudgetRest;
import io.diffuscope.run.PreparationProgress;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunEvent.Standing;
import io.diffuscope.run.SourceNews;
import io.diffuscope.run.StepScale;
import io.diffuscope.run.WeightsUsed;
import io.diffuscope.sampling.Reference;
import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.signal.SignalNames;
import io.diffuscope.signal.Statistic;
import io.diffuscope.statistics.Estimate;
import io.diffuscope.web.RunView.Point;
import io.diffuscope.web.RunView.SeriesView;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class RunBoardTest {
  private Instant now = RunEvents.AT;
  private final RunBoard board = RunBoard.create(RunBoard.POINTS, () -> now);

  @Test
  void foldsEventsIntoTheStateOfARun() {
    tell(
        RunEvents.started("r"),
        RunEvents.found("r", 100L),
        RunEvents.found("r", 200L),
        RunEvents.evaluating("r", 100L));
    board.onProgress(RunEvents.progress("r", 100L, 3, 12));
    assertThat(run().state()).isEqualTo("evaluating");
    assertThat(run().progress())
        .isEqualTo(new RunView.Progress(100L, "step-100.safetensors", 3, 12));

    tell(
        RunEvents.completed("r", 100L, true, RunEvents.share(.5), RunEvents.gap(.3, .25)),
        RunEvents.flag("r", Flag.MEMORIZATION, true, 100),
        RunEvents.verdict("r", Verdict.State.MEMORIZING, 50L),
        RunEvents.failed("r", 200L, "non_finite"));
    RunView run = run();
    assertThat(run.displayName()).isEqualTo("The run r");
    assertThat(run.state()).isEqualTo("idle");
    assertThat(run.progress()).isNull();
    assertThat(run.foundStep()).isEqualTo(200);
    assertThat(run.evaluatedStep()).isEqualTo(100);
    assertThat(run.counts()).isEqualTo(new RunView.Counts(2, 1, 0, 0, 0, 1, 0, 0, Map.of()));
    assertThat(run.verdict().state()).isEqualTo("memorizing");
    assertThat(run.verdict().bestStep()).isEqualTo(50);
    assertThat(run.flags())
        .containsExactly(
            new RunView.FlagView("early_memorization", false, null, null),
            new RunView.FlagView("memorization", true, 100L, "share .65 against .50"),
            new RunView.FlagView("overfitting", false, null, null),
            new RunView.FlagView("double_descent", false, null, null));
    assertThat(run.messages())
        .singleElement()
        .extracting(RunView.Message::reason)
        .isEqualTo("non_finite");
    assertThat(run.series())
        .containsExactly(
            new SeriesView(
                "train_affinity",
                null,
                null,
                "share",
                null,
                List.of(new Point(100, .5, .01, .48, .52)),
                List.of()),
            new SeriesView(
                "denoising_gap",
                null,
                .3,
                "gap",
                null,
                List.of(new Point(100, .25, .0625, .125, .375)),
                List.of()));

    tell(RunEvents.ended("r", Verdict.State.MEMORIZING, 50L));
    assertThat(run().state()).isEqualTo("ended");
    assertThat(run().endedAt()).isEqualTo("2027-01-15T08:01:00Z");
  }

  @Test
  void whatIsMadeReadyIsShownWithItsBlocksUntilTheRunBegins() {
    board.onPreparation(new PreparationProgress("r", "endpoints of the reference flows", 3, 8));
    assertThat(run().state()).isEqualTo("preparing");
    assertThat(run().preparation())
        .isEqualTo(new RunView.Preparation("endpoints of the reference flows", 3, 8));

    tell(RunEvents.started("r"));
    assertThat(run().state()).isEqualTo("idle");
    assertThat(run().preparation()).isNull();
  }

  @Test
  void aRunThatGoesOnIsMadeReadyOnceMore() {
    tell(
        RunEvents.started("r"),
        RunEvents.found("r", 100L),
        RunEvents.evaluating("r", 100L),
        RunEvents.resumed("r"));
    board.onPreparation(new PreparationProgress("r", "neighbours within the sets", 0, 1));
    assertThat(run().state()).isEqualTo("preparing");

    tell(RunEvents.ended("r", Verdict.State.UNKNOWN, null));
    assertThat(run().state()).isEqualTo("ended");
    assertThat(run().preparation()).isNull();
  }

  @Test
  void aRestForTheBudgetIsShownWhileItLasts() {
    tell(RunEvents.started("r"), RunEvents.found("r", 100L));
    board.onRest(new BudgetRest("r", now.plusSeconds(30)));
    assertThat(run().state()).isEqualTo("resting");
    assertThat(run().restingUntil()).isEqualTo("2027-01-15T08:00:30Z");

    now = now.plusSeconds(30);
    assertThat(run().state()).isEqualTo("idle");
    assertThat(run().restingUntil()).isNull();
  }

  @Test
  void anEvaluationEndsTheRest() {
    tell(RunEvents.started("r"), RunEvents.found("r", 100L));
    board.onRest(new BudgetRest("r", now.plusSeconds(30)));
    tell(RunEvents.evaluating("r", 100L));
    assertThat(run().state()).isEqualTo("evaluating");
    tell(RunEvents.completed("r", 100L, true));
    assertThat(run().state()).isEqualTo("idle");
  }

  /** 128 of 512 points are the training set's; 640 of 1000 samples are nearest to one of them. */
  @Test
  void sharesHaveTheirChanceBesideThem() {
    SignalEstimate share = RunEvents.share(.64);
    SignalEstimate excess = RunEvents.affinity(Statistic.EXCESS, Estimate.exact(.52, 1000));
    SignalEstimate control =
        SignalEstimate.of(
            SignalNames.NEAREST_RATIO, null, Statistic.CONTROL, Estimate.exact(.0078125, 128));
    tell(
        RunEvents.started("r"),
        RunEvents.completed("r", 100L, true, share, excess, RunEvents.copies(.1), control));
    assertThat(chance(0)).isEqualTo(.25, within(1e-12));
    assertThat(chance(1)).isEqualTo(.0078125);

    // All samples are nearest to a training point: nothing follows for the chance.
    tell(
        RunEvents.completed(
            "r",
            200L,
            true,
            RunEvents.share(1),
            RunEvents.affinity(Statistic.EXCESS, Estimate.exact(1, 1000)),
            RunEvents.gap(.3, .1)));
    assertThat(chance(0)).isEqualTo(.25, within(1e-12));
    assertThat(chance(2)).isNull();
  }

  private @Nullable Double chance(int series) {
    return run().series().get(series).chance();
  }

  @Test
  void keepsMainValuesAloneAndKnowsNoNaN() {
    tell(
        RunEvents.started("r"),
        RunEvents.completed(
            "r",
            100L,
            true,
            RunEvents.affinity(Statistic.P_VALUE, Estimate.exact(.1, 10)),
            RunEvents.affinity(Statistic.SHARE, Estimate.exact(.5, 10))));

    assertThat(run().series())
        .singleElement()
        .extracting(SeriesView::points)
        .isEqualTo(List.of(new Point(100, .5, null, null, null)));
  }

  @Test
  void lateStepsFallIntoPlaceAndANewAttemptSupersedesWhatFollows() {
    tell(
        RunEvents.started("r"),
        RunEvents.completed("r", 100L, true, RunEvents.share(.1)),
        RunEvents.completed("r", 300L, true, RunEvents.share(.3)),
        RunEvents.completed("r", 200L, false, RunEvents.share(.2)));
    assertThat(steps(run())).containsExactly(100L, 200L, 300L);
    assertThat(run().evaluatedStep()).isEqualTo(300);

    tell(RunEvents.attempt("r", 2, 150));
    assertThat(run().evaluatedStep()).isNull();
    tell(
        RunEvents.completed("r", 150L, Standing.JUDGED, 2, null, RunEvents.share(.15)),
        RunEvents.completed("r", 400L, Standing.SUPERSEDED, 1, null, RunEvents.share(.4)));
    RunView run = run();
    assertThat(steps(run)).containsExactly(100L, 150L);
    assertThat(run.evaluatedStep()).isEqualTo(150);
    assertThat(run.attempt()).isEqualTo(2);
    assertThat(run.attempts())
        .containsExactly(
            new RunView.AttemptView(2, 150, "2027-01-15T08:00:05Z", "step 150 was written again"));
    assertThat(run.series().getFirst().superseded())
        .singleElement()
        .satisfies(
            part -> {
              assertThat(part.attempt()).isEqualTo(1);
              assertThat(part.points()).extracting(Point::step).containsExactly(200L, 300L, 400L);
            });
    assertThat(run.results())
        .extracting(RunView.ResultView::step, RunView.ResultView::standing)
        .containsExactly(
            tuple(400L, "superseded"),
            tuple(150L, "judged"),
            tuple(200L, "superseded"),
            tuple(300L, "superseded"),
            tuple(100L, "judged"));
    assertThat(run.results().get(1).values())
        .containsExactly(new RunView.ValueView("train_affinity", null, .15, .01));
    assertThat(run.counts().evaluated()).as("one for each checkpoint").isEqualTo(5);
  }

  @Test
  void supersededCurvesAndResultsAreBounded() {
    RunBoard small = RunBoard.create(16, () -> now);
    small.onEvent(RunEvents.started("r"));
    for (int attempt = 1; attempt <= 30; attempt++) {
      for (long step = 1; step <= 40; step++) {
        small.onEvent(
            RunEvents.completed("r", step, Standing.JUDGED, attempt, null, RunEvents.share(.5)));
      }
      small.onEvent(RunEvents.attempt("r", attempt + 1, 1));
    }
    RunView run = small.runs(16).getFirst();
    assertThat(run.attempt()).isEqualTo(31);
    assertThat(run.attempts()).hasSize(20);
    assertThat(run.results()).hasSize(50);
    assertThat(run.series().getFirst().points()).isEmpty();
    assertThat(run.series().getFirst().superseded())
        .extracting(RunView.Superseded::attempt)
        .containsExactly(27, 28, 29, 30);
    assertThat(run.series().getFirst().superseded())
        .allSatisfy(part -> assertThat(part.points()).hasSizeBetween(2, 4));
  }

  @Test
  void weightsAreToldWhereThereIsSomethingToTell() {
    tell(
        RunEvents.started("r"),
        RunEvents.completed("r", 1L, Standing.JUDGED, 1, weights(null, List.of())));
    assertThat(run().weights()).isNull();
    tell(
        RunEvents.completed(
            "r", 2L, Standing.JUDGED, 1, weights("averaged (ema)", List.of("a", "b", "c", "d"))));
    assertThat(run().weights())
        .isEqualTo(
            "averaged (ema); 4 tensors without a parameter in the template ignored (a, b, c, ...)");
  }

  private static WeightsUsed weights(@Nullable String choice, List<String> ignored) {
    return new WeightsUsed(choice, ignored.size(), ignored.subList(0, Math.min(3, ignored.size())));
  }

  @Test
  void sentencesHaveTheRunsUnit() {
    tell(
        RunEvents.started("r", new StepScale(StepUnit.KIMG, null, null)),
        new RunEvent.VerdictChanged(
            "r",
            RunEvents.AT,
            new Verdict(Verdict.State.LEARNING, 1L, 2L, "fell from 3 at step 1 to 2 at step 2")),
        new RunEvent.AttemptStarted("r", RunEvents.AT, 2, 1, "step 1 was written again"));

    assertThat(run().verdict().why()).isEqualTo("fell from 3 at kimg 1 to 2 at kimg 2");
    assertThat(run().attempts().getFirst().message()).isEqualTo("kimg 1 was written again");
  }

  @Test
  void lagIsTheAgeOfWhatWaitsLongest() {
    tell(RunEvents.started("r"), RunEvents.found("r", 100L), RunEvents.found("r", 200L));
    now = RunEvents.AT.plusSeconds(61);
    assertThat(run().lag()).isEqualTo(new RunView.LagView(60, 100L));
    assertThat(run().counts().waiting()).isEqualTo(2);

    tell(RunEvents.ended("r", Verdict.State.LEARNING, null));
    assertThat(run().lag()).isEqualTo(new RunView.LagView(0, null));
    assertThat(run().endCause()).isEqualTo("training ended");
    tell(RunEvents.started("r"));
    assertThat(run().endCause()).isNull();
  }

  @Test
  void checkpointsAreCountedByWhatTheyEndedAs() {
    tell(
        RunEvents.started("r"),
        RunEvents.found("r", 1L),
        RunEvents.found("r", 2L),
        RunEvents.found("r", 3L),
        RunEvents.skipped("r", 1L, "superseded"),
        RunEvents.skipped("r", 2L, "backlog"),
        RunEvents.failed("r", 3L, "vanished"),
        RunEvents.passedOver("r", 4L, "incomplete"));

    assertThat(run().counts())
        .isEqualTo(
            new RunView.Counts(4, 0, 2, 1, 1, 0, 0, 0, Map.of("backlog", 1L, "superseded", 1L)));
  }

  @Test
  void whatOnlyItsLossesWereMeasuredOfIsARowWithoutValuesAndAPointOfTheGap() {
    tell(
        RunEvents.started("r"),
        RunEvents.completed("r", 100L, true, RunEvents.share(.5), RunEvents.gap(.3, .1)),
        RunEvents.losses("r", 110L, Standing.LOSSES_ONLY, RunEvents.gap(.3, .2)));
    RunView run = run();

    assertThat(run.evaluatedStep()).isEqualTo(110);
    assertThat(run.sampledStep()).isEqualTo(100);
    assertThat(run.results().getFirst())
        .isEqualTo(
            new RunView.ResultView(
                110L,
                "step-110.safetensors",
                1,
                "losses_only",
                false,
                "2027-01-15T08:00:03Z",
                List.of()));
    assertThat(run.results().get(1).sampled()).isTrue();
    assertThat(run.series().getFirst().points()).extracting(Point::step).containsExactly(100L);
    assertThat(run.series().get(1).points()).extracting(Point::step).containsExactly(100L, 110L);

    tell(RunEvents.attempt("r", 2, 105));
    assertThat(run().evaluatedStep()).isNull();
    assertThat(run().sampledStep()).isEqualTo(100);
  }

  @Test
  void stepsHaveAUnitAndTrainingImages() {
    tell(
        RunEvents.started("r", new StepScale(null, 256L, 1_000L)),
        RunEvents.completed("r", 10L, true));
    assertThat(run().steps()).isEqualTo(new RunView.StepsView("updates", 256L));
    assertThat(run().evaluatedImages()).isEqualTo(2_560);

    board.onSourceNews(new SourceNews("r", false, "kohya", StepUnit.EPOCHS));
    assertThat(run().steps()).isEqualTo(new RunView.StepsView("epochs", 1_000L));
    assertThat(run().evaluatedImages()).isEqualTo(10_000);
  }

  @Test
  void aProblemOfTheSourceIsShownWhileItLastsAlsoBeforeTheStart() {
    board.onSourceNews(new SourceNews("r", true, "does not exist", null));
    assertThat(run().source()).isEqualTo(new RunView.SourceView(false, "does not exist"));
    assertThat(run().state()).isEqualTo("idle");

    tell(RunEvents.started("r"));
    assertThat(run().source().up()).isFalse();
    board.onSourceNews(new SourceNews("r", false, "can be listed again", null));
    assertThat(run().source()).isEqualTo(new RunView.SourceView(true, null));
  }

  @Test
  void checkpointsWithoutAStepAreCounted() {
    tell(
        RunEvents.started("r"),
        RunEvents.completed("r", null, false, RunEvents.share(.1)),
        RunEvents.completed("r", null, false, RunEvents.share(.2)));

    assertThat(steps(run())).containsExactly(1L, 2L);
    assertThat(run().evaluatedStep()).isNull();
  }

  @Test
  void anotherProbeBeginsOtherCurves() {
    tell(
        RunEvents.started("r", "one"),
        RunEvents.completed("r", 100L, true, RunEvents.pfd(Reference.TRAIN, 3)));
    tell(RunEvents.started("r", "one"));
    assertThat(run().series()).hasSize(1);

    tell(RunEvents.started("r", "two"));
    assertThat(run().series()).isEmpty();
  }

  @Test
  void historyIsBoundedAndSpansTheWholeRun() {
    RunBoard small = RunBoard.create(16, () -> now);
    small.onEvent(RunEvents.started("r"));
    for (long step = 1; step <= 1_000; step++) {
      small.onEvent(RunEvents.completed("r", step, true, RunEvents.share(.5)));
    }
    List<Long> steps = steps(small.runs(RunBoard.POINTS).getFirst());

    assertThat(steps).hasSizeBetween(8, 16).isSorted().startsWith(1L).endsWith(1_000L);
    assertThat(steps(small.runs(4).getFirst())).hasSize(4).startsWith(1L).endsWith(1_000L);
    assertThat(steps(small.runs(1).getFirst())).containsExactly(1_000L);
  }

  @Test
  void messagesAreBoundedAndTheLatestComeFirst() {
    tell(RunEvents.started("r"));
    for (long step = 1; step <= 50; step++) {
      tell(RunEvents.failed("r", step, "truncated"));
    }

    assertThat(run().messages()).hasSize(20);
    assertThat(run().messages().getFirst().message()).startsWith("step-50.");
  }

  @Test
  void aRemovedRunIsGone() {
    tell(RunEvents.started("a"), RunEvents.started("b"));
    board.removeRun("a");

    assertThat(board.runs(10)).extracting(RunView::run).containsExactly("b");
  }

  private void tell(RunEvent... events) {
    for (RunEvent event : events) {
      board.onEvent(event);
    }
  }

  private RunView run() {
    return board.runs(RunBoard.POINTS).getFirst();
  }

  private static List<Long> steps(RunView run) {
    return run.series().getFirst().points().stream().map(Point::step).toList();
  }
}
