package io.diffuscope.run;

import java.util.Locale;

/** Why a checkpoint that was found is not evaluated. */
public enum SkipReason {
  /** More checkpoints wait than may. */
  BACKLOG,
  /** A newer one came and only the newest counts, or its file was written again. */
  SUPERSEDED,
  /** The run ended before it was its turn, or before its result was known. */
  ENDED;

  /** The metric label, for example {@code backlog}. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
