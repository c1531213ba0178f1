package io.diffuscope.checkpoint;

import org.jspecify.annotations.Nullable;

/**
 * The word of a training job that a checkpoint is written to its end.
 *
 * @param path of a file, or of the folder of a checkpoint: absolute, or on another file system
 * @param step of the checkpoint, not negative; it counts in place of the one in its name. Null
 *     where the name tells
 */
public record Announcement(String path, @Nullable Long step) {
  /** The longest path that an operating system takes, and more than most do. */
  public static final int LONGEST_PATH = 4_096;

  /**
   * Checks that this can be one, without a look at any file.
   *
   * @throws IllegalArgumentException with one sentence that says why not
   */
  public Announcement {
    if (path.isBlank()) {
      throw new IllegalArgumentException("the path is empty: give that of the checkpoint");
    }
    if (path.length() > LONGEST_PATH) {
      throw new IllegalArgumentException(
          "the path has %d characters; %d is the most".formatted(path.length(), LONGEST_PATH));
    }
    if (path.chars().anyMatch(Character::isISOControl)) {
      throw new IllegalArgumentException("the path has control characters");
    }
    if (step != null && step < 0) {
      throw new IllegalArgumentException("the step is %d; steps start at 0".formatted(step));
    }
  }

  /** What became of an announcement. */
  public sealed interface Outcome {
    /**
     * The run deals with it.
     *
     * @param remark what the trainer should know; null where all is as it says
     */
    record Accepted(Checkpoint checkpoint, @Nullable String remark) implements Outcome {}

    /** The run had this content before. */
    record Known(Checkpoint checkpoint) implements Outcome {}

    /**
     * It is not taken.
     *
     * @param message one sentence: what, why, what to do
     */
    record Refused(Refusal cause, String message) implements Outcome {}
  }

  /** Why an announcement is not taken. */
  public enum Refusal {
    /** The path can stand for no checkpoint. */
    MALFORMED,
    /** The path lies outside of what may be announced. */
    FORBIDDEN,
    /** No such run is watched. */
    UNKNOWN_RUN,
    /** The checkpoint is not there, or not whole: to be announced again once it is. */
    INCOMPLETE,
    /** The run has this content under another step. */
    CONTRADICTORY,
    /** What is there cannot be used as a checkpoint of this run. */
    UNUSABLE,
    /** Too many announcements wait: to be sent again later. */
    BUSY,
    /** The run has ended, or its source has. */
    OVER
  }

  /** An announcement is not taken. */
  static final class RefusedException extends Exception {
    private static final long serialVersionUID = 1;

    private final Refusal cause;

    RefusedException(Refusal cause, String message) {
      super(message);
      this.cause = cause;
    }

    Outcome.Refused outcome() {
      return new Outcome.Refused(cause, String.valueOf(getMessage()));
    }
  }
}
