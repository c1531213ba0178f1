package io.diffuscope.run;

import java.util.Locale;

/** Why a checkpoint that was found is not evaluated. */
public enum SkipReason {
  /** More checkpoints wait than may. */
  BACKLOG,
  /** A newer one came and only the newest counts, or its file was written again. */
  SUPERSEDED,
  /**
   * Too near to another: in a stretch of steps of which one is evaluated; or not due to be sampled,
   * where samples are all that can be measured.
   */
  SPACING,
  /** The run ended before it was its turn, or before its result was known. */
  ENDED;

  /** The metric label, for example {@code backlog}. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
