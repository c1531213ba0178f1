package io.diffuscope.checkpoint;

/**
 * How checkpoints are held while they are evaluated.
 *
 * @param mode whether, and by what
 * @param maxBytes most bytes that all holds may have together; links count like copies, because a
 *     link keeps the bytes of a file that the training job has deleted
 */
public record HoldSettings(Mode mode, long maxBytes) {
  /** No holds. */
  public static final HoldSettings OFF = new HoldSettings(Mode.OFF, 0);

  /** By what a checkpoint is held. */
  public enum Mode {
    /** A hard link where that is safe, a copy otherwise. */
    AUTO,
    /** A copy in any case. */
    COPY,
    /** Checkpoints are read where they lie. */
    OFF
  }

  public HoldSettings {
    if (maxBytes < 0) {
      throw new IllegalArgumentException(
          "diffuscope.holds.max-bytes is %d: give 0 or more bytes".formatted(maxBytes));
    }
  }

  /** A number of bytes for people. */
  static String amount(long bytes) {
    return bytes < 1 << 20
        ? bytes + " bytes"
        : bytes < 1L << 30
            ? "%.1f MiB".formatted(bytes / (double) (1 << 20))
            : "%.1f GiB".formatted(bytes / (double) (1L << 30));
  }
}
