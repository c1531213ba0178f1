package io.diffuscope.run;

import com.fasterxml.jackson.annotation.JsonIgnore;
import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.detect.DetectorStates;
import io.diffuscope.detect.Progress;
import io.diffuscope.detect.Verdict;
import io.diffuscope.run.RunEvent.RunStarted;
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
 * @param verdict the verdict told last; null before the first
 * @param ended whether the run is over
 */
public record RunState(
    @Nullable RunStarted started,
    Map<String, Status> ledger,
    List<Checkpoint> pending,
    @Nullable Checkpoint evaluating,
    @Nullable Long judgedStep,
    DetectorStates detectors,
    List<Progress> history,
    @Nullable Verdict verdict,
    boolean ended)
    implements CborSerializable {
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
          null, Map.of(), List.of(), null, null, DetectorStates.INITIAL, List.of(), null, false);

  public RunState {
    ledger = Map.copyOf(ledger);
    pending = List.copyOf(pending);
    history = List.copyOf(history);
  }

  @JsonIgnore
  public boolean isIdle() {
    return pending.isEmpty() && evaluating == null;
  }

  RunState withStarted(RunStarted event) {
    return new RunState(
        event, ledger, pending, evaluating, judgedStep, detectors, history, verdict, ended);
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
        verdict,
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
        verdict,
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
        verdict,
        ended);
  }

  RunState withJudged(long step, DetectorStates newDetectors, Progress progress) {
    List<Progress> longer = new ArrayList<>(history);
    longer.add(progress);
    return new RunState(
        started, ledger, pending, evaluating, step, newDetectors, longer, verdict, ended);
  }

  RunState withVerdict(Verdict newVerdict, boolean over) {
    return new RunState(
        started, ledger, pending, evaluating, judgedStep, detectors, history, newVerdict, over);
  }

  private Map<String, Status> marked(Checkpoint checkpoint, Status status) {
    Map<String, Status> changed = new HashMap<>(ledger);
    changed.put(checkpoint.identity(), status);
    return changed;
  }
}
