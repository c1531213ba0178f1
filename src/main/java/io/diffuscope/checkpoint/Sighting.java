package io.diffuscope.checkpoint;

import java.time.Instant;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What a subscription reports, in the order in which a run should hear it. */
public sealed interface Sighting {

  /**
   * A checkpoint is complete and may be evaluated. Reported once for each content.
   *
   * @param passedOverAs path under which it was {@linkplain PassedOver passed over} before, where
   *     that is another copy's; null otherwise
   */
  record Settled(Checkpoint checkpoint, @Nullable String passedOverAs) implements Sighting {
    public Settled(Checkpoint checkpoint) {
      this(checkpoint, null);
    }
  }

  /**
   * How checkpoints are read: the layout of the directory, what its steps count, or the copy of the
   * weights that is taken from now on. Said once until it changes.
   *
   * @param stepUnit what steps count, where this is what it tells
   */
  record Recognised(String message, @Nullable StepUnit stepUnit) implements Sighting {
    Recognised(String message) {
      this(message, null);
    }
  }

  /**
   * A checkpoint could not be taken. It is looked at again when it changes, and a {@link Settled}
   * for the same path may then follow; the same reason is not repeated in between.
   *
   * @param path absolute path, the first one where it is met under several, as text so that it can
   *     travel between processes
   * @param message file, cause and remedy in one sentence
   */
  record PassedOver(String path, Reason reason, String message) implements Sighting {}

  /**
   * The directory itself cannot be listed, or nothing in it is recognised. Said once until the
   * cause changes.
   *
   * @param cause one sentence: what is wrong, and what a person can do
   * @param prospect what the source does about it; empty where that is nothing but looking again
   */
  record Problem(String cause, String prospect) implements Sighting {
    public Problem(String cause) {
      this(cause, "");
    }

    /** Both for people. */
    public String message() {
      return prospect.isEmpty() ? cause : cause + "; " + prospect;
    }
  }

  /** The directory can be listed again. */
  record Recovered(String message) implements Sighting {}

  /**
   * The directory was listed; everything that this listing decided was reported before it. With it
   * a run can tell that nothing is left: training ended before {@code listedAt}, and {@code
   * pending} is zero.
   *
   * @param listedAt when the listing began
   * @param pending candidates that may still become checkpoints: not settled yet, or held back by
   *     an earlier one
   * @param unmatched what is there where it is no checkpoint; null where a checkpoint is, or
   *     nothing
   */
  record Listed(Instant listedAt, int pending, @Nullable Unmatched unmatched) implements Sighting {
    public Listed(Instant listedAt, int pending) {
      this(listedAt, pending, null);
    }
  }

  /**
   * What is in a directory, none of which is taken for a checkpoint.
   *
   * @param message what is there, what was looked for, and what to do, in one sentence
   * @param looksLikeCheckpoints whether names or folders are such as checkpoints have, so that it
   *     is probably the setting that is wrong
   */
  record Unmatched(String message, boolean looksLikeCheckpoints) {}

  /**
   * The source knows that the training is over, for example by a marker that the job wrote. More
   * checkpoints that were written before may follow.
   *
   * @param cause for people: what tells so
   */
  record TrainingOver(String cause) implements Sighting {}

  /** Why a checkpoint was passed over. */
  enum Reason {
    /**
     * Shorter than its header says, or still changing or without its marker when the settle timeout
     * was over.
     */
    INCOMPLETE,
    /** The operating system refuses to read it. */
    UNREADABLE,
    /** It went away before it settled. */
    VANISHED,
    /** Complete perhaps, but not of a format that is expected or supported. */
    MALFORMED;

    /** The word used as a metric label. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }
}
