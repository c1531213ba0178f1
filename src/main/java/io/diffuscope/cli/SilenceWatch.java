package io.diffuscope.cli;

import io.diffuscope.checkpoint.Sighting;
import io.diffuscope.run.DurationText;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Tells from what a source reports, and from the time, whether its last look came back: a network
 * file system may keep who lists a directory waiting for ever, and then no error comes. Pure: it
 * reads no clock.
 *
 * <p>Only listings count: announcements come from elsewhere. A source that told a problem tells
 * also when it is over, and may say nothing in between. A silence that ended was no hanging, so the
 * next one has to be twice as long.
 */
final class SilenceWatch {
  private @Nullable Duration longest;
  private Instant heardAt;
  private boolean told;
  private boolean hasProblem;

  /**
   * A watch.
   *
   * @param longest silence that needs no explanation; null: any
   */
  SilenceWatch(@Nullable Duration longest, Instant start) {
    this.longest = longest;
    this.heardAt = start;
  }

  /** Whether {@link #tick} can tell anything. */
  boolean isWatching() {
    return longest != null;
  }

  /** Takes in what the source reports: the end of a silence that was told, if it is that. */
  Optional<Sighting.Recovered> observe(Sighting sighting, Instant now) {
    switch (sighting) {
      case Sighting.Problem s -> hasProblem = true;
      case Sighting.Recovered s -> hasProblem = false;
      case Sighting.Listed s -> hasProblem = false;
      default -> {
        return Optional.empty();
      }
    }
    Duration silence = Duration.between(heardAt, now);
    heardAt = now;
    if (!told) {
      return Optional.empty();
    }
    told = false;
    longest = silence.multipliedBy(2);
    return Optional.of(
        new Sighting.Recovered(
            "the look for checkpoints came back after %s".formatted(DurationText.of(silence))));
  }

  /** The problem, once for each silence. */
  Optional<Sighting.Problem> tick(Instant now) {
    Duration limit = longest;
    Duration silence = Duration.between(heardAt, now);
    if (limit == null || told || hasProblem || silence.compareTo(limit) < 0) {
      return Optional.empty();
    }
    told = true;
    return Optional.of(
        new Sighting.Problem(
            "the last look for checkpoints has not come back for %s: the file system or store hangs, or is very slow"
                .formatted(DurationText.of(silence)),
            "nothing new is evaluated until it does"));
  }
}
