package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.detect.DescentSettings;
import io.diffuscope.detect.DetectorSettings;
import io.diffuscope.detect.EarlyMemorizationSettings;
import io.diffuscope.detect.Flag;
import io.diffuscope.detect.MemorizationSettings;
import io.diffuscope.run.RunState.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.Test;

/** A run whose program is stopped and started again keeps its place. */
class ResumeTest {
  private final RunMachine run = new RunMachine(Pace.Policy.ALL, 10);

  private List<String> resume() {
    return run.perform(new RunDecisions.Resume());
  }

  @Test
  void aNewRunHasNothingToGoOnFrom() {
    assertThat(resume()).isEmpty();
    assertThat(run.begin()).containsExactly("started");
  }

  @Test
  void anEvaluationThatWasUnderWayIsQueuedAgainAndWaitsForTheReferences() {
    run.begin();
    run.find(10);
    run.find(20);
    assertThat(resume()).containsExactly("resumed");
    assertThat(run.evaluating()).isNull();
    assertThat(run.state().pending())
        .extracting(c -> c.checkpoint().step())
        .containsExactly(10L, 20L);
    assertThat(run.complete(10)).as("news from before").isEmpty();
    assertThat(run.find(10)).as("known").isEmpty();
    assertThat(run.find(30)).containsExactly("found 30");
    assertThat(run.begin()).containsExactly("started", "evaluating 10");
    run.assertRebuilt();
  }

  @Test
  void whatWasDoneIsNotDoneAgain() {
    run.begin();
    run.find(10);
    run.complete(10);
    run.find(20);
    run.fail(20);
    resume();
    run.begin();
    assertThat(run.find(10)).isEmpty();
    assertThat(run.find(20)).isEmpty();
    assertThat(run.find(30)).containsExactly("found 30", "evaluating 30");
  }

  /** A content that had no step, and the same when its step was told. */
  @Test
  void aStepThatIsToldLaterIsAnotherCheckpointAndJudged() {
    Checkpoint unstepped = Checkpoint.ofFile("w@1", "/runs/7/w.pt", null);
    Checkpoint stepped = Checkpoint.ofFile("w@1!step=10", "/runs/7/w.pt", 10L);
    run.begin();
    run.find(unstepped);
    assertThat(run.find(stepped)).contains("found 10");
    assertThat(run.state().evaluating()).matches(c -> c != null && c.superseded());
    run.find(20);
    assertThat(run.find(stepped)).as("known").isEmpty();

    // Where it was found under its step at once, a step that is told again changes nothing.
    Checkpoint atOnce = Checkpoint.ofFile("v@1", "/runs/7/v.pt", 30L);
    run.find(atOnce);
    resume();
    assertThat(run.find(Checkpoint.ofFile("v@1!step=30", "/runs/7/v.pt", 30L))).isEmpty();
    run.assertRebuilt();
  }

  @Test
  void aRunThatHadEndedGoesOn() {
    run.begin();
    run.find(10);
    run.complete(10);
    run.end();
    assertThat(run.find(20)).isEmpty();
    assertThat(resume()).containsExactly("resumed");
    assertThat(run.state().ended()).isFalse();
    assertThat(run.find(20)).containsExactly("found 20");
    assertThat(run.begin()).containsExactly("started", "evaluating 20");
    run.complete(20);
    assertThat(run.end()).containsExactly("ended");
    run.assertRebuilt();
  }

  /** The second look in a row raises the flag, though another process had the first. */
  @Test
  void looksInARowAreCountedOverRestarts() {
    List<String> all = new ArrayList<>();
    run.begin();
    run.find(10);
    all.addAll(run.complete(10, RunMachine.copies(.3)));
    run.end();
    assertThat(all).noneMatch(word -> word.startsWith("raised"));
    resume();
    run.find(20);
    run.begin();
    all.addAll(run.complete(20, RunMachine.copies(.3)));
    assertThat(all).contains("raised memorization");
    run.end();
    resume();
    run.find(30);
    run.begin();
    assertThat(run.complete(30, RunMachine.copies(.3))).noneMatch(w -> w.startsWith("raised"));
  }

  /** Other thresholds judge what was recorded anew: what is told from then on says so. */
  @Test
  void flagsFollowTheSettingsOfTheNewStart() {
    run.begin();
    for (long step = 10; step <= 30; step += 10) {
      run.find(RunMachine.checkpoint(step));
      run.complete(RunMachine.checkpoint(step), RunMachine.copies(.3));
    }
    assertThat(run.state().flags()).containsExactly(Flag.MEMORIZATION);
    DetectorSettings usual = DetectorSettings.DEFAULT;
    run.setDetectors(
        new DetectorSettings(
            EarlyMemorizationSettings.DEFAULT,
            new MemorizationSettings(.9, .5, 2),
            DescentSettings.DEFAULT));
    assertThat(resume())
        .contains("resumed", "cleared memorization")
        .anyMatch(w -> w.startsWith("verdict"));
    assertThat(run.state().flags()).isEmpty();
    run.assertRebuilt();
    assertThat(resume()).containsExactly("resumed");

    run.setDetectors(usual);
    assertThat(resume()).contains("raised memorization");
    assertThat(run.state().flags()).containsExactly(Flag.MEMORIZATION);
    run.assertRebuilt();
  }

  /** A new process tries at once what the one before had postponed, and counts its tries on. */
  @Test
  void triesAreCountedOverRestarts() {
    run.begin();
    run.find(10);
    assertThat(run.cannotRead(RunMachine.checkpoint(10L)))
        .containsExactly("postponed 10 (unreadable)");
    resume();
    assertThat(run.begin()).containsExactly("started", "evaluating 10");
    run.cannotRead(RunMachine.checkpoint(10L));
    resume();
    run.begin();
    assertThat(run.cannotRead(RunMachine.checkpoint(10L)))
        .containsExactly("failed 10 (unreadable)");
    run.assertRebuilt();
  }

  @Test
  void aTrainingThatWentBackMeanwhileIsANewAttempt() {
    run.begin();
    for (long step = 10; step <= 30; step += 10) {
      run.find(RunMachine.written(step, step));
      run.complete(RunMachine.written(step, step), List.of());
    }
    resume();
    run.begin();
    assertThat(run.find(RunMachine.written(20, 50))).contains("attempt 2 from 20");
    run.assertRebuilt();
  }

  @Test
  void whatIsLeftAtTheEndIsSkippedOnceAndItsLateResultIsNot() {
    run.begin();
    run.find(10);
    run.find(20);
    run.find(30);
    assertThat(run.end())
        .containsExactly("skipped 10 (ended)", "skipped 20 (ended)", "skipped 30 (ended)", "ended");
    assertThat(run.state().isIdle()).isTrue();
    assertThat(run.complete(10)).isEmpty();
    assertThat(run.fail(10)).isEmpty();
    assertThat(run.state().ledger().values()).containsOnly(Status.SKIPPED);
    run.assertRebuilt();
  }

  /** Random runs, stopped at random: a replay gives the state, and everything ends once. */
  @Test
  void theEventsRebuildTheStateOverAnyNumberOfRestarts() {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(11);
    int restarts = 0;
    for (int trial = 0; trial < 150; trial++) {
      Pace.Policy policy = trial % 2 == 0 ? Pace.Policy.ALL : Pace.Policy.LATEST;
      RunMachine machine = new RunMachine(policy, 1 + trial % 4);
      for (int i = 0; i < 80; i++) {
        Checkpoint current = machine.evaluating();
        switch (random.nextInt(9)) {
          case 0 -> machine.begin();
          case 1, 2, 3 ->
              machine.find(RunMachine.written(10L * random.nextInt(20), random.nextInt(40)));
          case 4, 5 -> {
            if (current != null) {
              machine.complete(current, RunMachine.copies(random.nextInt(2) * .3));
            }
          }
          case 6 -> {
            if (current != null) {
              String reason = random.nextBoolean() ? "non_finite" : "unreadable";
              machine.perform(new RunDecisions.Fail(current, reason, "broken"));
            }
          }
          case 7 -> {
            if (random.nextInt(3) == 0) {
              machine.end();
            }
          }
          default -> {
            machine.perform(new RunDecisions.Resume());
            assertThat(machine.evaluating()).isNull();
            assertThat(machine.state().ended()).isFalse();
            restarts++;
          }
        }
        machine.assertRebuilt();
      }
      machine.perform(new RunDecisions.Resume());
      machine.begin();
      machine.end();
      assertThat(machine.state().ledger().values())
          .isSubsetOf(Set.of(Status.EVALUATED, Status.SKIPPED, Status.FAILED));
      List<String> ends = new ArrayList<>();
      for (RunEvent event : machine.events()) {
        switch (event) {
          case RunEvent.EvaluationCompleted e -> ends.add(e.checkpoint().identity());
          case RunEvent.EvaluationFailed e -> ends.add(e.checkpoint().identity());
          case RunEvent.CheckpointSkipped e -> ends.add(e.checkpoint().identity());
          default -> {}
        }
      }
      assertThat(ends).doesNotHaveDuplicates().hasSameSizeAs(machine.state().ledger().keySet());
    }
    assertThat(restarts).isGreaterThan(500);
  }
}
