package io.diffuscope.sampling;

import io.diffuscope.tensorfile.BadInputException;
import org.jspecify.annotations.Nullable;

/**
 * One task after another, the second made of the first one's result.
 *
 * @param <A> result of the first
 * @param <B> result of the second, and of both
 */
final class ChainedTask<A, B> implements Task<B> {
  /** Makes the second task. */
  @FunctionalInterface
  interface Next<A, B> {
    Task<B> after(A result) throws BadInputException;
  }

  private final Task<A> first;
  private final Next<A, B> next;
  private @Nullable Task<B> second;

  ChainedTask(Task<A> first, Next<A, B> next) {
    this.first = first;
    this.next = next;
  }

  @Override
  public boolean advance() throws BadInputException {
    if (second != null) {
      return second.advance();
    }
    if (!first.advance()) {
      second = next.after(first.result());
    }
    return true;
  }

  @Override
  public double progress() {
    return (first.progress() + (second == null ? 0 : second.progress())) / 2;
  }

  @Override
  public @Nullable Part part() {
    return second == null ? first.part() : second.part();
  }

  @Override
  public B result() throws BadInputException {
    if (second == null) {
      throw new IllegalStateException("the first task is not done");
    }
    return second.result();
  }

  @Override
  public void close() {
    first.close();
    if (second != null) {
      second.close();
    }
  }
}
