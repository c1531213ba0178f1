package io.diffuscope.detect;

import java.util.Locale;

/** What can be raised about a run. */
public enum Flag {
  /** Early evidence that samples are drawn towards the training points. */
  EARLY_MEMORIZATION,
  /** Copies: more samples sit on a training point than hold-out points do. */
  MEMORIZATION,
  /** The distance to teacher or hold-out fell, and rises since. */
  OVERFITTING,
  /** That distance fell, rose, and fell once more. */
  DOUBLE_DESCENT;

  /** The word used in metrics, logs and tables. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
