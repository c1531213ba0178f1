package io.diffuscope.sampling;

import java.util.Locale;

/** What a run is compared with. */
public enum Reference {
  /** The training set (for {@code pfd}: the probability flow of its empirical distribution). */
  TRAIN,
  /** The hold-out set. */
  HOLDOUT,
  /** A teacher: the known distribution that the training set was drawn from. */
  TEACHER;

  /** The word used in JSON lines, tables and labels. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
