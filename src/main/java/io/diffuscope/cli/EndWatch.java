package io.diffuscope.cli;

import io.diffuscope.checkpoint.Sighting;
import io.diffuscope.run.DurationText;
import io.diffuscope.run.Ending;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Tells from what a source reports, and from the time, when a run is over. Pure: it reads no clock.
 *
 * <p>There are two moments. The training is over with the final step, the end marker, the idle
 * timeout, or because whoever started it says so. The run's source is over with the first listing
 * that began after that and in which nothing is pending any more, so that the last checkpoint,
 * which may still be written, is not lost; or when there was no such listing for the drain timeout.
 * With {@code once} the first listing in which nothing is pending is the end.
 *
 * <p>The idle timeout counts from the start, and again from each checkpoint that is new or still
 * being written. Time during which the source could not see checkpoints is left out, so a training
 * that waits in a queue and has no directory yet is not idle.
 */
final class EndWatch {
  /** How long a source that is looked at once may be out of sight. */
  static final Duration ONCE_PATIENCE = Duration.ofSeconds(30);

  /** What it comes to. */
  sealed interface Outcome {
    /**
     * Nothing more is expected: deal with what was found, then end.
     *
     * @param overAt when the training was over
     */
    record Ends(String cause, Instant overAt) implements Outcome {}

    /** What was to be looked at once cannot be seen. */
    record CannotSee(String message) implements Outcome {}

    /** What was to be looked at once has no checkpoint, but what looks like some. */
    record NothingMatches(String message) implements Outcome {}
  }

  private final Ending ending;
  private final Instant start;
  private Instant activeAt;
  private @Nullable Instant blindSince;
  private String problem = "";
  private boolean found;
  private boolean seen;
  private @Nullable String cause;
  private Instant overAt = Instant.MAX;
  private boolean told;

  EndWatch(Ending ending, Instant start) {
    this.ending = ending;
    this.activeAt = start;
    this.start = start;
  }

  /** Whether {@link #tick} can tell anything now. */
  boolean needsTicks() {
    return !told && (cause != null || ending.once());
  }

  /** The training is over; the first cause counts. */
  void trainingOver(String why, Instant at) {
    if (cause == null) {
      cause = why;
      overAt = at;
    }
  }

  /** Takes in what the source reports; null where the run goes on. */
  @Nullable Outcome observe(Sighting sighting, Instant now) {
    switch (sighting) {
      case Sighting.Settled s -> {
        activeAt = now;
        found = true;
        Long step = s.checkpoint().step();
        Long last = ending.finalStep();
        if (step != null && last != null && step >= last) {
          trainingOver(
              "final step %d was reached%s"
                  .formatted(last, step.equals(last) ? "" : " (step %d)".formatted(step)),
              now);
        }
      }
      case Sighting.PassedOver s -> {
        activeAt = now;
        found = true;
      }
      case Sighting.TrainingOver s -> trainingOver(s.cause(), now);
      case Sighting.Problem s -> {
        problem = s.cause();
        if (blindSince == null) {
          // A source may have tried for long before it tells that it never saw anything.
          blindSince = seen ? now : start;
        }
      }
      case Sighting.Recovered s -> seesAgain(now);
      case Sighting.Recognised s -> {}
      case Sighting.Listed s -> {
        seesAgain(now);
        return listed(s, now);
      }
    }
    return null;
  }

  private void seesAgain(Instant now) {
    seen = true;
    Instant since = blindSince;
    if (since != null) {
      activeAt = activeAt.plus(Duration.between(since, now));
      blindSince = null;
    }
  }

  private @Nullable Outcome listed(Sighting.Listed listing, Instant now) {
    if (listing.pending() > 0) {
      activeAt = now;
      return tick(now);
    }
    String why = cause;
    if (why != null && listing.listedAt().isAfter(overAt)) {
      return end(why, overAt);
    }
    Sighting.Unmatched unmatched = listing.unmatched();
    if (ending.once() && !told && !found && unmatched != null && unmatched.looksLikeCheckpoints()) {
      told = true;
      return new Outcome.NothingMatches(unmatched.message());
    }
    if (ending.once()) {
      return end(why == null ? "everything that was there was dealt with (--once)" : why, now);
    }
    Duration idle = ending.idleTimeout();
    if (idle != null && Duration.between(activeAt, now).compareTo(idle) >= 0) {
      trainingOver("no new checkpoint for %s (idle timeout)".formatted(DurationText.of(idle)), now);
    }
    return tick(now);
  }

  /** What the time alone tells. */
  @Nullable Outcome tick(Instant now) {
    String why = cause;
    Duration drain = ending.drainTimeout();
    if (why != null && drain != null && !now.isBefore(overAt.plus(drain))) {
      return end(why, overAt);
    }
    Instant since = blindSince;
    if (ending.once()
        && !told
        && since != null
        && Duration.between(since, now).compareTo(ONCE_PATIENCE) >= 0) {
      told = true;
      return new Outcome.CannotSee(
          "%s; given up after %d s (--once)".formatted(problem, ONCE_PATIENCE.toSeconds()));
    }
    return null;
  }

  private @Nullable Outcome end(String why, Instant at) {
    if (told) {
      return null;
    }
    told = true;
    return new Outcome.Ends(why, at);
  }
}
