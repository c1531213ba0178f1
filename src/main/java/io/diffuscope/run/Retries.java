package io.diffuscope.run;

import io.diffuscope.tensorfile.BadInputException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * How often an evaluation is tried that fails for a reason which may pass: a file system or a store
 * that does not answer, a sampler that died, a deadline. The waits between tries grow threefold; a
 * run begins nothing else meanwhile, because what disturbs one checkpoint disturbs the next.
 *
 * @param tries at most, at least 1
 * @param first wait, after the first try
 * @param longest wait
 */
public record Retries(int tries, Duration first, Duration longest) {
  /** Every failure is final. */
  public static final Retries NONE = new Retries(1, Duration.ofSeconds(1), Duration.ofSeconds(1));

  private static final int GROWTH = 3;
  private static final int BRIEF_TRIES = 3;
  private static final Duration BRIEF_WAIT = Duration.ofSeconds(30);

  /** What may pass by itself. All else is the checkpoint's own fault, or this program's. */
  private static final Set<String> PASSING =
      Set.of(
          BadInputException.Reason.UNREADABLE.label(),
          FailureReason.ENGINE.label(),
          FailureReason.SAMPLER_LOST.label(),
          FailureReason.TIMEOUT.label());

  public Retries {
    if (tries < 1) {
      throw new IllegalArgumentException("tries of an evaluation must be at least 1: " + tries);
    }
    if (first.isNegative() || first.isZero() || longest.compareTo(first) < 0) {
      throw new IllegalArgumentException(
          "the wait before an evaluation is tried again must be above 0 and grow, not from %s to %s"
              .formatted(DurationText.of(first), DurationText.of(longest)));
    }
  }

  /** Why an evaluation may be postponed: metric labels. */
  public static List<String> reasons() {
    return PASSING.stream().sorted().toList();
  }

  /** The same for a program that looks once and ends: it does not wait for long. */
  public Retries brief() {
    return new Retries(
        Math.min(tries, BRIEF_TRIES), shorter(first, BRIEF_WAIT), shorter(longest, BRIEF_WAIT));
  }

  private static Duration shorter(Duration a, Duration b) {
    return a.compareTo(b) < 0 ? a : b;
  }

  /**
   * The wait before an evaluation is tried again; none where its failure is final.
   *
   * @param reason of the failure, a metric label
   * @param failed how many tries failed, this one included
   */
  Optional<Duration> wait(String reason, int failed) {
    if (failed >= tries || !PASSING.contains(reason)) {
      return Optional.empty();
    }
    Duration wait = first;
    for (int i = 1; i < failed && wait.compareTo(longest) < 0; i++) {
      wait = wait.multipliedBy(GROWTH);
    }
    return Optional.of(shorter(wait, longest));
  }
}
