package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.detect.Flag;
import io.diffuscope.detect.Verdict;
import io.diffuscope.run.RunState.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.Test;

class RunDecisionsTest {
  @Test
  void whatIsFoundWaitsUntilTheReferencesAreReady() {
    RunMachine run = new RunMachine(Pace.Policy.ALL, 10);
    assertThat(run.find(20)).containsExactly("found 20");
    assertThat(run.find(10)).containsExactly("found 10");
    assertThat(run.begin()).containsExactly("started", "evaluating 10");
    assertThat(run.begin()).as("once").isEmpty();
    assertThat(run.complete(10)).startsWith("evaluated 10").endsWith("evaluating 20");
    assertThat(run.state().isIdle()).isFalse();
    assertThat(run.complete(20)).contains("evaluated 20");
    assertThat(run.state().isIdle()).isTrue();
  }

  @Test
  void everyCheckpointInOrderUpToTheBacklog() {
    RunMachine run = new RunMachine(Pace.Policy.ALL, 2);
    run.begin();
    assertThat(run.find(1)).containsExactly("found 1", "evaluating 1");
    assertThat(run.find(3)).containsExactly("found 3");
    assertThat(run.find(2)).containsExactly("found 2");
    assertThat(run.find(4)).containsExactly("found 4", "skipped 2 (backlog)");
    assertThat(run.state().pending())
        .extracting(candidate -> candidate.checkpoint().step())
        .containsExactly(3L, 4L);
    assertThat(run.complete(1)).endsWith("evaluating 3");
    assertThat(run.complete(3)).endsWith("evaluating 4");
    assertThat(run.state().ledger())
        .containsEntry("id-2", Status.SKIPPED)
        .containsEntry("id-3", Status.EVALUATED)
        .containsEntry("id-4", Status.EVALUATING);
  }

  @Test
  void theLatestOvertakes() {
    RunMachine run = new RunMachine(Pace.Policy.LATEST, 10);
    run.begin();
    assertThat(run.find(1)).containsExactly("found 1", "evaluating 1");
    assertThat(run.find(2)).containsExactly("found 2");
    assertThat(run.find(4)).containsExactly("found 4", "skipped 2 (superseded)");
    assertThat(run.find(3)).containsExactly("found 3", "skipped 3 (superseded)");
    assertThat(run.complete(1)).endsWith("evaluating 4");
  }

  @Test
  void nothingIsDoneTwice() {
    RunMachine run = new RunMachine(Pace.Policy.ALL, 10);
    run.begin();
    run.find(1);
    assertThat(run.find(1)).as("while it is evaluated").isEmpty();
    run.find(2);
    assertThat(run.find(2)).as("while it waits").isEmpty();
    run.complete(1);
    assertThat(run.find(1)).as("when it was evaluated").isEmpty();
    assertThat(run.complete(1)).as("a result that comes again").isEmpty();
    assertThat(run.fail(1)).as("a failure after the result").isEmpty();
    assertThat(run.evaluating()).isEqualTo(RunMachine.checkpoint(2L));
    run.fail(2);
    assertThat(run.find(2)).as("when it failed").isEmpty();
    assertThat(run.state().isIdle()).isTrue();
  }

  @Test
  void aFailureIsRecordedAndTheRunGoesOn() {
    RunMachine run = new RunMachine(Pace.Policy.ALL, 10);
    run.begin();
    run.find(1);
    run.find(2);
    assertThat(run.fail(1)).containsExactly("failed 1 (non_finite)", "evaluating 2");
    assertThat(run.state().ledger()).containsEntry("id-1", Status.FAILED);
    assertThat(run.passOver("x.safetensors")).containsExactly("passed over x.safetensors");
    assertThat(run.state().ledger()).hasSize(2);
  }

  @Test
  void aFailureThatMayPassIsTriedAgainAfterGrowingWaits() {
    RunMachine run = new RunMachine(Pace.Policy.ALL, 10);
    run.begin();
    run.find(1);
    run.find(2);
    assertThat(run.cannotRead(RunMachine.checkpoint(1L)))
        .as("nothing else is begun: it would fail, too")
        .containsExactly("postponed 1 (unreadable)");
    assertThat(run.state().ledger()).containsEntry("id-1", Status.PENDING);
    assertThat(run.find(1)).as("it is known").isEmpty();
    assertThat(run.afterSeconds(5)).isEmpty();
    assertThat(run.afterSeconds(5)).containsExactly("evaluating 1");
    run.cannotRead(RunMachine.checkpoint(1L));
    assertThat(run.afterSeconds(15)).isEmpty();
    assertThat(run.afterSeconds(5)).containsExactly("evaluating 1");
    assertThat(run.cannotRead(RunMachine.checkpoint(1L)))
        .containsExactly("failed 1 (unreadable)", "evaluating 2");
    run.assertRebuilt();
  }

  @Test
  void whatWasPostponedGivesWayToTheNewest() {
    RunMachine run = new RunMachine(Pace.Policy.LATEST, 1);
    run.begin();
    run.find(1);
    run.find(2);
    assertThat(run.cannotRead(RunMachine.checkpoint(1L)))
        .containsExactly("postponed 1 (unreadable)", "skipped 1 (superseded)");
    assertThat(run.afterSeconds(10)).containsExactly("evaluating 2");
    run.assertRebuilt();
  }

  @Test
  void nothingIsBegunWhileTheSourceDoesNotAnswer() {
    RunMachine run = new RunMachine(Pace.Policy.ALL, 10);
    run.begin();
    run.sourceIsOut(true);
    assertThat(run.find(1)).containsExactly("found 1");
    assertThat(run.sourceIsOut(false)).containsExactly("evaluating 1");
    run.sourceIsOut(true);
    run.find(2);
    assertThat(run.complete(1)).noneMatch(word -> word.startsWith("evaluating"));
    assertThat(run.drain()).as("what is left is tried").containsExactly("evaluating 2");
    run.assertRebuilt();
  }

  @Test
  void stepsBelowOneAlreadyJudgedAreEvaluatedButNotJudged() {
    RunMachine run = new RunMachine(Pace.Policy.ALL, 10);
    run.begin();
    run.find(10);
    run.complete(10);
    run.find(5);
    assertThat(run.complete(5)).containsExactly("evaluated 5 (earlier_step)");
    run.find((Integer) null);
    assertThat(run.complete((Integer) null)).containsExactly("evaluated null (no_step)");
    assertThat(run.state().lineage().judgedStep()).isEqualTo(10);
    assertThat(run.state().lineage().history()).hasSize(1);
    run.find(11);
    assertThat(run.complete(11)).startsWith("evaluated 11");
    assertThat(run.state().lineage().judgedStep()).isEqualTo(11);
  }

  @Test
  void checkpointsWithoutAStepComeLast() {
    RunMachine run = new RunMachine(Pace.Policy.ALL, 10);
    run.find((Integer) null);
    run.find(7);
    assertThat(run.begin()).endsWith("evaluating 7");
  }

  @Test
  void copiesRaiseTheFlagOnceAndChangeTheVerdict() {
    RunMachine run = new RunMachine(Pace.Policy.ALL, 10);
    run.begin();
    List<String> all = new ArrayList<>();
    for (int step = 1; step <= 6; step++) {
      run.find(step);
      all.addAll(run.complete(step, RunMachine.copies(step <= 2 ? 0 : .3)));
    }
    assertThat(all).containsOnlyOnce("raised memorization");
    assertThat(run.state().lineage().detectors().find(Flag.MEMORIZATION)).isPresent();
    Verdict verdict = Objects.requireNonNull(run.state().verdict());
    assertThat(verdict.state()).isEqualTo(Verdict.State.MEMORIZING);
    assertThat(all.indexOf("raised memorization"))
        .isLessThan(all.lastIndexOf("verdict memorizing"));
    for (int step = 7; step <= 12; step++) {
      run.find(step);
      all.addAll(run.complete(step, RunMachine.copies(0)));
    }
    assertThat(all).containsOnlyOnce("cleared memorization");
  }

  @Test
  void afterTheEndNothingHappens() {
    RunMachine run = new RunMachine(Pace.Policy.ALL, 10);
    run.begin();
    run.find(1);
    run.complete(1);
    assertThat(run.end()).containsExactly("ended");
    assertThat(run.state().ended()).isTrue();
    assertThat(run.end()).isEmpty();
    assertThat(run.find(2)).isEmpty();
    assertThat(run.passOver("x")).isEmpty();
  }

  /** Whatever the order of commands, the events alone make the state. */
  @Test
  void theEventsRebuildTheState() {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(4);
    for (int trial = 0; trial < 60; trial++) {
      Pace.Policy policy = trial % 2 == 0 ? Pace.Policy.ALL : Pace.Policy.LATEST;
      RunMachine run = new RunMachine(policy, 1 + trial % 3);
      for (int i = 0; i < 60; i++) {
        Checkpoint evaluating = run.evaluating();
        switch (random.nextInt(6)) {
          case 0, 1, 2 -> run.find(random.nextInt(40));
          case 3 -> run.begin();
          case 4 -> {
            if (evaluating != null) {
              run.complete(evaluating, RunMachine.copies(random.nextInt(2) * .4));
            }
          }
          default -> {
            if (evaluating != null) {
              run.perform(new RunDecisions.Fail(evaluating, "engine", "it broke"));
            }
          }
        }
        assertThat(run.state().pending().size()).isLessThanOrEqualTo(3);
      }
      run.end();
      run.assertRebuilt();
      long evaluated =
          run.events().stream().filter(e -> e instanceof RunEvent.EvaluationCompleted).count();
      assertThat(run.state().ledger().values().stream().filter(s -> s == Status.EVALUATED).count())
          .as("one recorded result per checkpoint")
          .isEqualTo(evaluated);
    }
  }
}
