package io.diffuscope.publish;

import io.diffuscope.run.BudgetRest;
import io.diffuscope.run.EvaluationProgress;
import io.diffuscope.run.EvidenceNews;
import io.diffuscope.run.History;
import io.diffuscope.run.HoldNews;
import io.diffuscope.run.JournalBacklog;
import io.diffuscope.run.JournalNews;
import io.diffuscope.run.PreparationProgress;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.SourceNews;

/** Someone who is told what happens to runs: metrics, log, page. */
public interface RunListener {
  /** A fact about a run, in the order of its occurrence within that run. */
  void onEvent(RunEvent event);

  /**
   * What happened to a run before this process was started, in order; told before anything else of
   * it. By default as if it happened now.
   */
  default void onHistory(History history) {
    history.events().forEach(this::onEvent);
  }

  /** Something about where the run's events are kept. */
  default void onJournalNews(JournalNews news) {}

  /** How much of what happened is not in the run's journal. */
  default void onJournalBacklog(JournalBacklog backlog) {}

  /** An evaluation under way has come further. */
  default void onProgress(EvaluationProgress progress) {}

  /** What is done once before the first checkpoint has come further. */
  default void onPreparation(PreparationProgress progress) {}

  /** What waits is not evaluated before the device has rested for its budget. */
  default void onRest(BudgetRest rest) {}

  /** Something about the directory that the run's checkpoints come from. */
  default void onSourceNews(SourceNews news) {}

  /** A checkpoint is not held while it is evaluated. */
  default void onHoldNews(HoldNews news) {}

  /** The evidence of a checkpoint could not be kept. */
  default void onEvidenceNews(EvidenceNews news) {}

  /** The run is forgotten: whatever was published about it vanishes. */
  default void removeRun(String run) {}
}
