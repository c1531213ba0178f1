package io.diffuscope.run;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.signal.SignalEstimate;
import java.util.List;

/**
 * Estimates of an evaluation under way, sharpening with every block; told, never stored.
 *
 * @param done blocks finished
 * @param total blocks in all
 * @param estimates the estimates so far
 */
public record EvaluationProgress(
    String run, Checkpoint checkpoint, int done, int total, List<SignalEstimate> estimates)
    implements RunNotification {
  public EvaluationProgress {
    estimates = List.copyOf(estimates);
  }
}
