package io.diffuscope.run;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * When a run is over, beside Ctrl-C, and how long it may take to finish.
 *
 * @param finalStep the training ends with a checkpoint of this step or above; null: not told
 * @param marker name of a file in the checkpoint directory that the job writes when it is done;
 *     null: none
 * @param idleTimeout the training counts as ended when nothing new was found for so long; null:
 *     never
 * @param once whether the run ends when what is there now has been dealt with
 * @param drainTimeout time to evaluate what still waits at the end; what is left is skipped, and
 *     counted; null: as long as it takes
 */
public record Ending(
    @Nullable Long finalStep,
    @Nullable String marker,
    @Nullable Duration idleTimeout,
    boolean once,
    @Nullable Duration drainTimeout) {
  /** Only a person, or its source, ends the run, and it takes as long as it takes. */
  public static final Ending NEVER = new Ending(null, null, null, false, null);

  public Ending {
    if (drainTimeout != null && drainTimeout.isNegative()) {
      throw new IllegalArgumentException("the drain timeout must not be negative");
    }
    if (idleTimeout != null && (idleTimeout.isNegative() || idleTimeout.isZero())) {
      throw new IllegalArgumentException("the idle timeout must be positive");
    }
    if (marker != null && !isFileName(marker)) {
      throw new IllegalArgumentException(
          "the end marker is \"%s\": give the name of a file in the checkpoint directory, such as DONE"
              .formatted(marker));
    }
  }

  private static boolean isFileName(String name) {
    return !name.isBlank() && !name.contains("/") && !name.equals(".") && !name.equals("..");
  }
}
