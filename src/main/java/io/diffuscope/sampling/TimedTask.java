package io.diffuscope.sampling;

import io.diffuscope.tensorfile.BadInputException;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A task that was run for a limited time.
 *
 * @param result what came out of it; null where the time was up before its end
 * @param seconds what all of it takes: measured, or extrapolated by the share that was done
 * @param whole whether it came to its end
 */
public record TimedTask<T>(@Nullable T result, double seconds, boolean whole) {
  /**
   * Runs a task, at least one piece of it, and closes it.
   *
   * @param limit seconds after which no further piece is begun
   * @param nanos a clock
   */
  public static <T> TimedTask<T> run(Task<T> task, double limit, LongSupplier nanos)
      throws BadInputException {
    try (task) {
      double before = task.progress();
      long start = nanos.getAsLong();
      double seconds;
      boolean more;
      do {
        more = task.advance();
        seconds = (nanos.getAsLong() - start) * 1e-9;
      } while (more && seconds < limit);
      return more
          ? new TimedTask<>(null, extrapolated(seconds, before, task.progress()), false)
          : new TimedTask<>(task.result(), (nanos.getAsLong() - start) * 1e-9, true);
    }
  }

  /**
   * What the whole takes, when it went from one share done to another in this time. A share that
   * was there at the start cost nothing. Infinite where nothing has moved.
   */
  static double extrapolated(double seconds, double before, double after) {
    return after > before ? seconds * (1 - before) / (after - before) : Double.POSITIVE_INFINITY;
  }
}
