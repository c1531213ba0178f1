package io.diffuscope.sampling;

import io.diffuscope.tensorfile.BadInputException;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A task that says how far it is, and about how long the rest takes, where it takes long: after
 * {@value #FIRST_SECONDS} seconds, and from then on every {@value #EVERY_SECONDS}.
 */
final class AnnouncedTask<T> implements Task<T> {
  private static final long FIRST_SECONDS = 10;
  private static final long EVERY_SECONDS = 60;
  private static final double NANOS = 1e9;

  private final Task<T> task;
  private final String what;
  private final Consumer<String> news;
  private final LongSupplier nanos;
  private @Nullable Long start;
  private double nextSeconds = FIRST_SECONDS;

  /**
   * Announces a task.
   *
   * @param what it does, for people
   * @param news takes one sentence at a time
   * @param nanos a clock, as {@link System#nanoTime}
   */
  AnnouncedTask(Task<T> task, String what, Consumer<String> news, LongSupplier nanos) {
    this.task = task;
    this.what = what;
    this.news = news;
    this.nanos = nanos;
  }

  @Override
  public boolean advance() throws BadInputException {
    if (start == null) {
      start = nanos.getAsLong();
    }
    boolean goesOn = task.advance();
    double seconds = (nanos.getAsLong() - start) / NANOS;
    double done = task.progress();
    if (goesOn && seconds >= nextSeconds && done > 0) {
      nextSeconds = seconds + EVERY_SECONDS;
      news.accept(
          String.format(
              Locale.ROOT,
              "%s: %.0f %% done after %.0f s, about %.0f s left",
              what,
              100 * done,
              seconds,
              seconds * (1 - done) / done));
    }
    return goesOn;
  }

  @Override
  public double progress() {
    return task.progress();
  }

  @Override
  public @Nullable Part part() {
    return task.part();
  }

  @Override
  public T result() throws BadInputException {
    return task.result();
  }

  @Override
  public void close() {
    task.close();
  }
}
