package io.diffuscope.sampling;

import java.util.Locale;

/**
 * How images were varied in training. A model that was shown mirrored images may give back a
 * mirrored copy, so neighbours are looked for among all that the training saw.
 */
public enum Augmentation {
  /** Images were shown as they are. */
  NONE,
  /** Images were mirrored left to right at random ("random horizontal flip"). */
  HFLIP;

  /** The word used in the configuration. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
