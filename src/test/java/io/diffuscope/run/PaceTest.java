package io.diffuscope.run;

import static io.diffuscope.run.RunMachine.written;
import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.run.RunState.Status;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Which checkpoints are evaluated, and how much of it, when training is faster. */
class PaceTest {
  @Test
  void aSamplingIsDueWhenTheStepHasGrownByAFactor() {
    RunMachine run = run(Pace.Policy.ALL, 1.15, null);
    assertThat(evaluate(run, 100)).isTrue();
    assertThat(evaluate(run, 114)).isFalse();
    assertThat(run.find(115)).endsWith("evaluating 115");
    assertThat(run.fail(115)).containsExactly("failed 115 (non_finite)");
    assertThat(evaluate(run, 116)).as("a sampling that failed is none").isTrue();
    assertThat(evaluate(run, 120)).isFalse();
    assertThat(evaluate(run, 50)).as("too late to be of use").isFalse();
    assertThat(evaluate(run, 134)).isTrue();
    assertThat(run.state().lineage().judged().keySet()).containsExactly(100L, 116L, 134L);
    run.assertRebuilt();
  }

  @Test
  void aResumedAttemptGoesBackToTheSamplingBeforeIt() {
    RunMachine run = run(Pace.Policy.ALL, 1.5, null);
    long time = 0;
    for (long step = 100; step <= 300; step += 20) {
      run.find(written(step, ++time));
      run.complete(written(step, time), List.of());
    }
    assertThat(run.state().lineage().judged().keySet()).containsExactly(100L, 160L, 240L);
    assertThat(run.find(written(220, 100)))
        .containsExactly("attempt 2 from 220", "found 220", "evaluating 220 (losses)");
    run.complete(written(220, 100), List.of());
    assertThat(run.find(written(240, 101))).endsWith("evaluating 240");
  }

  @Test
  void whatWasMeasuredOfItsLossesAloneAndIsWrittenAgainIsAnotherAttempt() {
    RunMachine run = run(Pace.Policy.ALL, 1.5, null);
    run.find(written(100, 1));
    run.complete(written(100, 1), List.of());
    run.find(written(110, 2));
    run.complete(written(110, 2), List.of());
    assertThat(run.find(written(110, 3))).startsWith("attempt 2 from 110");
  }

  @Test
  void withoutLossesWhatIsNotDueIsSkipped() {
    RunMachine run = new RunMachine(pace(Pace.Policy.ALL, 1.15, null), Ending.NEVER);
    run.begin(false);
    assertThat(run.find(100)).endsWith("evaluating 100");
    run.find(110);
    run.find(120);
    assertThat(run.complete(100)).endsWith("skipped 110 (spacing)", "evaluating 120");
  }

  @Test
  void theLastThatWaitsIsSampledOnceNoMoreCome() {
    RunMachine run = run(Pace.Policy.ALL, 1.5, null);
    run.find(100);
    run.find(101);
    run.find(102);
    run.drain();
    assertThat(run.complete(100)).endsWith("evaluating 101 (losses)");
    assertThat(run.complete(101)).endsWith("evaluating 102");
  }

  @Test
  void theNewestIsSampledAtTheEndAlsoAfterItsLossesWereMeasured() {
    for (Pace.Policy policy : List.of(Pace.Policy.ALL, Pace.Policy.LATEST)) {
      RunMachine run = run(policy, 1.5, null);
      assertThat(evaluate(run, 100)).isTrue();
      assertThat(evaluate(run, 101)).isFalse();
      assertThat(evaluate(run, 102)).isFalse();
      assertThat(run.isDone()).as("more may come").isTrue();

      assertThat(run.drain()).containsExactly("evaluating 102");
      assertThat(run.isDone()).isFalse();
      assertThat(run.complete(102))
          .startsWith("evaluated 102")
          .noneMatch(w -> w.startsWith("evaluating"));
      assertThat(run.isDone()).isTrue();
      assertThat(run.state().lineage().judged().keySet()).containsExactly(100L, 102L);
      run.assertRebuilt();
    }
  }

  @Test
  void theNewestIsSampledAtTheEndAlsoAfterItWasSkippedForSpacing() {
    RunMachine run = new RunMachine(new Pace(Pace.Policy.EVERY, 100, 10, 1, null), Ending.NEVER);
    run.begin();
    run.find(10);
    run.find(20);
    run.find(90);
    run.find(30);
    run.complete(10);
    run.passOver("/run/step-95");

    assertThat(run.drain()).containsExactly("evaluating 90");
    assertThat(run.complete(90)).startsWith("evaluated 90");
    assertThat(run.isDone()).isTrue();
    assertThat(run.state().ledger().get("id-90")).isEqualTo(Status.EVALUATED);
    run.assertRebuilt();
  }

  @Test
  void theNewestIsSampledAtTheEndWhereThereAreNoLosses() {
    RunMachine run = new RunMachine(pace(Pace.Policy.LATEST, 1.5, null), Ending.NEVER);
    run.begin(false);
    run.find(100);
    run.complete(100);
    assertThat(run.find(110)).endsWith("skipped 110 (spacing)");
    assertThat(run.drain()).containsExactly("evaluating 110");
  }

  @Test
  void theLastSamplingOfARunUnderABudgetWaitsForItsTurn() {
    RunMachine run = new RunMachine(new Pace(Pace.Policy.EVERY, 100, 10, 1, .1), Ending.NEVER);
    run.begin();
    run.find(10);
    run.proceed();
    run.complete(10);
    run.find(20);
    assertThat(run.drain()).isEmpty();
    assertThat(run.isReady()).isTrue();
    assertThat(run.proceed()).containsExactly("evaluating 20");
  }

  @Test
  void atTheEndTheNewestIsTriedOnce() {
    RunMachine run = run(Pace.Policy.ALL, 1.5, null);
    evaluate(run, 100);
    evaluate(run, 101);
    evaluate(run, 102);
    run.drain();
    assertThat(run.fail(102)).containsExactly("failed 102 (non_finite)");
    assertThat(run.isDone()).isTrue();
    run.assertRebuilt();
  }

  @Test
  void atTheEndTheNewestThatCouldBeReadIsSampled() {
    RunMachine run = run(Pace.Policy.ALL, 1.5, null);
    evaluate(run, 100);
    evaluate(run, 101);
    run.find(102);
    run.fail(102);
    assertThat(run.drain()).containsExactly("evaluating 101");
  }

  @Test
  void whatALaterAttemptSupersedesIsNotSampledAtTheEnd() {
    RunMachine run = run(Pace.Policy.ALL, 1.5, null);
    run.find(written(100, 1));
    run.complete(written(100, 1), List.of());
    run.find(written(120, 2));
    run.complete(written(120, 2), List.of());
    run.find(written(90, 3));
    run.complete(written(90, 3), List.of());
    assertThat(run.drain()).isEmpty();
    assertThat(run.isDone()).isTrue();
  }

  @Test
  void theFinalStepIsSampled() {
    Ending ending = new Ending(110L, null, null, false, Duration.ofMinutes(1));
    RunMachine run = new RunMachine(pace(Pace.Policy.LATEST, 1.5, null), ending);
    run.begin();
    assertThat(evaluate(run, 100)).isTrue();
    assertThat(evaluate(run, 109)).isFalse();
    assertThat(evaluate(run, 110)).isTrue();
  }

  @Test
  void oneCheckpointInEachStretchOfSteps() {
    Pace pace = new Pace(Pace.Policy.EVERY, 100, 10, 1, null);
    RunMachine run = new RunMachine(pace, Ending.NEVER);
    run.begin();
    assertThat(run.find(40)).containsExactly("found 40", "evaluating 40");
    assertThat(run.find(99)).containsExactly("found 99", "skipped 99 (spacing)");
    assertThat(run.find(130)).containsExactly("found 130");
    assertThat(run.find(110)).as("lower").containsExactly("found 110", "skipped 130 (spacing)");
    assertThat(run.find(150)).containsExactly("found 150", "skipped 150 (spacing)");
    assertThat(run.find(200)).containsExactly("found 200");
    assertThat(run.find((Integer) null)).as("without a step").containsExactly("found null");
    assertThat(run.complete(40)).endsWith("evaluating 110");
    assertThat(run.fail(110)).endsWith("evaluating 200");
    assertThat(run.find(160)).as("none of its stretch was evaluated").containsExactly("found 160");
    assertThat(run.complete(200)).endsWith("evaluating 160");
    assertThat(run.find(210)).endsWith("skipped 210 (spacing)");
    run.assertRebuilt();
  }

  @Test
  void aResumedAttemptCountsItsOwnStretches() {
    Pace pace = new Pace(Pace.Policy.EVERY, 100, 10, 1.5, null);
    RunMachine run = new RunMachine(pace, Ending.NEVER);
    run.begin();
    for (long step = 110; step <= 310; step += 100) {
      run.find(written(step, step));
      run.complete(written(step, step), List.of());
    }
    assertThat(run.find(written(250, 1_000)))
        .as("210 is of the line still")
        .containsExactly("attempt 2 from 250", "found 250", "skipped 250 (spacing)");
    assertThat(run.find(written(320, 1_001))).contains("found 320", "evaluating 320");
  }

  @Test
  void underABudgetARunWaitsForItsTurn() {
    RunMachine run = run(Pace.Policy.LATEST, 1, .1);
    assertThat(run.proceed()).isEmpty();
    assertThat(run.find(100)).containsExactly("found 100");
    assertThat(run.find(101)).containsExactly("found 101", "skipped 100 (superseded)");
    assertThat(run.proceed()).containsExactly("evaluating 101");
    run.find(102);
    assertThat(run.proceed()).as("one at a time").isEmpty();
    assertThat(run.complete(101)).startsWith("evaluated 101").noneMatch(w -> w.contains("102"));
    assertThat(run.find(103)).contains("skipped 102 (superseded)");
    assertThat(run.proceed()).containsExactly("evaluating 103");
  }

  @Test
  void whatIsLeftAtTheEndIsSkipped() {
    RunMachine run = run(Pace.Policy.ALL, 1, null);
    run.find(1);
    run.find(2);
    assertThat(run.end()).containsExactly("skipped 1 (ended)", "skipped 2 (ended)", "ended");
    assertThat(run.state().isIdle()).isTrue();
    assertThat(run.complete(1)).as("too late").isEmpty();
    assertThat(run.state().ledger().values()).containsOnly(Status.SKIPPED);
  }

  /** Whether a checkpoint was sampled. */
  private static boolean evaluate(RunMachine run, int step) {
    String begun = run.find(step).getLast();
    run.complete(step);
    RunEvent.EvaluationCompleted done =
        run.events().stream()
            .filter(RunEvent.EvaluationCompleted.class::isInstance)
            .map(RunEvent.EvaluationCompleted.class::cast)
            .reduce((first, second) -> second)
            .orElseThrow();
    assertThat(done.checkpoint().step()).isEqualTo(step);
    assertThat(begun)
        .isEqualTo("evaluating %d%s".formatted(step, done.sampled() ? "" : " (losses)"));
    assertThat(done.judged()).isEqualTo(done.sampled());
    return done.sampled();
  }

  private static RunMachine run(Pace.Policy policy, double growth, @Nullable Double budget) {
    RunMachine run = new RunMachine(pace(policy, growth, budget), Ending.NEVER);
    run.begin();
    return run;
  }

  private static Pace pace(Pace.Policy policy, double growth, @Nullable Double budget) {
    return new Pace(policy, 1, 100, growth, budget);
  }
}
