package io.diffuscope.signal;

import java.util.Map;
import java.util.Set;

/**
 * Which signals are measured, and at how many of the checkpoints that are sampled.
 *
 * @param every by signal name: 1 for every checkpoint, k for every k-th, 0 for never; a signal that
 *     is not named is measured at every checkpoint, or never where it is off unless asked for
 */
public record SignalSchedule(Map<String, Integer> every) {
  /** Off unless asked for: costly, or of use to the curious only. */
  private static final Set<String> OFF_UNLESS_ASKED = Set.of(SignalNames.AUTHENTICITY);

  /** What is measured where nothing is said. */
  public static final SignalSchedule DEFAULT = new SignalSchedule(Map.of());

  public SignalSchedule {
    every = Map.copyOf(every);
    every.forEach(
        (signal, k) -> {
          if (k < 0) {
            throw new IllegalArgumentException(
                "signal %s at every %d-th checkpoint: must be at least 0 (0: never)"
                    .formatted(signal, k));
          }
        });
  }

  /**
   * Whether a signal is measured at a checkpoint.
   *
   * @param ordinal how many checkpoints of the run were sampled before
   */
  public boolean isDue(String signal, long ordinal) {
    int k = every.getOrDefault(signal, OFF_UNLESS_ASKED.contains(signal) ? 0 : 1);
    return k > 0 && ordinal % k == 0;
  }
}
