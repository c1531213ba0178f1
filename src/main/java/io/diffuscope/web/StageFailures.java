package io.diffuscope.web;

import java.util.concurrent.CompletionException;

/** What stages fail with. */
final class StageFailures {
  private StageFailures() {}

  /** What made a stage fail, without what a stage that follows another one wraps it in. */
  static Throwable unwrapped(Throwable failure) {
    return failure instanceof CompletionException && failure.getCause() != null
        ? failure.getCause()
        : failure;
  }
}
