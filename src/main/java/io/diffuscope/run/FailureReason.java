package io.diffuscope.run;

import io.diffuscope.tensorfile.BadInputException;
import java.util.Arrays;
import java.util.Locale;

/**
 * Why a unit of work, and so an evaluation, failed where the input is not at fault; bad input has
 * the reasons of {@link BadInputException.Reason}.
 */
public enum FailureReason {
  /** The tensor engine failed. */
  ENGINE,
  /** The samplers that tried it died. */
  SAMPLER_LOST,
  /** It was not done by its deadline. */
  TIMEOUT,
  /** Anything else: a fault of this program. */
  INTERNAL;

  /** The metric label, for example {@code sampler_lost}. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Whether a label says that an input is at fault, so that a person can mend it. */
  public static boolean isBadInput(String label) {
    return Arrays.stream(BadInputException.Reason.values())
        .anyMatch(reason -> reason.label().equals(label));
  }
}
