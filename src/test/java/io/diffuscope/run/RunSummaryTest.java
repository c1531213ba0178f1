package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.detect.Flag;
import io.diffuscope.detect.Verdict;
import io.diffuscope.publish.RunEvents;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** Summaries counted by hand. */
class RunSummaryTest {
  private static RunSummary of(List<RunEvent> events) {
    RunSummary.Fold fold = new RunSummary.Fold("run");
    events.forEach(fold);
    return Objects.requireNonNull(fold.summary());
  }

  @Test
  void ofNothingThereIsNone() {
    assertThat(new RunSummary.Fold("run").summary()).isNull();
  }

  /** Of events that the rules of a run made. */
  @Test
  void aRunFromItsBeginningToItsEnd() {
    RunMachine machine = new RunMachine(Pace.Policy.ALL, 2);
    machine.begin();
    assertThat(machine.find(10)).containsExactly("found 10", "evaluating 10");
    machine.find(20);
    machine.find(30);
    assertThat(machine.find(40)).containsExactly("found 40", "skipped 20 (backlog)");
    machine.passOver("/run/cut.safetensors");
    RunSummary under = of(machine.events());
    assertThat(under.displayName()).isEqualTo("Run");
    assertThat(under.ended()).isFalse();
    assertThat(under.evaluatedStep()).isNull();
    assertThat(under.foundStep()).isEqualTo(40);
    assertThat(under.waiting()).as("10 under evaluation, 30, 40").isEqualTo(3);
    assertThat(under.skipped()).isEqualTo(1);
    assertThat(under.passedOver()).isEqualTo(1);
    assertThat(under.first()).isEqualTo(Instant.ofEpochSecond(0));
    assertThat(under.last()).as("the sixth command").isEqualTo(Instant.ofEpochSecond(5));

    machine.complete(10);
    assertThat(machine.fail(30)).containsExactly("failed 30 (non_finite)", "evaluating 40");
    machine.end();
    RunSummary over = of(machine.events());
    assertThat(over.ended()).isTrue();
    assertThat(over.evaluatedStep()).isEqualTo(10);
    assertThat(over.waiting()).isZero();
    assertThat(over.evaluated()).isEqualTo(1);
    assertThat(over.skipped()).as("20, and 40 at the end").isEqualTo(2);
    assertThat(over.failed()).isEqualTo(1);
    assertThat(Objects.requireNonNull(over.verdict()).state()).isEqualTo(Verdict.State.UNKNOWN);
  }

  @Test
  void aFlagIsUpUntilItIsCleared() {
    List<RunEvent> raised =
        List.of(
            RunEvents.started("run"),
            RunEvents.flag("run", Flag.MEMORIZATION, true, 10),
            RunEvents.flag("run", Flag.EARLY_MEMORIZATION, true, 10),
            RunEvents.flag("run", Flag.EARLY_MEMORIZATION, false, 20));
    assertThat(of(raised).flags()).containsExactly(Flag.MEMORIZATION);
  }

  @Test
  void aRunThatGoesOnAfterItsEndIsOpen() {
    List<RunEvent> events =
        List.of(
            RunEvents.started("run"),
            RunEvents.ended("run", Verdict.State.UNKNOWN, null),
            RunEvents.resumed("run"));
    assertThat(of(events.subList(0, 2)).ended()).isTrue();
    assertThat(of(events).ended()).isFalse();
  }

  /** Training went back to step 50: what was measured of step 100 before is not where it stands. */
  @Test
  void whatANewAttemptSupersedesIsNotAhead() {
    List<RunEvent> events =
        List.of(
            RunEvents.started("run"),
            RunEvents.found("run", 40L),
            RunEvents.completed("run", 40L, true),
            RunEvents.found("run", 60L),
            RunEvents.completed("run", 60L, true),
            RunEvents.found("run", 100L),
            RunEvents.evaluating("run", 100L),
            RunEvents.attempt("run", 2, 50),
            RunEvents.found("run", 50L),
            RunEvents.completed("run", 100L, RunEvent.Standing.SUPERSEDED, 1, null));
    assertThat(of(events.subList(0, 7)).evaluatedStep()).isEqualTo(60);
    RunSummary summary = of(events);
    assertThat(summary.evaluatedStep()).isEqualTo(40);
    assertThat(summary.foundStep()).isEqualTo(50);
    assertThat(summary.waiting()).isEqualTo(1);
    assertThat(summary.evaluated()).isEqualTo(3);
  }

  /** The last checkpoint of a training is evaluated, also where it was left out before. */
  @Test
  void eachCheckpointIsCountedOnce() {
    List<RunEvent> events =
        List.of(
            RunEvents.started("run"),
            RunEvents.passedOver("run", 50L, "incomplete"),
            RunEvents.found("run", 50L),
            RunEvents.skipped("run", 50L, "spacing"),
            RunEvents.evaluating("run", 50L),
            RunEvents.losses("run", 50L, RunEvent.Standing.LOSSES_ONLY),
            RunEvents.evaluating("run", 50L),
            RunEvents.failed("run", 50L, "engine"));
    assertThat(of(events.subList(0, 2)).passedOver()).isEqualTo(1);
    assertThat(of(events.subList(0, 3)).passedOver()).isZero();
    assertThat(of(events.subList(0, 4)).skipped()).isEqualTo(1);
    assertThat(of(events.subList(0, 5)).skipped()).isZero();
    assertThat(of(events.subList(0, 5)).waiting()).isEqualTo(1);
    RunSummary summary = of(events);
    assertThat(summary.evaluated()).as("it has a result").isEqualTo(1);
    assertThat(summary.skipped() + summary.failed() + summary.waiting()).isZero();
  }
}
