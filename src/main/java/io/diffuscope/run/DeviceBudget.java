package io.diffuscope.run;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Whose turn it is on a device of which evaluation may take a share.
 *
 * <p>One turn is one evaluation. After a turn of t the device rests for t (1 - share) / share, so
 * that turns and rests together keep the share, whatever each evaluation takes; the share is passed
 * by no more than the turn under way. Time in which nobody asked is not saved up.
 *
 * <pre>{@code
 * budget.ask(run);
 * R next = budget.grant(System.nanoTime()); // null while it rests
 * budget.done(run, System.nanoTime());
 * }</pre>
 *
 * <p>A turn lasts from {@link #grant} to {@link #done}: turns exclude each other, so that is the
 * time for which evaluation had the device. All times are nanoseconds of one clock that never goes
 * back. Not thread-safe.
 *
 * @param <R> who asks
 */
final class DeviceBudget<R> {
  private final double share;
  private final Set<R> waiting = new LinkedHashSet<>();
  private @Nullable R holder;
  private long since;
  private long restedSince;
  private long rest;

  /**
   * Nobody has asked yet.
   *
   * @param share of the device's time, above 0 and at most 1
   */
  DeviceBudget(double share) {
    if (!(share > 0 && share <= 1)) {
      throw new IllegalArgumentException("a share lies above 0 and at most at 1, not " + share);
    }
    this.share = share;
  }

  /** Asks for a turn; who asks again keeps the place. */
  void ask(R asking) {
    waiting.add(asking);
  }

  /** Whose turn begins now, who asked first; null while there is a turn, a rest, or nobody. */
  @Nullable R grant(long now) {
    if (holder != null || waiting.isEmpty() || restLeft(now) > 0) {
      return null;
    }
    R next = waiting.iterator().next();
    waiting.remove(next);
    holder = next;
    since = now;
    return next;
  }

  /** Gives a turn back, or the place in the queue. */
  void done(R by, long now) {
    waiting.remove(by);
    if (by.equals(holder)) {
      holder = null;
      restedSince = now;
      // At most a third of a century, so that the sum of two times cannot overflow.
      rest = Math.min((long) ((now - since) * (1 - share) / share), 1L << 60);
    }
  }

  /** Who has no turn yet, in the order of their turns. */
  List<R> waiting() {
    return List.copyOf(waiting);
  }

  /** Whether somebody waits for a rest to end. */
  boolean isResting(long now) {
    return holder == null && !waiting.isEmpty() && restLeft(now) > 0;
  }

  /** Nanoseconds until the next turn may begin; 0 or less: at once. */
  long restLeft(long now) {
    return rest == 0 ? 0 : rest - (now - restedSince);
  }
}
