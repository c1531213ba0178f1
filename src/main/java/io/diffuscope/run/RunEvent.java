package io.diffuscope.run;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.detect.FlagChange;
import io.diffuscope.detect.Verdict;
import io.diffuscope.signal.SignalEstimate;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What happened to a run: the facts that its state is made of and that publishers subscribe to. */
public sealed interface RunEvent extends RunNotification {
  /** Id of the run, {@code [A-Za-z0-9._-]{1,100}}. */
  @Override
  String run();

  Instant at();

  /**
   * The run is known and its references are ready (or are about to be made).
   *
   * @param displayName name for people
   * @param probe id of what is measured with: noise, samples, solver, template, data
   * @param holdoutCheckPassed false where training and hold-out set differ, so that affinity raises
   *     nothing; null where there is no hold-out set to check
   * @param notes one line each: signals that are off and why, duplicates found, the hold-out check
   */
  record RunStarted(
      String run,
      Instant at,
      String displayName,
      String probe,
      @Nullable Boolean holdoutCheckPassed,
      List<String> notes)
      implements RunEvent {
    /** Whether affinity may raise a flag. */
    public boolean trustAffinity() {
      return holdoutCheckPassed != null && holdoutCheckPassed;
    }
  }

  /** A complete checkpoint was found. */
  record CheckpointFound(String run, Instant at, Checkpoint checkpoint) implements RunEvent {}

  /** A checkpoint will not be evaluated, by policy: {@code reason} is a metric label. */
  record CheckpointSkipped(String run, Instant at, Checkpoint checkpoint, String reason)
      implements RunEvent {}

  /**
   * A checkpoint could not be taken: {@code reason} is a metric label, {@code message} for people.
   */
  record CheckpointPassedOver(String run, Instant at, String path, String reason, String message)
      implements RunEvent {}

  /** Work on a checkpoint began. */
  record EvaluationStarted(String run, Instant at, Checkpoint checkpoint) implements RunEvent {}

  /**
   * A checkpoint was evaluated: all its estimates, final, in one event.
   *
   * @param judged false where the step lies below one already judged, so that detectors ignore it
   * @param seconds wall-clock duration of the evaluation
   */
  record EvaluationCompleted(
      String run,
      Instant at,
      Checkpoint checkpoint,
      String probe,
      List<SignalEstimate> estimates,
      boolean judged,
      double seconds)
      implements RunEvent {}

  /** A checkpoint failed: {@code reason} is a metric label, {@code message} for people. */
  record EvaluationFailed(
      String run, Instant at, Checkpoint checkpoint, String reason, String message)
      implements RunEvent {}

  /** A flag was raised or cleared. */
  record FlagChanged(String run, Instant at, FlagChange change) implements RunEvent {}

  /**
   * The verdict is another one than before: its word, the step since which it holds, or its best
   * checkpoint. Its reason moves with every checkpoint and alone tells nothing new.
   */
  record VerdictChanged(String run, Instant at, Verdict verdict) implements RunEvent {}

  /** Nothing more will come: training is over and everything found has been dealt with. */
  record RunEnded(String run, Instant at, String cause, Verdict verdict) implements RunEvent {}

  /** The step of the checkpoint, or null; a helper for publishers. */
  static @Nullable Long stepOf(RunEvent event) {
    return switch (event) {
      case CheckpointFound e -> e.checkpoint().step();
      case CheckpointSkipped e -> e.checkpoint().step();
      case EvaluationStarted e -> e.checkpoint().step();
      case EvaluationCompleted e -> e.checkpoint().step();
      case EvaluationFailed e -> e.checkpoint().step();
      case FlagChanged e -> e.change().step();
      case RunStarted e -> null;
      case CheckpointPassedOver e -> null;
      case VerdictChanged e -> null;
      case RunEnded e -> null;
    };
  }
}
