package io.diffuscope.publish;

import io.diffuscope.checkpoint.StepUnit;
import io.diffuscope.run.SourceNews;
import org.jspecify.annotations.Nullable;

/**
 * How the source of a run's checkpoints is, folded from its news.
 *
 * @param problem what is in its way; null while it can see checkpoints
 * @param stepUnit what steps count, as far as the source told
 */
public record SourceState(@Nullable String problem, @Nullable StepUnit stepUnit) {
  /** Nothing was told yet, or nothing of note. */
  public static final SourceState UP = new SourceState(null, null);

  /** All news that is no problem means that the source can see checkpoints. */
  public SourceState after(SourceNews news) {
    return new SourceState(
        news.problem() ? news.message() : null,
        news.stepUnit() == null ? stepUnit : news.stepUnit());
  }
}
