package io.diffuscope.sampling;

import java.util.Locale;

/** How the nearest points of samples are looked for in large sets. */
public enum SearchMethod {
  /** All points are looked at. */
  EXACT,
  /** A graph of near neighbours is followed; some are missed, and how many is measured. */
  APPROXIMATE;

  /** The word used in the configuration. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
