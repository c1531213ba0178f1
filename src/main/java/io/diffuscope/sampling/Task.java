package io.diffuscope.sampling;

import io.diffuscope.tensorfile.BadInputException;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Work on a device that is done in short pieces, so that the thread which owns the device can
 * answer and be stopped in between.
 *
 * @param <T> what comes out of it
 */
public interface Task<T> extends AutoCloseable {
  /** Does one piece, well under a second on the intended device; false when nothing is left. */
  boolean advance() throws BadInputException;

  /** Share of the pieces done, 0 to 1. */
  double progress();

  /** Which part of it is under way, for people; null where it is too short to tell. */
  default @Nullable Part part() {
    return null;
  }

  /**
   * A part of a task.
   *
   * @param what is done, for example {@code features of the training set}
   * @param progress share of it that is done, 0 to 1
   */
  record Part(String what, double progress) {
    /** For people: {@code features of the training set, 37 %}. */
    public String text() {
      return "%s, %d %%".formatted(what, (int) (100 * Math.clamp(progress, 0, 1)));
    }
  }

  /** The outcome, once {@link #advance()} has returned false. */
  T result() throws BadInputException;

  /** Frees what the task holds on the device, finished or not. */
  @Override
  void close();

  /** The same work with another form of its outcome. */
  default <R> Task<R> map(Function<? super T, ? extends R> form) {
    Task<T> work = this;
    return new Task<>() {
      @Override
      public boolean advance() throws BadInputException {
        return work.advance();
      }

      @Override
      public double progress() {
        return work.progress();
      }

      @Override
      public @Nullable Part part() {
        return work.part();
      }

      @Override
      public R result() throws BadInputException {
        return form.apply(work.result());
      }

      @Override
      public void close() {
        work.close();
      }
    };
  }

  /** Does all that is left of it, and frees what it holds. */
  default T complete() throws BadInputException {
    try (this) {
      while (advance()) {}
      return result();
    }
  }

  /** A task with nothing left to do. */
  static <T> Task<T> done(T value) {
    return new Task<>() {
      @Override
      public boolean advance() {
        return false;
      }

      @Override
      public double progress() {
        return 1;
      }

      @Override
      public T result() {
        return value;
      }

      @Override
      public void close() {}
    };
  }
}
