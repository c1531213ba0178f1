package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.checkpoint.Sighting;
import io.diffuscope.run.Ending;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class EndWatchTest {
  private static final Instant START = Instant.ofEpochSecond(1_800_000_000L);
  private static final Duration DRAIN = Duration.ofMinutes(10);

  @Test
  void theFinalStepEndsTheRunWithTheNextListingInWhichNothingIsPending() {
    EndWatch end = new EndWatch(new Ending(10_000L, null, null, false, DRAIN), START);
    assertThat(end.observe(settled(9_999), at(1))).isNull();
    assertThat(listed(end, 1, 0)).isNull();
    assertThat(end.observe(settled(10_000), at(2))).isNull();
    assertThat(listed(end, 2, 0)).as("a listing that began before").isNull();
    assertThat(listed(end, 3, 1)).as("something is being written").isNull();
    assertThat(listed(end, 4, 0))
        .extracting(EndWatchTest::causeOf)
        .isEqualTo("final step 10000 was reached");
    assertThat(listed(end, 5, 0)).as("told once").isNull();
    assertThat(end.tick(at(10_000))).isNull();
  }

  @Test
  void aStepAboveTheFinalOneIsNamed() {
    EndWatch end = new EndWatch(new Ending(10_000L, null, null, false, DRAIN), START);
    end.observe(settled(12_000), at(1));
    assertThat(listed(end, 2, 0))
        .extracting(EndWatchTest::causeOf)
        .isEqualTo("final step 10000 was reached (step 12000)");
  }

  @Test
  void aCheckpointWithoutAStepIsNoFinalStep() {
    EndWatch end = new EndWatch(new Ending(0L, null, null, false, DRAIN), START);
    end.observe(
        new Sighting.Settled(Checkpoint.ofFile("id", "/run/last.safetensors", null)), at(1));
    assertThat(listed(end, 2, 0)).isNull();
  }

  @Test
  void aTrainingThatKeepsWritingIsNotWaitedForLongerThanTheDrainTimeout() {
    EndWatch end = new EndWatch(new Ending(10L, null, null, false, DRAIN), START);
    end.observe(settled(10), at(0));
    for (int minute = 1; minute < 10; minute++) {
      assertThat(listed(end, minute * 60L, 1)).isNull();
    }
    assertThat(end.needsTicks()).isTrue();
    assertThat(end.tick(at(600))).isInstanceOf(EndWatch.Outcome.Ends.class);
    assertThat(end.needsTicks()).isFalse();
  }

  @Test
  void aMarkerEndsTheRun() {
    EndWatch end = new EndWatch(new Ending(null, "DONE", null, false, DRAIN), START);
    end.observe(new Sighting.TrainingOver("DONE is there"), at(5));
    assertThat(listed(end, 5, 0)).isNull();
    assertThat(listed(end, 7, 0))
        .as("the time to drain counts from when the training was over")
        .isEqualTo(new EndWatch.Outcome.Ends("DONE is there", at(5)));
  }

  @Test
  void idleIsWhatIsNeitherNewNorChangingNorOutOfSight() {
    EndWatch end =
        new EndWatch(new Ending(null, null, Duration.ofMinutes(30), false, DRAIN), START);
    assertThat(listed(end, 1_799, 0)).isNull();
    end.observe(settled(1), at(1_799));
    assertThat(listed(end, 3_000, 1)).as("still changing").isNull();
    assertThat(listed(end, 4_799, 0)).isNull();
    // An hour in which nobody can tell.
    end.observe(new Sighting.Problem("gone"), at(4_799));
    end.observe(new Sighting.Problem("gone otherwise"), at(5_000));
    assertThat(end.tick(at(8_000))).isNull();
    end.observe(new Sighting.Recovered("back"), at(8_399));
    assertThat(listed(end, 8_399, 0)).isNull();
    assertThat(listed(end, 8_400, 0)).as("idle now; one more listing").isNull();
    assertThat(listed(end, 8_401, 0))
        .extracting(EndWatchTest::causeOf)
        .isEqualTo("no new checkpoint for 30 min (idle timeout)");
  }

  @Test
  void aDirectoryThatDoesNotExistYetIsNotIdle() {
    EndWatch end =
        new EndWatch(new Ending(null, null, Duration.ofMinutes(30), false, DRAIN), START);
    end.observe(new Sighting.Problem("does not exist"), START);
    listed(end, 86_400, 0);
    assertThat(listed(end, 86_402, 0)).isNull();
    listed(end, 86_400 + 1_800, 0);
    assertThat(listed(end, 86_400 + 1_802, 0)).isInstanceOf(EndWatch.Outcome.Ends.class);
  }

  @Test
  void onceEndsWithTheFirstListingInWhichNothingIsPending() {
    EndWatch end = new EndWatch(new Ending(null, null, null, true, null), START);
    assertThat(listed(end, 0, 2)).isNull();
    end.observe(settled(1), at(2));
    assertThat(listed(end, 2, 1)).isNull();
    assertThat(listed(end, 4, 0))
        .extracting(EndWatchTest::causeOf)
        .isEqualTo("everything that was there was dealt with (--once)");
  }

  @Test
  void onceNamesTheEndOfTheTrainingWhereItIsOver() {
    EndWatch end = new EndWatch(new Ending(10L, null, null, true, null), START);
    end.observe(settled(10), at(2));
    assertThat(listed(end, 1, 0))
        .extracting(EndWatchTest::causeOf)
        .isEqualTo("final step 10 was reached");
  }

  @Test
  void onceDoesNotWaitForeverForWhatCannotBeSeen() {
    EndWatch end = new EndWatch(new Ending(null, null, null, true, null), START);
    end.observe(new Sighting.Problem("may not be read"), START);
    assertThat(end.needsTicks()).isTrue();
    assertThat(end.tick(at(29))).isNull();
    assertThat(end.tick(at(30)))
        .isEqualTo(new EndWatch.Outcome.CannotSee("may not be read; given up after 30 s (--once)"));
    assertThat(end.tick(at(31))).isNull();
  }

  /** A store's client has its own attempts, and tells of them when they are over. */
  @Test
  void onceCountsFromTheStartWhatWasNeverSeen() {
    EndWatch end = new EndWatch(new Ending(null, null, null, true, null), START);
    end.observe(new Sighting.Problem("refused", "trying again"), at(40));
    assertThat(end.tick(at(41)))
        .isEqualTo(new EndWatch.Outcome.CannotSee("refused; given up after 30 s (--once)"));

    EndWatch seen = new EndWatch(new Ending(null, null, null, true, null), START);
    assertThat(listed(seen, 1, 1)).isNull();
    seen.observe(new Sighting.Problem("refused", "trying again"), at(40));
    assertThat(seen.tick(at(69))).isNull();
    assertThat(seen.tick(at(70))).isInstanceOf(EndWatch.Outcome.CannotSee.class);
  }

  @Test
  void onceDoesNotTakeAWrongPatternForNothingNew() {
    Sighting.Unmatched models = new Sighting.Unmatched("11 files, none matches", true);
    Sighting.Unmatched notes = new Sighting.Unmatched("1 file, none matches", false);
    Ending once = new Ending(null, null, null, true, null);
    EndWatch end = new EndWatch(once, START);
    assertThat(end.observe(new Sighting.Listed(at(1), 0, models), at(1)))
        .isEqualTo(new EndWatch.Outcome.NothingMatches("11 files, none matches"));
    assertThat(end.observe(new Sighting.Listed(at(2), 0, models), at(2))).isNull();

    assertThat(new EndWatch(once, START).observe(new Sighting.Listed(at(1), 0, notes), at(1)))
        .isInstanceOf(EndWatch.Outcome.Ends.class);
    EndWatch rotated = new EndWatch(once, START);
    rotated.observe(settled(1), at(1));
    assertThat(rotated.observe(new Sighting.Listed(at(1), 0, models), at(1)))
        .isInstanceOf(EndWatch.Outcome.Ends.class);
    assertThat(
            new EndWatch(Ending.NEVER, START).observe(new Sighting.Listed(at(1), 0, models), at(1)))
        .isNull();
  }

  @Test
  void withoutARuleNothingEnds() {
    EndWatch end = new EndWatch(Ending.NEVER, START);
    end.observe(settled(1_000_000), at(1));
    assertThat(listed(end, 1_000_000, 0)).isNull();
    assertThat(end.needsTicks()).isFalse();
    end.trainingOver("the trainer exited", at(1_000_001));
    assertThat(listed(end, 1_000_002, 0))
        .extracting(EndWatchTest::causeOf)
        .isEqualTo("the trainer exited");
  }

  private static EndWatch.@Nullable Outcome listed(EndWatch end, long second, int pending) {
    return end.observe(new Sighting.Listed(at(second), pending), at(second));
  }

  private static Sighting settled(long step) {
    return new Sighting.Settled(Checkpoint.ofFile("id-" + step, "/run/" + step, step));
  }

  private static Instant at(long second) {
    return START.plusSeconds(second);
  }

  private static String causeOf(EndWatch.Outcome outcome) {
    return ((EndWatch.Outcome.Ends) outcome).cause();
  }
}
