package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.checkpoint.Sighting;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class SilenceWatchTest {
  private static final Instant START = Instant.ofEpochSecond(1_800_000_000L);

  private final SilenceWatch watch = new SilenceWatch(Duration.ofMinutes(2), START);

  @Test
  void aListingThatDoesNotComeBackIsToldOnceAndSoIsItsReturn() {
    assertThat(watch.observe(listed(), at(10))).isEmpty();
    assertThat(watch.tick(at(129))).isEmpty();
    assertThat(watch.tick(at(130)))
        .hasValueSatisfying(problem -> assertThat(problem.message()).contains("2 min"));
    assertThat(watch.tick(at(500))).as("told once").isEmpty();
    assertThat(watch.observe(listed(), at(610)))
        .hasValueSatisfying(recovered -> assertThat(recovered.message()).contains("after 10 min"));
    assertThat(watch.observe(listed(), at(620))).isEmpty();
  }

  @Test
  void aSourceThatIsSlowIsGivenTwiceTheTime() {
    watch.tick(at(200));
    watch.observe(listed(), at(300));
    assertThat(watch.tick(at(300 + 599))).isEmpty();
    assertThat(watch.tick(at(300 + 600))).isPresent();
  }

  @Test
  void aFirstListingThatDoesNotComeBackIsTold() {
    assertThat(watch.tick(at(119))).isEmpty();
    assertThat(watch.tick(at(120))).isPresent();
  }

  @Test
  void aProblemExplainsTheSilenceThatFollows() {
    watch.observe(new Sighting.Problem("it is gone"), at(5));
    assertThat(watch.tick(at(5_000))).isEmpty();
    watch.observe(new Sighting.Recovered("it is back"), at(5_001));
    assertThat(watch.tick(at(5_002))).isEmpty();
    assertThat(watch.tick(at(6_000))).isPresent();
  }

  @Test
  void anAnnouncementIsNoListing() {
    watch.observe(
        new Sighting.Settled(Checkpoint.ofFile("id", "/elsewhere/step-1.pt", 1L)), at(100));
    assertThat(watch.tick(at(130))).isPresent();
  }

  @Test
  void whatMaySayNothingIsNotWatched() {
    SilenceWatch unwatched = new SilenceWatch(null, START);
    assertThat(unwatched.isWatching()).isFalse();
    assertThat(unwatched.tick(at(1_000_000))).isEmpty();
  }

  private static Sighting listed() {
    return new Sighting.Listed(START, 0);
  }

  private static Instant at(long seconds) {
    return START.plusSeconds(seconds);
  }
}
