package io.diffuscope.web;

import java.util.concurrent.CompletionStage;

/** Removes a run from everywhere. */
@FunctionalInterface
public interface Forgetting {
  /** What became of it. */
  sealed interface Outcome {
    /** It is gone. */
    record Forgotten() implements Outcome {}

    /** It is not, for a reason that a person can mend. */
    record Refused(String message) implements Outcome {}
  }

  /** Asks for it; the stage fails for a reason that no person at the other end can mend. */
  CompletionStage<Outcome> forget(String run);
}
