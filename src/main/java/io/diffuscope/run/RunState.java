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
 * @param sampledSoFar checkpoints of which samples were measured, in all attempts: the ordinal of
 *     the next one, by which signals are measured at every k-th
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
    boolean ended,
    long sampledSoFar)
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
          null,
          HashTreePMap.empty(),
          List.of(),
          null,
          Lineage.EMPTY,
          null,
          Set.of(),
          null,
          false,
          0);

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
    Next next = new Next(this);
    next.started = event;
    return next.state();
  }

  /**
   * The state with which another process goes on: references are not ready, nothing is under
   * evaluation, and a run that had ended is open again.
   */
  RunState resumed() {
    Next next = new Next(this);
    next.started = null;
    next.restsUntil = null;
    next.ended = false;
    Candidate current = evaluating;
    if (current != null) {
      next.evaluating = null;
      next.pending = pendingWith(current);
      next.ledger = marked(current.checkpoint(), Status.PENDING);
    }
    return next.state();
  }

  /**
   * A checkpoint was found; one under evaluation whose content it replaces no longer counts. The
   * next step under the same name, announced with its step, replaces none.
   */
  RunState withFound(Checkpoint checkpoint) {
    Next next = new Next(this);
    next.ledger = marked(checkpoint, Status.PENDING);
    next.pending = pendingWith(new Candidate(checkpoint, lineage.attempt(), false, false, 0));
    next.lineage = lineage.withFound(checkpoint);
    Candidate current = evaluating;
    if (current != null && current.checkpoint().isReplacedBy(checkpoint)) {
      next.evaluating = current.supersede();
    }
    return next.state();
  }

  RunState withSkipped(Checkpoint checkpoint) {
    Next next = new Next(this);
    next.ledger = marked(checkpoint, Status.SKIPPED);
    next.pending = without(checkpoint);
    Candidate current = evaluating;
    if (current != null && current.checkpoint().equals(checkpoint)) {
      next.evaluating = null;
    }
    return next.state();
  }

  RunState withEvaluating(Checkpoint checkpoint, boolean sampled) {
    Candidate begun =
        pending.stream()
            .filter(candidate -> candidate.checkpoint().equals(checkpoint))
            .findFirst()
            .orElse(new Candidate(checkpoint, lineage.attempt(), false, false, 0));
    Next next = new Next(this);
    next.ledger = marked(checkpoint, Status.EVALUATING);
    next.pending = without(checkpoint);
    next.evaluating = begun.begun(sampled);
    next.restsUntil = null;
    return next.state();
  }

  RunState withDone(Checkpoint checkpoint, Status status) {
    Next next = new Next(this);
    next.ledger = marked(checkpoint, status);
    next.evaluating = null;
    next.restsUntil = null;
    return next.state();
  }

  /** What is under evaluation waits again, and nothing is begun before a time. */
  RunState withPostponed(Checkpoint checkpoint, int failed, Instant until) {
    Candidate current = evaluating;
    if (current == null) {
      return this;
    }
    Next next = new Next(this);
    next.ledger = marked(checkpoint, Status.PENDING);
    next.pending = pendingWith(current.postponed(failed));
    next.evaluating = null;
    next.restsUntil = until;
    return next.state();
  }

  /** With one more checkpoint of which samples were measured. */
  RunState withSampled() {
    Next next = new Next(this);
    next.sampledSoFar = Math.addExact(sampledSoFar, 1);
    return next.state();
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
    Next next = new Next(this);
    next.flags = up;
    return next.state();
  }

  /** Another attempt goes on from before a step: what was found from there on no longer counts. */
  RunState withAttempt(int number, long fromStep) {
    UnaryOperator<Candidate> mark = c -> c.isFrom(fromStep) ? c.supersede() : c;
    Candidate current = evaluating;
    Next next = new Next(this);
    next.pending = pending.stream().map(mark).sorted(ORDER).toList();
    next.evaluating = current == null ? null : mark.apply(current);
    next.lineage = lineage.resumed(number, fromStep);
    return next.state();
  }

  RunState with(Checkpoint checkpoint, Lineage.Known.Sampling sampling) {
    return withLineage(lineage.with(checkpoint, sampling));
  }

  RunState withLineage(Lineage newLineage) {
    Next next = new Next(this);
    next.lineage = newLineage;
    return next.state();
  }

  RunState withVerdict(Verdict newVerdict, boolean over) {
    Next next = new Next(this);
    next.verdict = newVerdict;
    next.ended = over;
    return next.state();
  }

  /** A state in the making: as the one before, until something of it is said. */
  private static final class Next {
    private @Nullable RunStarted started;
    private Map<String, Status> ledger;
    private List<Candidate> pending;
    private @Nullable Candidate evaluating;
    private Lineage lineage;
    private @Nullable Verdict verdict;
    private Set<Flag> flags;
    private @Nullable Instant restsUntil;
    private boolean ended;
    private long sampledSoFar;

    Next(RunState before) {
      started = before.started;
      ledger = before.ledger;
      pending = before.pending;
      evaluating = before.evaluating;
      lineage = before.lineage;
      verdict = before.verdict;
      flags = before.flags;
      restsUntil = before.restsUntil;
      ended = before.ended;
      sampledSoFar = before.sampledSoFar;
    }

    RunState state() {
      return new RunState(
          started,
          ledger,
          pending,
          evaluating,
          lineage,
          verdict,
          flags,
          restsUntil,
          ended,
          sampledSoFar);
    }
  }

  private List<Candidate> without(Checkpoint checkpoint) {
    return pending.stream().filter(c -> !c.checkpoint().equals(checkpoint)).toList();
  }

  private Map<String, Status> marked(Checkpoint checkpoint, Status status) {
    return persistent(ledger).plus(checkpoint.identity(), status);
  }
}
