package io.diffuscope.sampling;

import io.diffuscope.tensorfile.BadInputException;

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

  /** The outcome, once {@link #advance()} has returned false. */
  T result() throws BadInputException;

  /** Frees what the task holds on the device, finished or not. */
  @Override
  void close();

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
