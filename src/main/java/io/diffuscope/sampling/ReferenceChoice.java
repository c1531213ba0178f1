package io.diffuscope.sampling;

/** Which reference flows samples are compared with, of those that were given. */
public enum ReferenceChoice {
  /** None: no signal that is on asks for one. */
  NONE,
  /** The teacher's, and the empirical flows of sets of at most {@link #MOST_ELEMENTS}. */
  WHERE_CHEAP,
  /** All, whatever they take. */
  ALL;

  /**
   * Elements N d of a set beyond which its empirical flow is not solved unless asked for: each call
   * of its denoiser compares every sample with all of them.
   */
  public static final double MOST_ELEMENTS = 1e10;
}
