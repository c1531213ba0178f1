package io.diffuscope.checkpoint;

import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * A checkpoint for the time of its evaluation. Closing it removes the hold's own names and nothing
 * else; it may be closed more than once, from any thread.
 */
public final class Hold implements AutoCloseable {
  /** Why a checkpoint that should be held is read where it lies. */
  public enum Obstacle {
    /** It alone, or with holds that nobody uses, would pass the limit. */
    LIMIT,
    /** The disk of the data directory is nearly full. */
    SPACE,
    /** The data directory cannot be written. */
    UNWRITABLE;

    /** The word for it in metrics and logs. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * News for people: a checkpoint is read where it lies, without a hold.
   *
   * @param message what, why, and what to do
   */
  public record InPlace(Obstacle obstacle, String message) {}

  private final Checkpoint checkpoint;
  private final @Nullable InPlace inPlace;
  private final Runnable release;
  private final AtomicBoolean closed = new AtomicBoolean();

  private Hold(Checkpoint checkpoint, @Nullable InPlace inPlace, Runnable release) {
    this.checkpoint = checkpoint;
    this.inPlace = inPlace;
    this.release = release;
  }

  static Hold of(Checkpoint held, Runnable release) {
    return new Hold(held, null, release);
  }

  static Hold none(Checkpoint checkpoint, @Nullable InPlace inPlace) {
    return new Hold(checkpoint, inPlace, () -> {});
  }

  /** The checkpoint with the place where it is to be read. */
  public Checkpoint checkpoint() {
    return checkpoint;
  }

  /** Why it is not held; null where it is, or where nobody asked for it. */
  public @Nullable InPlace inPlace() {
    return inPlace;
  }

  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      release.run();
    }
  }
}
