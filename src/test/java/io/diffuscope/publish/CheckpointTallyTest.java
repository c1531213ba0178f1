package io.diffuscope.publish;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.detect.Verdict;
import io.diffuscope.publish.CheckpointTally.Outcome;
import io.diffuscope.run.RunEvent;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class CheckpointTallyTest {
  private final CheckpointTally tally = CheckpointTally.create();

  @Test
  void aCheckpointMovesFromCountToCountAndIsInOneAtATime() {
    tell(RunEvents.found("r", 1L));
    assertCounts(Map.of(Outcome.WAITING, 1L));
    tell(RunEvents.evaluating("r", 1L));
    assertCounts(Map.of(Outcome.EVALUATING, 1L));
    tell(RunEvents.completed("r", 1L, true));
    assertCounts(Map.of(Outcome.EVALUATED, 1L));
  }

  @Test
  void whatWasUnderWayWhenTheProgramStoppedWaitsAgain() {
    tell(
        RunEvents.found("r", 1L),
        RunEvents.found("r", 2L),
        RunEvents.evaluating("r", 1L),
        RunEvents.resumed("r"));
    assertCounts(Map.of(Outcome.WAITING, 2L));
    assertThat(tally.oldest().orElseThrow().step()).isEqualTo(1);
    tell(RunEvents.evaluating("r", 1L), RunEvents.completed("r", 1L, true));
    assertCounts(Map.of(Outcome.WAITING, 1L, Outcome.EVALUATED, 1L));
  }

  @Test
  void everyEndHasItsCount() {
    tell(
        RunEvents.found("r", 1L),
        RunEvents.found("r", 2L),
        RunEvents.found("r", 3L),
        RunEvents.found("r", 4L),
        RunEvents.skipped("r", 1L, "backlog"),
        RunEvents.skipped("r", 2L, "superseded"),
        RunEvents.evaluating("r", 3L),
        RunEvents.failed("r", 3L, "vanished"),
        RunEvents.evaluating("r", 4L),
        RunEvents.failed("r", 4L, "non_finite"),
        RunEvents.passedOver("r", 5L, "incomplete"),
        RunEvents.passedOver("r", 6L, "vanished"),
        RunEvents.passedOver("r", 7L, "unreadable"),
        RunEvents.passedOver("r", 8L, "malformed"));

    assertCounts(
        Map.of(
            Outcome.SKIPPED, 2L, Outcome.VANISHED, 2L, Outcome.INCOMPLETE, 1L, Outcome.FAILED, 3L));
    assertThat(tally.skippedByReason()).isEqualTo(Map.of("backlog", 1L, "superseded", 1L));
    assertThat(tally.total()).isEqualTo(8);
  }

  @Test
  void whatIsFoundAfterItWasPassedOverLeavesItsCount() {
    tell(RunEvents.passedOver("r", 1L, "incomplete"), RunEvents.passedOver("r", 1L, "unreadable"));
    assertCounts(Map.of(Outcome.FAILED, 1L));
    tell(RunEvents.found("r", 1L));
    assertCounts(Map.of(Outcome.WAITING, 1L));
  }

  @Test
  void anotherContentOfAFileIsAnotherCheckpoint() {
    tell(
        RunEvents.found("r", 1L),
        RunEvents.completed("r", 1L, true),
        RunEvents.passedOver("r", 1L, "incomplete"));
    assertCounts(Map.of(Outcome.EVALUATED, 1L, Outcome.INCOMPLETE, 1L));
    tell(new RunEvent.CheckpointFound("r", RunEvents.AT, RunEvents.rewritten(1)));
    assertCounts(Map.of(Outcome.EVALUATED, 1L, Outcome.WAITING, 1L));
  }

  @Test
  void whatIsToldTwiceIsCountedOnce() {
    tell(
        RunEvents.found("r", 1L),
        RunEvents.found("r", 1L),
        RunEvents.completed("r", 1L, true),
        RunEvents.completed("r", 1L, true),
        RunEvents.found("r", 1L),
        RunEvents.skipped("r", 2L, "backlog"),
        RunEvents.skipped("r", 2L, "backlog"));
    assertCounts(Map.of(Outcome.EVALUATED, 1L, Outcome.SKIPPED, 1L));
    assertThat(tally.skippedByReason()).isEqualTo(Map.of("backlog", 1L));

    tell(RunEvents.evaluating("r", 2L), RunEvents.completed("r", 2L, true));
    assertCounts(Map.of(Outcome.EVALUATED, 2L));
    assertThat(tally.skippedByReason()).isEmpty();
  }

  @Test
  void theOldestIsTheOneThatWasFoundFirstAndHasNotEnded() {
    assertThat(tally.oldest()).isEmpty();
    tell(
        new RunEvent.CheckpointFound("r", RunEvents.AT.plusSeconds(9), RunEvents.checkpoint(1L)),
        new RunEvent.CheckpointFound("r", RunEvents.AT.plusSeconds(3), RunEvents.checkpoint(2L)),
        RunEvents.evaluating("r", 2L));

    assertThat(tally.oldest())
        .hasValue(new CheckpointTally.Open(RunEvents.AT.plusSeconds(3), 2L, true));
    tell(RunEvents.completed("r", 2L, true));
    assertThat(tally.oldest())
        .hasValue(new CheckpointTally.Open(RunEvents.AT.plusSeconds(9), 1L, false));
  }

  @Test
  void memoryIsBoundedAndForgottenOnesStayCounted() {
    CheckpointTally small = CheckpointTally.create(10);
    for (long step = 0; step < 1_000; step++) {
      small.add(RunEvents.found("r", step));
      small.add(RunEvents.completed("r", step, true));
      small.add(RunEvents.passedOver("r", 1_000 + step, "incomplete"));
    }
    assertThat(small.count(Outcome.EVALUATED)).isEqualTo(1_000);
    assertThat(small.count(Outcome.INCOMPLETE)).isEqualTo(1_000);

    small.add(RunEvents.found("r", 1_999L));
    assertThat(small.count(Outcome.INCOMPLETE)).as("still remembered").isEqualTo(999);
    small.add(RunEvents.found("r", 1_000L));
    assertThat(small.count(Outcome.INCOMPLETE)).as("forgotten").isEqualTo(999);
  }

  /** Random lives of checkpoints against a book that keeps the place of each one. */
  @Test
  void agreesWithABookOfEveryCheckpoint() {
    Random random = new Random(7);
    Map<Long, Outcome> book = new HashMap<>();
    List<String> refused = List.of("incomplete", "vanished", "unreadable", "malformed");
    for (int i = 0; i < 20_000; i++) {
      long step = random.nextInt(300);
      Outcome place = book.get(step);
      RunEvent event;
      if (place == null || place == Outcome.INCOMPLETE) {
        boolean found = random.nextBoolean();
        String reason = refused.get(random.nextInt(4));
        event = found ? RunEvents.found("r", step) : RunEvents.passedOver("r", step, reason);
        book.put(
            step,
            found
                ? Outcome.WAITING
                : switch (reason) {
                  case "incomplete" -> Outcome.INCOMPLETE;
                  case "vanished" -> Outcome.VANISHED;
                  default -> Outcome.FAILED;
                });
      } else if (place == Outcome.WAITING) {
        boolean taken = random.nextInt(4) > 0;
        event = taken ? RunEvents.evaluating("r", step) : RunEvents.skipped("r", step, "backlog");
        book.put(step, taken ? Outcome.EVALUATING : Outcome.SKIPPED);
      } else if (place == Outcome.EVALUATING) {
        boolean done = random.nextInt(3) > 0;
        event = done ? RunEvents.completed("r", step, true) : RunEvents.failed("r", step, "engine");
        book.put(step, done ? Outcome.EVALUATED : Outcome.FAILED);
      } else {
        event = RunEvents.verdict("r", Verdict.State.LEARNING, null);
      }
      tell(event);
    }

    Map<Outcome, Long> counted = new EnumMap<>(Outcome.class);
    book.values().forEach(outcome -> counted.merge(outcome, 1L, Long::sum));
    assertThat(book).hasSize(300);
    assertCounts(counted);
  }

  private void assertCounts(Map<Outcome, Long> expected) {
    for (Outcome outcome : Outcome.values()) {
      assertThat(tally.count(outcome))
          .as(outcome.label())
          .isEqualTo(expected.getOrDefault(outcome, 0L));
    }
    assertThat(tally.total())
        .isEqualTo(expected.values().stream().mapToLong(Long::longValue).sum());
  }

  @Test
  void whatWasPassedOverAsAnotherCopyIsOneCheckpoint() {
    String copy = RunEvents.checkpoint(2L).path();
    tell(
        RunEvents.passedOver("r", 2L, "incomplete"),
        new RunEvent.CheckpointFound("r", RunEvents.AT, RunEvents.checkpoint(1L), copy));
    assertCounts(Map.of(Outcome.WAITING, 1L));
  }

  @Test
  void whatWasEvaluatedStaysSoWhateverBecomesOfItsSecondEvaluation() {
    for (RunEvent end :
        List.of(
            RunEvents.completed("r", 1L, true),
            RunEvents.failed("r", 1L, "vanished"),
            RunEvents.skipped("r", 1L, "ended"))) {
      CheckpointTally counted = CheckpointTally.create();
      counted.add(RunEvents.found("r", 1L));
      counted.add(RunEvents.evaluating("r", 1L));
      counted.add(RunEvents.completed("r", 1L, false));
      counted.add(RunEvents.evaluating("r", 1L));
      assertThat(counted.count(Outcome.EVALUATED)).isZero();
      assertThat(counted.isEvaluatedOnceMore(RunEvents.checkpoint(1L))).isTrue();
      counted.add(end);
      assertThat(counted.count(Outcome.EVALUATED)).isEqualTo(1);
      assertThat(counted.total()).isEqualTo(1);
      assertThat(counted.isEvaluatedOnceMore(RunEvents.checkpoint(1L))).isFalse();
    }
  }

  private void tell(RunEvent... events) {
    for (RunEvent event : events) {
      tally.add(event);
    }
  }
}
