package io.diffuscope.run;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.detect.DetectorStates;
import io.diffuscope.detect.Progress;
import io.diffuscope.detect.Verdict;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * All that a run remembers: made of its events alone, without stream, file or actor.
 *
 * @param started the first event; null before it
 * @param ledger by checkpoint identity, how each one ended or where it stands
 * @param pending checkpoints that wait, in the order in which they will be evaluated
 * @param evaluating the checkpoint under evaluation, or null
 * @param judgedStep step of the last checkpoint that the detectors saw, or null
 * @param detectors states of the detectors
 * @param history what the verdict rests on, by step
 * @param ended the closing verdict; null while the run goes on
 */
public record RunState(
    RunEvent.@Nullable RunStarted started,
    Map<String, Status> ledger,
    List<Checkpoint> pending,
    @Nullable Checkpoint evaluating,
    @Nullable Long judgedStep,
    DetectorStates detectors,
    List<Progress> history,
    @Nullable Verdict ended) {
  /** How a checkpoint stands. */
  public enum Status {
    PENDING,
    EVALUATING,
    EVALUATED,
    SKIPPED,
    FAILED
  }

  public static final RunState EMPTY =
      new RunState(
          null, Map.of(), List.of(), null, null, DetectorStates.INITIAL, List.of(), null);

  public RunState {
    ledger = Map.copyOf(ledger);
    pending = List.copyOf(pending);
    history = List.copyOf(history);
  }

  public boolean isIdle() {
    return pending.isEmpty() && evaluating == null;
  }

  RunState withStarted(RunEvent.RunStarted event) {
    return new RunState(
        event, ledger, pending, evaluating, judgedStep, detectors, history, ended);
  }

  RunState withPending(List<Checkpoint> newPending, Checkpoint checkpoint, Status status) {
    return new RunState(
        started,
        marked(checkpoint, status),
        newPending,
        evaluating,
        judgedStep,
        detectors,
        history,
        ended);
  }

  RunState withEvaluating(Checkpoint checkpoint) {
    List<Checkpoint> rest = new ArrayList<>(pending);
    rest.remove(checkpoint);
    return new RunState(
        started,
        marked(checkpoint, Status.EVALUATING),
        rest,
        checkpoint,
        judgedStep,
        detectors,
        history,
        ended);
  }

  RunState withDone(Checkpoint checkpoint, Status status) {
    return new RunState(
        started,
        marked(checkpoint, status),
        pending,
        null,
        judgedStep,
        detectors,
        history,
        ended);
  }

  RunState withJudged(long step, DetectorStates newDetectors, Progress progress) {
    List<Progress> longer = new ArrayList<>(history);
    longer.add(progress);
    return new RunState(
        started, ledger, pending, evaluating, step, newDetectors, longer, ended);
  }

  RunState withEnded(Verdict verdict) {
    return new RunState(
        started, ledger, pending, evaluating, judgedStep, detectors, history, verdict);
  }

  private Map<String, Status> marked(Checkpoint checkpoint, Status status) {
    Map<String, Status> changed = new HashMap<>(ledger);
    changed.put(checkpoint.identity(), status);
    return changed;
  }
}
