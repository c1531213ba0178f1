package io.diffuscope.run;

import com.fasterxml.jackson.annotation.JsonIgnore;
import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.detect.Flag;
import io.diffuscope.detect.FlagChange;
import io.diffuscope.detect.Verdict;
import io.diffuscope.run.RunEvent.RunStarted;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
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
 * @param flags those that were told to be up
 * @param restsUntil nothing is begun before; null: no rest
 * @param ended whether the run is over
 */
public record RunState(
    @Nullable RunStarted started,
    Map<String, Status> ledger,
    List<Candidate> pending,
    @Nullable Candidate evaluating,
    Lineage lineage,
    @Nullable Verdict verdict,
    Set<Flag> flags,
    @Nullable Instant restsUntil,
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
   * @param failed how many tries failed for a reason that may pass
   */
  public record Candidate(
      Checkpoint checkpoint, int attempt, boolean superseded, boolean sampled, int failed) {
    Candidate supersede() {
      return new Candidate(checkpoint, attempt, true, sampled, failed);
    }

    Candidate begun(boolean withSamples) {
      return new Candidate(checkpoint, attempt, superseded, withSamples, failed);
    }

    Candidate postponed(int failures) {
      return new Candidate(checkpoint, attempt, superseded, false, failures);
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
      new RunState(
          null, HashTreePMap.empty(), List.of(), null, Lineage.EMPTY, null, Set.of(), null, false);

  public RunState {
    ledger = persistent(ledger);
    pending = List.copyOf(pending);
    flags = Set.copyOf(flags);
  }

  private static HashPMap<String, Status> persistent(Map<String, Status> map) {
    return map instanceof HashPMap<String, Status> already ? already : HashTreePMap.from(map);
  }

  @JsonIgnore
  public boolean isIdle() {
    return pending.isEmpty() && evaluating == null;
  }

  RunState withStarted(RunStarted event) {
    return new RunState(
        event, ledger, pending, evaluating, lineage, verdict, flags, restsUntil, ended);
  }

  /**
   * The state with which another process goes on: references are not ready, nothing is under
   * evaluation, and a run that had ended is open again.
   */
  RunState resumed() {
    Candidate current = evaluating;
    List<Candidate> more = current == null ? pending : pendingWith(current);
    Map<String, Status> known =
        current == null ? ledger : marked(current.checkpoint(), Status.PENDING);
    return new RunState(null, known, more, null, lineage, verdict, flags, null, false);
  }

  /**
   * A checkpoint was found; one under evaluation whose content it replaces no longer counts. The
   * next step under the same name, announced with its step, replaces none.
   */
  RunState withFound(Checkpoint checkpoint) {
    List<Candidate> more =
        pendingWith(new Candidate(checkpoint, lineage.attempt(), false, false, 0));
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
        flags,
        restsUntil,
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
        flags,
        restsUntil,
        ended);
  }

  RunState withEvaluating(Checkpoint checkpoint, boolean sampled) {
    Candidate next =
        pending.stream()
            .filter(candidate -> candidate.checkpoint().equals(checkpoint))
            .findFirst()
            .orElse(new Candidate(checkpoint, lineage.attempt(), false, false, 0));
    return new RunState(
        started,
        marked(checkpoint, Status.EVALUATING),
        without(checkpoint),
        next.begun(sampled),
        lineage,
        verdict,
        flags,
        null,
        ended);
  }

  RunState withDone(Checkpoint checkpoint, Status status) {
    return new RunState(
        started, marked(checkpoint, status), pending, null, lineage, verdict, flags, null, ended);
  }

  /** What is under evaluation waits again, and nothing is begun before a time. */
  RunState withPostponed(Checkpoint checkpoint, int failed, Instant until) {
    Candidate current = evaluating;
    if (current == null) {
      return this;
    }
    return new RunState(
        started,
        marked(checkpoint, Status.PENDING),
        pendingWith(current.postponed(failed)),
        null,
        lineage,
        verdict,
        flags,
        until,
        ended);
  }

  private List<Candidate> pendingWith(Candidate candidate) {
    List<Candidate> more = new ArrayList<>(pending);
    more.add(candidate);
    more.sort(ORDER);
    return more;
  }

  RunState with(FlagChange change) {
    Set<Flag> up = new HashSet<>(flags);
    if (change.raised()) {
      up.add(change.flag());
    } else {
      up.remove(change.flag());
    }
    return new RunState(
        started, ledger, pending, evaluating, lineage, verdict, up, restsUntil, ended);
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
        flags,
        restsUntil,
        ended);
  }

  RunState with(Checkpoint checkpoint, Lineage.Known.Sampling sampling) {
    return withLineage(lineage.with(checkpoint, sampling));
  }

  RunState withLineage(Lineage newLineage) {
    return new RunState(
        started, ledger, pending, evaluating, newLineage, verdict, flags, restsUntil, ended);
  }

  RunState withVerdict(Verdict newVerdict, boolean over) {
    return new RunState(
        started, ledger, pending, evaluating, lineage, newVerdict, flags, restsUntil, over);
  }

  private List<Candidate> without(Checkpoint checkpoint) {
    return pending.stream().filter(c -> !c.checkpoint().equals(checkpoint)).toList();
  }

  private Map<String, Status> marked(Checkpoint checkpoint, Status status) {
    return persistent(ledger).plus(checkpoint.identity(), status);
  }
}
