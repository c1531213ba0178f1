package io.diffuscope.checkpoint;

/**
 * What stands between a candidate and its being read.
 *
 * @param sentence what is missing and what to do, beginning with the path
 */
record Obstacle(Kind kind, String sentence) {
  /** What it takes to go on. */
  enum Kind {
    /** The trainer has not written yet what it writes after the weights. */
    MARKER,
    /** The weights that were chosen are not there yet. */
    WEIGHTS,
    /** The operating system refuses to show it. */
    UNREADABLE
  }
}
