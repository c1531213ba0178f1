package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.detect.DetectorSettings;
import io.diffuscope.detect.Flag;
import io.diffuscope.detect.Verdict;
import io.diffuscope.model.NetworkSettings;
import io.diffuscope.model.SigmaGrid;
import io.diffuscope.run.RunState.Status;
import io.diffuscope.sampling.DenoisingSettings;
import io.diffuscope.sampling.FlowSettings;
import io.diffuscope.sampling.ProbeSpec;
import io.diffuscope.sampling.Reference;
import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.signal.SignalNames;
import io.diffuscope.signal.Statistic;
import io.diffuscope.statistics.Estimate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class RunDecisionsTest {
  @Test
  void whatIsFoundWaitsUntilTheReferencesAreReady() {
    Machine run = new Machine(RunSettings.Policy.ALL, 10);
    assertThat(run.find(20)).containsExactly("found 20");
    assertThat(run.find(10)).containsExactly("found 10");
    assertThat(run.begin()).containsExactly("started", "evaluating 10");
    assertThat(run.begin()).as("once").isEmpty();
    assertThat(run.complete(10)).startsWith("evaluated 10").endsWith("evaluating 20");
    assertThat(run.state.isIdle()).isFalse();
    assertThat(run.complete(20)).contains("evaluated 20");
    assertThat(run.state.isIdle()).isTrue();
  }

  @Test
  void everyCheckpointInOrderUpToTheBacklog() {
    Machine run = new Machine(RunSettings.Policy.ALL, 2);
    run.begin();
    assertThat(run.find(1)).containsExactly("found 1", "evaluating 1");
    assertThat(run.find(3)).containsExactly("found 3");
    assertThat(run.find(2)).containsExactly("found 2");
    assertThat(run.find(4)).containsExactly("found 4", "skipped 2 (backlog)");
    assertThat(run.state.pending()).extracting(Checkpoint::step).containsExactly(3L, 4L);
    assertThat(run.complete(1)).endsWith("evaluating 3");
    assertThat(run.complete(3)).endsWith("evaluating 4");
    assertThat(run.state.ledger())
        .containsEntry("id-2", Status.SKIPPED)
        .containsEntry("id-3", Status.EVALUATED)
        .containsEntry("id-4", Status.EVALUATING);
  }

  @Test
  void theLatestOvertakes() {
    Machine run = new Machine(RunSettings.Policy.LATEST, 10);
    run.begin();
    assertThat(run.find(1)).containsExactly("found 1", "evaluating 1");
    assertThat(run.find(2)).containsExactly("found 2");
    assertThat(run.find(4)).containsExactly("found 4", "skipped 2 (superseded)");
    assertThat(run.find(3)).containsExactly("found 3", "skipped 3 (superseded)");
    assertThat(run.complete(1)).endsWith("evaluating 4");
  }

  @Test
  void nothingIsDoneTwice() {
    Machine run = new Machine(RunSettings.Policy.ALL, 10);
    run.begin();
    run.find(1);
    assertThat(run.find(1)).as("while it is evaluated").isEmpty();
    run.find(2);
    assertThat(run.find(2)).as("while it waits").isEmpty();
    run.complete(1);
    assertThat(run.find(1)).as("when it was evaluated").isEmpty();
    assertThat(run.complete(1)).as("a result that comes again").isEmpty();
    assertThat(run.fail(1)).as("a failure after the result").isEmpty();
    assertThat(run.state.evaluating()).isEqualTo(checkpoint(2L));
    run.fail(2);
    assertThat(run.find(2)).as("when it failed").isEmpty();
    assertThat(run.state.isIdle()).isTrue();
  }

  @Test
  void aFailureIsRecordedAndTheRunGoesOn() {
    Machine run = new Machine(RunSettings.Policy.ALL, 10);
    run.begin();
    run.find(1);
    run.find(2);
    assertThat(run.fail(1)).containsExactly("failed 1 (non_finite)", "evaluating 2");
    assertThat(run.state.ledger()).containsEntry("id-1", Status.FAILED);
    assertThat(run.passOver("x.safetensors")).containsExactly("passed over x.safetensors");
    assertThat(run.state.ledger()).hasSize(2);
  }

  @Test
  void stepsBelowOneAlreadyJudgedAreEvaluatedButNotJudged() {
    Machine run = new Machine(RunSettings.Policy.ALL, 10);
    run.begin();
    run.find(10);
    run.complete(10);
    run.find(5);
    assertThat(run.complete(5)).containsExactly("evaluated 5, not judged");
    run.find(null);
    assertThat(run.complete(null)).containsExactly("evaluated null, not judged");
    assertThat(run.state.judgedStep()).isEqualTo(10);
    assertThat(run.state.history()).hasSize(1);
    run.find(11);
    assertThat(run.complete(11)).startsWith("evaluated 11");
    assertThat(run.state.judgedStep()).isEqualTo(11);
  }

  @Test
  void checkpointsWithoutAStepComeLast() {
    Machine run = new Machine(RunSettings.Policy.ALL, 10);
    run.find(null);
    run.find(7);
    assertThat(run.begin()).endsWith("evaluating 7");
  }

  @Test
  void copiesRaiseTheFlagOnceAndChangeTheVerdict() {
    Machine run = new Machine(RunSettings.Policy.ALL, 10);
    run.begin();
    List<String> all = new ArrayList<>();
    for (int step = 1; step <= 6; step++) {
      run.find(step);
      all.addAll(run.complete(step, copies(step <= 2 ? 0 : .3)));
    }
    assertThat(all).containsOnlyOnce("raised memorization");
    assertThat(run.state.detectors().find(Flag.MEMORIZATION)).isPresent();
    Verdict verdict = Objects.requireNonNull(run.state.verdict());
    assertThat(verdict.state()).isEqualTo(Verdict.State.MEMORIZING);
    assertThat(all.indexOf("raised memorization"))
        .isLessThan(all.lastIndexOf("verdict memorizing"));
    for (int step = 7; step <= 12; step++) {
      run.find(step);
      all.addAll(run.complete(step, copies(0)));
    }
    assertThat(all).containsOnlyOnce("cleared memorization");
  }

  @Test
  void afterTheEndNothingHappens() {
    Machine run = new Machine(RunSettings.Policy.ALL, 10);
    run.begin();
    run.find(1);
    run.complete(1);
    assertThat(run.end()).containsExactly("ended");
    assertThat(run.state.ended()).isTrue();
    assertThat(run.end()).isEmpty();
    assertThat(run.find(2)).isEmpty();
    assertThat(run.passOver("x")).isEmpty();
  }

  /** Whatever the order of commands, the events alone make the state. */
  @Test
  void theEventsRebuildTheState() {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(4);
    for (int trial = 0; trial < 60; trial++) {
      RunSettings.Policy policy =
          trial % 2 == 0 ? RunSettings.Policy.ALL : RunSettings.Policy.LATEST;
      Machine run = new Machine(policy, 1 + trial % 3);
      for (int i = 0; i < 60; i++) {
        Checkpoint evaluating = run.state.evaluating();
        switch (random.nextInt(6)) {
          case 0, 1, 2 -> run.find(random.nextInt(40));
          case 3 -> run.begin();
          case 4 -> {
            if (evaluating != null) {
              run.perform(new RunDecisions.Complete(evaluating, copies(random.nextInt(2) * .4), 1));
            }
          }
          default -> {
            if (evaluating != null) {
              run.perform(new RunDecisions.Fail(evaluating, "engine", "it broke"));
            }
          }
        }
        assertThat(run.state.pending().size()).isLessThanOrEqualTo(3);
      }
      run.end();
      run.assertRebuilt();
      long evaluated =
          run.events.stream().filter(e -> e instanceof RunEvent.EvaluationCompleted).count();
      assertThat(run.state.ledger().values().stream().filter(s -> s == Status.EVALUATED).count())
          .as("one recorded result per checkpoint")
          .isEqualTo(evaluated);
    }
  }

  /** Holds the state and tells events as short words. */
  private static final class Machine {
    private final RunDecisions decisions;
    private final List<RunEvent> events = new ArrayList<>();
    private RunState state = RunState.EMPTY;
    private long seconds;

    Machine(RunSettings.Policy policy, int mostPending) {
      decisions = new RunDecisions(settings(policy, mostPending));
    }

    List<String> begin() {
      return perform(new RunDecisions.Begin("Run", "probe", true, List.of("a note")));
    }

    List<String> find(@Nullable Integer step) {
      return perform(new RunDecisions.Find(checkpoint(step == null ? null : (long) step)));
    }

    List<String> complete(@Nullable Integer step) {
      return complete(step, List.of());
    }

    List<String> complete(@Nullable Integer step, List<SignalEstimate> estimates) {
      return perform(
          new RunDecisions.Complete(checkpoint(step == null ? null : (long) step), estimates, 1));
    }

    List<String> fail(long step) {
      return perform(new RunDecisions.Fail(checkpoint(step), "non_finite", "NaN"));
    }

    List<String> passOver(String path) {
      return perform(new RunDecisions.PassOver(path, "incomplete", "cut"));
    }

    List<String> end() {
      return perform(new RunDecisions.End("over"));
    }

    List<String> perform(RunDecisions.Command command) {
      List<RunEvent> more = decisions.decide(state, command, Instant.ofEpochSecond(seconds++));
      for (RunEvent event : more) {
        assertThat(event.run()).isEqualTo("run");
        state = decisions.apply(state, event);
        events.add(event);
      }
      return more.stream().map(Machine::word).toList();
    }

    void assertRebuilt() {
      RunState rebuilt = RunState.EMPTY;
      for (RunEvent event : events) {
        rebuilt = decisions.apply(rebuilt, event);
      }
      assertThat(rebuilt).isEqualTo(state);
    }

    private static String word(RunEvent event) {
      return switch (event) {
        case RunEvent.RunStarted e -> "started";
        case RunEvent.CheckpointFound e -> "found " + e.checkpoint().step();
        case RunEvent.CheckpointSkipped e ->
            "skipped %s (%s)".formatted(e.checkpoint().step(), e.reason());
        case RunEvent.CheckpointPassedOver e -> "passed over " + e.path();
        case RunEvent.EvaluationStarted e -> "evaluating " + e.checkpoint().step();
        case RunEvent.EvaluationCompleted e ->
            "evaluated %s%s".formatted(e.checkpoint().step(), e.judged() ? "" : ", not judged");
        case RunEvent.EvaluationFailed e ->
            "failed %s (%s)".formatted(e.checkpoint().step(), e.reason());
        case RunEvent.FlagChanged e ->
            "%s %s"
                .formatted(e.change().raised() ? "raised" : "cleared", e.change().flag().label());
        case RunEvent.VerdictChanged e -> "verdict " + e.verdict().state().label();
        case RunEvent.RunEnded e -> "ended";
      };
    }
  }

  private static Checkpoint checkpoint(@Nullable Long step) {
    return Checkpoint.ofFile("id-" + step, "/run/step-%s.safetensors".formatted(step), step);
  }

  /** A share of copies among 1000 samples, and a control of 0. */
  private static List<SignalEstimate> copies(double share) {
    return List.of(
        estimate(Statistic.SHARE, share),
        estimate(Statistic.CONTROL, 0),
        estimate(Statistic.EXCESS, share));
  }

  private static SignalEstimate estimate(Statistic statistic, double value) {
    return SignalEstimate.of(
        SignalNames.NEAREST_RATIO,
        Reference.TRAIN,
        statistic,
        new Estimate(value, .01, value - .02, value + .004, 1000));
  }

  private static RunSettings settings(RunSettings.Policy policy, int mostPending) {
    ProbeSpec spec =
        new ProbeSpec(
            "net.pt",
            NetworkSettings.Overrides.NONE,
            "train.npy",
            null,
            null,
            null,
            0,
            null,
            64,
            new FlowSettings(FlowSettings.Solver.HEUN, SigmaGrid.edm(18)),
            new DenoisingSettings(List.of(), 1, 2),
            "cache",
            0);
    return new RunSettings(
        "run",
        "Run",
        spec,
        policy,
        mostPending,
        DetectorSettings.DEFAULT,
        2,
        Duration.ofMinutes(1));
  }
}
