package io.diffuscope.run;

import com.fasterxml.jackson.annotation.JsonCreator;
import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.detect.FlagChange;
import io.diffuscope.detect.Verdict;
import io.diffuscope.sampling.DuplicateCounts;
import io.diffuscope.signal.SignalEstimate;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
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
   * @param steps what the steps of its checkpoints count
   * @param measuresLosses whether denoising losses are measured: not without a hold-out set, or
   *     without noise levels to measure them at
   * @param duplicates how many there are in the sets; null in journals of before they were counted
   */
  record RunStarted(
      String run,
      Instant at,
      String displayName,
      String probe,
      @Nullable Boolean holdoutCheckPassed,
      List<String> notes,
      StepScale steps,
      boolean measuresLosses,
      @Nullable DuplicateCounts duplicates)
      implements RunEvent {
    /** Of sets whose duplicates were not counted. */
    public RunStarted(
        String run,
        Instant at,
        String displayName,
        String probe,
        @Nullable Boolean holdoutCheckPassed,
        List<String> notes,
        StepScale steps,
        boolean measuresLosses) {
      this(run, at, displayName, probe, holdoutCheckPassed, notes, steps, measuresLosses, null);
    }

    /** Whether the hold-out check failed, so that what compares the sets is not to be trusted. */
    public boolean setsDiffer() {
      return holdoutCheckPassed != null && !holdoutCheckPassed;
    }

    /** Whether affinity may raise a flag. */
    public boolean trustAffinity() {
      return holdoutCheckPassed != null && holdoutCheckPassed;
    }
  }

  /**
   * The program was started again: an evaluation that was under way is queued again, a run that had
   * ended goes on, and its references are made ready again.
   */
  record RunResumed(String run, Instant at) implements RunEvent {}

  /**
   * A complete checkpoint was found.
   *
   * @param passedOverAs another path under which it was passed over before, and is no longer
   *     counted; null: none
   */
  record CheckpointFound(
      String run, Instant at, Checkpoint checkpoint, @Nullable String passedOverAs)
      implements RunEvent {
    @JsonCreator
    public CheckpointFound {}

    public CheckpointFound(String run, Instant at, Checkpoint checkpoint) {
      this(run, at, checkpoint, null);
    }
  }

  /** A checkpoint will not be evaluated, by policy: {@code reason} is a metric label. */
  record CheckpointSkipped(String run, Instant at, Checkpoint checkpoint, String reason)
      implements RunEvent {}

  /**
   * A checkpoint could not be taken: {@code reason} is a metric label, {@code message} for people.
   */
  record CheckpointPassedOver(String run, Instant at, String path, String reason, String message)
      implements RunEvent {}

  /**
   * Work on a checkpoint began.
   *
   * @param sampled whether it is sampled; otherwise only its denoising losses are measured
   */
  record EvaluationStarted(String run, Instant at, Checkpoint checkpoint, boolean sampled)
      implements RunEvent {}

  /**
   * A step is not above those known, and there is evidence that the training was resumed or started
   * anew: a new attempt goes on from before it. Results from that step on are superseded: they stay
   * in the history, and the detectors go on from where they stood before them.
   *
   * @param attempt number of the attempt that begins, from 2
   * @param fromStep the first step that it supersedes
   * @param message the evidence, for people
   */
  record AttemptStarted(String run, Instant at, int attempt, long fromStep, String message)
      implements RunEvent {}

  /** What became of a result that was measured. */
  enum Standing {
    /** The detectors saw it. */
    JUDGED("judged"),
    /** Only its denoising losses were measured; the detectors look at samples. */
    LOSSES_ONLY("denoising losses only"),
    /** The checkpoint has no step, so it has no place in the series. */
    NO_STEP("no step in its name"),
    /** A step above it was judged before: it came too late. */
    EARLIER_STEP("an earlier step"),
    /** A later attempt, or another content of the same file, took its place meanwhile. */
    SUPERSEDED("superseded");

    private final String text;

    Standing(String text) {
      this.text = text;
    }

    /** The word used in logs and answers. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }

    /** For people: why it was not judged. */
    public String text() {
      return text;
    }
  }

  /**
   * A checkpoint was evaluated: all its estimates, final, in one event.
   *
   * @param standing whether the detectors saw it, or why not
   * @param seconds wall-clock duration of the evaluation
   * @param attempt the attempt that the checkpoint belongs to
   * @param weights what was read of the checkpoint; null where nobody told
   * @param sampled whether it was sampled; otherwise only its denoising losses were measured
   */
  record EvaluationCompleted(
      String run,
      Instant at,
      Checkpoint checkpoint,
      String probe,
      List<SignalEstimate> estimates,
      Standing standing,
      double seconds,
      int attempt,
      @Nullable WeightsUsed weights,
      boolean sampled)
      implements RunEvent {
    /** Whether the detectors saw it. */
    public boolean judged() {
      return standing == Standing.JUDGED;
    }

    /**
     * Whether it is news of the run as it stands: judged, or without a step and so the last thing
     * known.
     */
    public boolean isCurrent() {
      return standing == Standing.JUDGED || standing == Standing.NO_STEP;
    }
  }

  /** A checkpoint failed: {@code reason} is a metric label, {@code message} for people. */
  record EvaluationFailed(
      String run, Instant at, Checkpoint checkpoint, String reason, String message)
      implements RunEvent {}

  /**
   * An evaluation failed for a reason that may pass: the checkpoint waits again.
   *
   * @param reason a metric label
   * @param message for people
   * @param failed how many tries failed, this one included
   * @param until nothing of the run is begun before
   */
  record EvaluationPostponed(
      String run,
      Instant at,
      Checkpoint checkpoint,
      String reason,
      String message,
      int failed,
      Instant until)
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
      case EvaluationPostponed e -> e.checkpoint().step();
      case FlagChanged e -> e.change().step();
      case AttemptStarted e -> e.fromStep();
      case RunStarted e -> null;
      case RunResumed e -> null;
      case CheckpointPassedOver e -> null;
      case VerdictChanged e -> null;
      case RunEnded e -> null;
    };
  }
}
