package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.run.RunState.Candidate;
import io.diffuscope.run.RunState.Status;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Whatever happens in whatever order, every checkpoint that is found ends as exactly one thing; but
 * that the last of all, when no more come, is sampled also where it was left out before.
 */
class ExactlyOnceTest {
  private static final int TRIALS = 800;

  private final RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(12);
  private final Map<String, Integer> endings = new HashMap<>();

  /** A book of its own, kept from the events alone. */
  private static final class Book {
    private final Map<String, Checkpoint> found = new LinkedHashMap<>();
    private final Map<String, String> ended = new HashMap<>();
    private final Set<String> ofOlderAttempts = new HashSet<>();
    private @Nullable String begun;
    private boolean draining;
    private int sampledAfterAll;
    private int postponed;

    void write(RunEvent event) {
      switch (event) {
        case RunEvent.CheckpointFound e ->
            assertThat(found.put(e.checkpoint().identity(), e.checkpoint())).isNull();
        case RunEvent.EvaluationStarted e -> {
          assertThat(begun).as("one at a time").isNull();
          begun = e.checkpoint().identity();
          String before = ended.remove(begun);
          if (before != null) {
            assertThat(before).isIn("losses", "skipped spacing");
            assertThat(draining).isTrue();
            assertThat(e.sampled()).isTrue();
            sampledAfterAll++;
          }
        }
        case RunEvent.EvaluationPostponed e -> {
          assertThat(e.checkpoint().identity()).isEqualTo(begun);
          begun = null;
          postponed++;
        }
        case RunEvent.CheckpointSkipped e -> end(e.checkpoint(), "skipped " + e.reason());
        case RunEvent.EvaluationFailed e -> end(e.checkpoint(), "failed");
        case RunEvent.EvaluationCompleted e ->
            end(e.checkpoint(), e.sampled() ? "sampled" : "losses");
        case RunEvent.AttemptStarted e ->
            found.forEach(
                (identity, checkpoint) -> {
                  Long step = checkpoint.step();
                  if (step != null && step >= e.fromStep()) {
                    ofOlderAttempts.add(identity);
                  }
                });
        default -> {}
      }
    }

    private void end(Checkpoint checkpoint, String how) {
      assertThat(found).containsKey(checkpoint.identity());
      assertThat(ended.put(checkpoint.identity(), how)).as("ended once").isNull();
      if (checkpoint.identity().equals(begun)) {
        begun = null;
      }
    }
  }

  @Test
  void everyCheckpointEndsOnce() {
    for (int trial = 0; trial < TRIALS; trial++) {
      trial();
    }
    // The test has met them all.
    assertThat(endings)
        .containsOnlyKeys(
            "sampled",
            "sampled after all",
            "postponed",
            "losses",
            "failed",
            "skipped superseded",
            "skipped backlog",
            "skipped spacing",
            "skipped ended");
    assertThat(Collections.min(endings.values())).isGreaterThan(50);
  }

  private void trial() {
    Pace.Policy policy = pick(Pace.Policy.values());
    Double budget = random.nextInt(3) == 0 ? Double.valueOf(.1) : null;
    double growth = budget == null ? pick(new Double[] {1.0, 1.15, 2.0}) : 1;
    Pace pace = new Pace(policy, 1 + random.nextInt(9), 1 + random.nextInt(4), growth, budget);
    RunMachine run = new RunMachine(pace, Ending.NEVER);
    Book book = new Book();
    int told = 0;
    long base = 0;
    for (int i = 0; i < 80; i++) {
      Checkpoint found = null;
      switch (random.nextInt(12)) {
        case 0, 1, 2, 3, 4 -> {
          base += random.nextInt(3);
          found = checkpoint(base + random.nextInt(6), i - random.nextInt(4));
          run.find(found);
        }
        case 5 -> run.begin(random.nextInt(4) > 0);
        case 6, 7 -> finish(run, run.evaluating());
        case 8 ->
            finish(
                run,
                book.found.isEmpty() ? null : pick(book.found.values().toArray(Checkpoint[]::new)));
        case 9 -> {
          // Resumed from an older step.
          base = Math.max(0, base - random.nextInt(10));
          run.passOver(RunMachine.pathOf(base));
        }
        case 10 -> {
          run.afterSeconds(random.nextInt(10));
          run.proceed();
        }
        default -> {
          if (random.nextInt(20) == 0) {
            book.draining = true;
            run.drain();
          }
        }
      }
      List<RunEvent> more = run.events().subList(told, run.events().size());
      more.forEach(book::write);
      if (found != null && policy == Pace.Policy.LATEST) {
        assertOvertakenByNewer(run, book, more, found);
      }
      told = run.events().size();
      assertAgree(run, book);
    }
    run.end();
    run.events().subList(told, run.events().size()).forEach(book::write);
    assertAgree(run, book);
    assertThat(run.state().isIdle()).isTrue();
    assertThat(book.ended.keySet()).isEqualTo(book.found.keySet());
    run.assertRebuilt();
    endings.merge("sampled after all", book.sampledAfterAll, Integer::sum);
    endings.merge("postponed", book.postponed, Integer::sum);
    book.ended.values().forEach(how -> endings.merge(how, 1, Integer::sum));
  }

  private static void assertAgree(RunMachine run, Book book) {
    RunState state = run.state();
    Map<String, Status> expected = new HashMap<>();
    for (String identity : book.found.keySet()) {
      String how = book.ended.get(identity);
      expected.put(
          identity,
          how == null
              ? identity.equals(book.begun) ? Status.EVALUATING : Status.PENDING
              : how.startsWith("skipped")
                  ? Status.SKIPPED
                  : how.equals("failed") ? Status.FAILED : Status.EVALUATED);
    }
    assertThat(state.ledger()).isEqualTo(expected);
    assertThat(state.pending())
        .extracting(candidate -> candidate.checkpoint().identity())
        .containsExactlyInAnyOrderElementsOf(
            book.found.keySet().stream().filter(id -> expected.get(id) == Status.PENDING).toList());
    Candidate evaluating = state.evaluating();
    assertThat(evaluating == null ? null : evaluating.checkpoint().identity())
        .isEqualTo(book.begun);
  }

  /** The newest is never passed over, unless it was written again or is of an older attempt. */
  private static void assertOvertakenByNewer(
      RunMachine run, Book book, List<RunEvent> events, Checkpoint found) {
    List<Checkpoint> live = new ArrayList<>();
    run.state().pending().forEach(candidate -> live.add(candidate.checkpoint()));
    Checkpoint evaluating = run.evaluating();
    if (evaluating != null) {
      live.add(evaluating);
    }
    for (RunEvent event : events) {
      if (event instanceof RunEvent.CheckpointSkipped skipped
          && skipped.reason().equals(SkipReason.SUPERSEDED.label())) {
        Checkpoint gone = skipped.checkpoint();
        boolean writtenAgain =
            gone.path().equals(found.path()) && !gone.identity().equals(found.identity());
        assertThat(
                writtenAgain
                    || book.ofOlderAttempts.contains(gone.identity())
                    || live.stream().anyMatch(other -> order(other) >= order(gone)))
            .as("%s was passed over", gone)
            .isTrue();
      }
    }
  }

  private static long order(Checkpoint checkpoint) {
    Long step = checkpoint.step();
    return step == null ? Long.MAX_VALUE : step;
  }

  private void finish(RunMachine run, @Nullable Checkpoint checkpoint) {
    if (checkpoint != null && random.nextInt(4) > 0) {
      run.complete(checkpoint, RunMachine.copies(random.nextInt(2) * .4));
    } else if (checkpoint != null) {
      if (random.nextBoolean()) {
        run.cannotRead(checkpoint);
      } else {
        run.perform(new RunDecisions.Fail(checkpoint, "vanished", "gone"));
      }
    }
  }

  /** Rarely without a step; the same path comes with other contents. */
  private Checkpoint checkpoint(long step, long time) {
    return random.nextInt(12) == 0
        ? Checkpoint.ofFile("none@" + time, "/run/latest", null, Instant.ofEpochSecond(time))
        : RunMachine.written(step, time);
  }

  private <T> T pick(T[] all) {
    return all[random.nextInt(all.length)];
  }
}
