package io.diffuscope.checkpoint;

import java.util.Locale;

/** What the number of a checkpoint counts. */
public enum StepUnit {
  /** Optimizer updates. */
  UPDATES,
  /** Thousands of training images, as EDM counts. */
  KIMG,
  /** Passes over the training set. */
  EPOCHS;

  /** The word used in settings, answers and labels. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
