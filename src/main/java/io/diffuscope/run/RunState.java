package io.diffuscope.run;

import com.fasterxml.jackson.annotation.JsonIgnore;
import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.detect.Verdict;
import io.diffuscope.run.RunEvent.RunStarted;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.pcollections.HashPMap;
import org.pcollections.HashTreePMap;

/**
 * All that a run remembers: made of its events alone, without stream, file or actor.
 *
 * @param started the first event; null before it
 * @param ledger by checkpoint identity, how each one ended or where it stands
 * @param pending checkpoints that wait, in the order in which they will be evaluated
 * @param evaluating the checkpoint under evaluation, or null
 * @param lineage the attempts, and what the detectors have seen of the one under way
 * @param verdict the verdict told last; null before the first
 * @param ended whether the run is over
 */
public record RunState(
    @Nullable RunStarted started,
    Map<String, Status> ledger,
    List<Candidate> pending,
    @Nullable Candidate evaluating,
    Lineage lineage,
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

  /**
   * A checkpoint that waits or is being evaluated.
   *
   * @param attempt the attempt under which it was found
   * @param superseded whether a later attempt, or another content, took its place: it is measured,
   *     but not judged
   * @param sampled whether it is sampled, or only its denoising losses are measured; decided when
   *     its evaluation begins, and false until then
   */
  public record Candidate(Checkpoint checkpoint, int attempt, boolean superseded, boolean sampled) {
    Candidate supersede() {
      return new Candidate(checkpoint, attempt, true, sampled);
    }

    Candidate begun(boolean withSamples) {
      return new Candidate(checkpoint, attempt, superseded, withSamples);
    }

    /** Whether an attempt from this step on supersedes it. */
    boolean isFrom(long step) {
      Long own = checkpoint.step();
      return own != null && own >= step;
    }
  }

  /** What still counts comes first, in the order of steps; without a step last. */
  static final Comparator<Candidate> ORDER =
      Comparator.comparing(Candidate::superseded)
          .thenComparing(
              c -> c.checkpoint().step(), Comparator.nullsLast(Comparator.naturalOrder()));

  public static final RunState EMPTY =
      new RunState(null, HashTreePMap.empty(), List.of(), null, Lineage.EMPTY, null, false);

  public RunState {
    ledger = persistent(ledger);
    pending = List.copyOf(pending);
  }

  private static HashPMap<String, Status> persistent(Map<String, Status> map) {
    return map instanceof HashPMap<String, Status> already ? already : HashTreePMap.from(map);
  }

  @JsonIgnore
  public boolean isIdle() {
    return pending.isEmpty() && evaluating == null;
  }

  RunState withStarted(RunStarted event) {
    return new RunState(event, ledger, pending, evaluating, lineage, verdict, ended);
  }

  /**
   * The state with which another process goes on: references are not ready, nothing is under
   * evaluation, and a run that had ended is open again.
   */
  RunState resumed() {
    Candidate current = evaluating;
    List<Candidate> more = new ArrayList<>(pending);
    Map<String, Status> known = ledger;
    if (current != null) {
      more.add(current);
      more.sort(ORDER);
      known = marked(current.checkpoint(), Status.PENDING);
    }
    return new RunState(null, known, more, null, lineage, verdict, false);
  }

  /**
   * A checkpoint was found; one under evaluation whose content it replaces no longer counts. The
   * next step under the same name, announced with its step, replaces none.
   */
  RunState withFound(Checkpoint checkpoint) {
    List<Candidate> more = new ArrayList<>(pending);
    more.add(new Candidate(checkpoint, lineage.attempt(), false, false));
    more.sort(ORDER);
    Candidate current = evaluating;
    if (current != null && current.checkpoint().isReplacedBy(checkpoint)) {
      current = current.supersede();
    }
    return new RunState(
        started,
        marked(checkpoint, Status.PENDING),
        more,
        current,
        lineage.withFound(checkpoint),
        verdict,
        ended);
  }

  RunState withSkipped(Checkpoint checkpoint) {
    Candidate current = evaluating;
    return new RunState(
        started,
        marked(checkpoint, Status.SKIPPED),
        without(checkpoint),
        current != null && current.checkpoint().equals(checkpoint) ? null : current,
        lineage,
        verdict,
        ended);
  }

  RunState withEvaluating(Checkpoint checkpoint, boolean sampled) {
    Candidate next =
        pending.stream()
            .filter(candidate -> candidate.checkpoint().equals(checkpoint))
            .findFirst()
            .orElse(new Candidate(checkpoint, lineage.attempt(), false, false));
    return new RunState(
        started,
        marked(checkpoint, Status.EVALUATING),
        without(checkpoint),
        next.begun(sampled),
        lineage,
        verdict,
        ended);
  }

  RunState withDone(Checkpoint checkpoint, Status status) {
    return new RunState(
        started, marked(checkpoint, status), pending, null, lineage, verdict, ended);
  }

  /** Another attempt goes on from before a step: what was found from there on no longer counts. */
  RunState withAttempt(int number, long fromStep) {
    UnaryOperator<Candidate> mark = c -> c.isFrom(fromStep) ? c.supersede() : c;
    Candidate current = evaluating;
    return new RunState(
        started,
        ledger,
        pending.stream().map(mark).sorted(ORDER).toList(),
        current == null ? null : mark.apply(current),
        lineage.resumed(number, fromStep),
        verdict,
        ended);
  }

  RunState with(Checkpoint checkpoint, Lineage.Known.Sampling sampling) {
    return withLineage(lineage.with(checkpoint, sampling));
  }

  RunState withLineage(Lineage newLineage) {
    return new RunState(started, ledger, pending, evaluating, newLineage, verdict, ended);
  }

  RunState withVerdict(Verdict newVerdict, boolean over) {
    return new RunState(started, ledger, pending, evaluating, lineage, newVerdict, over);
  }

  private List<Candidate> without(Checkpoint checkpoint) {
    return pending.stream().filter(c -> !c.checkpoint().equals(checkpoint)).toList();
  }

  private Map<String, Status> marked(Checkpoint checkpoint, Status status) {
    return persistent(ledger).plus(checkpoint.identity(), status);
  }
}
