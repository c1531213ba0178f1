package io.diffuscope.publish;

import io.diffuscope.run.EvaluationProgress;
import io.diffuscope.run.PreparationProgress;
import io.diffuscope.run.RunEvent;

/** Someone who is told what happens to runs: metrics, log, page. */
public interface RunListener {
  /** A fact about a run, in the order of its occurrence within that run. */
  void onEvent(RunEvent event);

  /** An evaluation under way has come further. */
  default void onProgress(EvaluationProgress progress) {}

  /** What is done once before the first checkpoint has come further. */
  default void onPreparation(PreparationProgress progress) {}

  /** The run is forgotten: whatever was published about it vanishes. */
  default void removeRun(String run) {}
}
