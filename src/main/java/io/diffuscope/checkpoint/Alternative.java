package io.diffuscope.checkpoint;

/**
 * One of the copies of the weights that a checkpoint holds.
 *
 * @param name what it is called in the setting {@code checkpoints.weights}: a folder, an EMA width
 *     or rate, the stem of a file
 */
record Alternative(String name, Kind kind) {
  /** What the weights are. */
  enum Kind {
    /** A moving average of the training. */
    AVERAGED,
    /** What the optimizer works on. */
    RAW,
    /** One file that may hold both; their names inside it tell them apart. */
    EITHER
  }
}
