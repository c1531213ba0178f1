package io.diffuscope.sampling;

import java.util.Locale;

/** What a run is compared with. */
public enum Reference {
  /** The training set (for {@code pfd}: the probability flow of its empirical distribution). */
  TRAIN,
  /** The hold-out set. */
  HOLDOUT,
  /** A teacher: the known distribution that the training set was drawn from. */
  TEACHER,
  /** Another run with the same noise bank. */
  PEER,
  /** The checkpoint of the same run that was sampled before. */
  PREVIOUS,
  /** The model's own samples, where a signal is told of several kinds of inputs. */
  GENERATED;

  /** Whether it has a flow that is computed beside the run. */
  public boolean hasFlow() {
    return this == TRAIN || this == HOLDOUT || this == TEACHER;
  }

  /** For where only a flow that is computed beside the run makes sense. */
  IllegalArgumentException isNoFlow() {
    return new IllegalArgumentException("no probability flow of its own: " + label());
  }

  /** The word used in JSON lines, tables and labels. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
