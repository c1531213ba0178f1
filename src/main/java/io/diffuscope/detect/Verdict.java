package io.diffuscope.detect;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The state of a run in one word, and why.
 *
 * @param state the word
 * @param sinceStep the step since which it holds; null where nothing was evaluated
 * @param bestStep step of the best checkpoint so far; null where no signal can tell
 * @param why the evidence in one sentence
 */
public record Verdict(State state, @Nullable Long sinceStep, @Nullable Long bestStep, String why) {

  /** One word for a run. */
  public enum State {
    /** Nothing evaluated yet, or nothing that can tell. */
    UNKNOWN,
    /** No evidence of memorization, and the distance to the hold-out or teacher is falling. */
    LEARNING,
    /** {@link Flag#EARLY_MEMORIZATION} is raised. */
    EARLY_MEMORIZATION,
    /** {@link Flag#MEMORIZATION} is raised. */
    MEMORIZING,
    /**
     * {@link Flag#OVERFITTING} is raised: no copies are seen, and the distance to the hold-out or
     * teacher rises. The up-phase of a double descent looks the same.
     */
    OVERFITTING;

    /** The word used in metrics, logs and tables. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }
}
