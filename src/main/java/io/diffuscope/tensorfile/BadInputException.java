package io.diffuscope.tensorfile;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * An input that cannot be used: which file, why, and what to do, in one sentence fit for a
 * terminal.
 *
 * <p>Everything that reads a checkpoint, a template, a data set or a noise file reports through
 * this one class, so that the command line, the ledger and the failure counters speak the same
 * words.
 */
public final class BadInputException extends IOException {
  /** What is wrong, as it appears in the {@code reason} label of the failure counters. */
  public enum Reason {
    /** The file does not exist, or went away before or while it was read. */
    VANISHED,
    /** The operating system refused to read it. */
    UNREADABLE,
    /** Shorter than its own header says. */
    TRUNCATED,
    /** Its size or content changed while it was read. */
    CHANGED,
    /** Not the format it should be. */
    MALFORMED,
    /** A valid file with something in it that Diffuscope does not support. */
    UNSUPPORTED,
    /** An array of another shape than the model or the other set. */
    WRONG_SHAPE,
    /** Names of tensors that do not match the template's. */
    MISMATCH,
    /** NaN or infinite values among the weights. */
    NON_FINITE,
    /** Nothing in it. */
    EMPTY;

    /** The metric label, for example {@code non_finite}. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private static final long serialVersionUID = 1;

  private final String source;
  private final Reason reason;
  private final String detail;

  public BadInputException(Path source, Reason reason, String detail) {
    this(source.toString(), reason, detail, null);
  }

  public BadInputException(String source, Reason reason, String detail, @Nullable Throwable cause) {
    super(source + ": " + detail, cause);
    this.source = Objects.requireNonNull(source);
    this.reason = Objects.requireNonNull(reason);
    this.detail = Objects.requireNonNull(detail);
  }

  /** What the file system refused, with what to do about it; bad input itself is left as it is. */
  public static BadInputException of(Path source, IOException failure) {
    return FileFailures.describe(source.toString(), failure);
  }

  /** The file (or {@code FILE:NAME}) that is at fault. */
  public String source() {
    return source;
  }

  public Reason reason() {
    return reason;
  }

  /** The cause and the remedy, without the file's name. */
  public String detail() {
    return detail;
  }
}
