package io.diffuscope.run;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.detect.DetectorStates;
import io.diffuscope.detect.Progress;
import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.pcollections.TreePMap;

/**
 * The line of checkpoints that leads to the run's latest one, without those that a resumed or
 * restarted training superseded: what the detectors have seen, and what tells that a new attempt
 * has begun.
 *
 * <p>A job that is resumed from a step, or restarted, writes steps that are not above those known.
 * So does a checkpoint that took long to become complete. They are told apart by evidence:
 *
 * <ul>
 *   <li><b>written again</b>: the content of a path that was evaluated is another one now, and
 *       nothing above it is younger;
 *   <li><b>resumed</b>: a lower step that is younger than every known step above it;
 *   <li><b>late</b>: whatever is older than a step above it, was seen incomplete before the steps
 *       above it were known, or tells no time. It begins nothing.
 * </ul>
 *
 * Another file of the last step (averaged weights beside raw ones) is no resumption either. Times
 * are compared among a run's own files, and only where a step is not above those known: a directory
 * whose files were copied in any order before the monitor came is taken in the order of its steps.
 *
 * <p>Maps are persistent, so that every event shares all but O(log n) of the state before it. A
 * judged step keeps the detectors' states after it (a few hundred bytes), so that going back is
 * exact at any distance.
 *
 * @param attempt number of the attempt under way, from 1
 * @param known by step, what was found of this line, evaluated or not
 * @param judged by step, what the detectors made of it
 * @param passedOver by path, what was seen incomplete: the highest step known then, or null
 */
public record Lineage(
    int attempt,
    NavigableMap<Long, Known> known,
    NavigableMap<Long, Judgement> judged,
    Map<String, PassedOver> passedOver) {
  /** Incomplete files are remembered up to this many; forgetting one makes its time decide. */
  static final int MOST_PASSED_OVER = 1_000;

  static final Lineage EMPTY =
      new Lineage(1, TreePMap.<Long, Known>empty(), TreePMap.<Long, Judgement>empty(), Map.of());

  /**
   * A checkpoint of the line.
   *
   * @param evaluated whether its step was evaluated, sampled or not
   * @param sampling whether it was sampled
   */
  public record Known(Checkpoint checkpoint, boolean evaluated, Sampling sampling) {
    /** Whether a checkpoint was sampled. */
    public enum Sampling {
      UNDECIDED,
      /** Not, for its nearness to another one; it could be. */
      LEFT_OUT,
      BEGUN
    }

    Known whenEvaluated() {
      return new Known(checkpoint, true, sampling);
    }

    Known when(Sampling newSampling) {
      return new Known(checkpoint, evaluated, newSampling);
    }

    private String path() {
      return checkpoint.path();
    }
  }

  /** What a judged checkpoint left behind. */
  public record Judgement(DetectorStates states, Progress progress) {}

  /** An incomplete file: the highest step that was known when it was first met. */
  public record PassedOver(@Nullable Long lastKnown) {
    boolean wasAheadAt(long step) {
      return lastKnown == null || lastKnown < step;
    }
  }

  public Lineage {
    known = persistent(known);
    judged = persistent(judged);
    passedOver = Collections.unmodifiableMap(passedOver);
  }

  private static <V> TreePMap<Long, V> persistent(NavigableMap<Long, V> map) {
    return map instanceof TreePMap<Long, V> already ? already : TreePMap.fromSortedMap(map);
  }

  /** Step of the last checkpoint that the detectors saw, or null. */
  @Nullable Long judgedStep() {
    return judged.isEmpty() ? null : judged.lastKey();
  }

  /** The last judged step below one, or null. */
  @Nullable Long judgedBefore(long step) {
    return judged.lowerKey(step);
  }

  /** The checkpoint of a step of this line; null where there is none. */
  @Nullable Checkpoint checkpointAt(@Nullable Long step) {
    Known found = step == null ? null : known.get(step);
    return found == null ? null : found.checkpoint();
  }

  /** The detectors' states after the last judged checkpoint. */
  DetectorStates detectors() {
    return judged.isEmpty() ? DetectorStates.INITIAL : judged.lastEntry().getValue().states();
  }

  /** What the verdict rests on, by step. */
  List<Progress> history() {
    return judged.values().stream().map(Judgement::progress).toList();
  }

  /**
   * Why a checkpoint that was not known before begins a new attempt; null where it does not.
   *
   * @param passedOverAs another path under which it was passed over before, or null
   */
  @Nullable String resumption(Checkpoint checkpoint, @Nullable String passedOverAs) {
    Long step = checkpoint.step();
    if (step == null || known.isEmpty() || step > known.lastKey()) {
      return null;
    }
    Known before = known.get(step);
    boolean again = before != null && before.path().equals(checkpoint.path());
    boolean writtenAgain = before != null && again && before.evaluated;
    NavigableMap<Long, Known> above = known.tailMap(step, false);
    Integer age = above.isEmpty() ? null : age(checkpoint.modified(), above);
    if (writtenAgain && (age == null || age >= 0)) {
      return "step %d was written again".formatted(step);
    }
    boolean late =
        !again && (wasMetBefore(checkpoint.path(), step) || wasMetBefore(passedOverAs, step));
    if (!writtenAgain && !late && age != null && age > 0) {
      return "step %d was written after step %d".formatted(step, known.lastKey());
    }
    return null;
  }

  /** Whether this content is known under its step. */
  boolean holds(Checkpoint checkpoint) {
    Known found = checkpoint.step() == null ? null : known.get(checkpoint.step());
    return found != null
        && found.path().equals(checkpoint.path())
        && Objects.equals(found.checkpoint.modified(), checkpoint.modified());
  }

  private boolean wasMetBefore(@Nullable String path, long step) {
    PassedOver met = path == null ? null : passedOver.get(path);
    return met != null && met.wasAheadAt(step);
  }

  /** Above 0 where younger than all others, 0 where as young as the youngest; null: not known. */
  private static @Nullable Integer age(
      @Nullable Instant modified, NavigableMap<Long, Known> others) {
    if (modified == null) {
      return null;
    }
    Instant youngest = Instant.MIN;
    for (Known other : others.values()) {
      Instant time = other.checkpoint.modified();
      if (time == null) {
        return null;
      }
      youngest = time.isAfter(youngest) ? time : youngest;
    }
    return modified.compareTo(youngest);
  }

  /** With a checkpoint that was found. The first path of a step stands for it. */
  Lineage withFound(Checkpoint checkpoint) {
    Map<String, PassedOver> waiting = passedOver;
    if (waiting.containsKey(checkpoint.path())) {
      waiting = new LinkedHashMap<>(passedOver);
      waiting.remove(checkpoint.path());
    }
    Long step = checkpoint.step();
    Known before = step == null ? null : known.get(step);
    if (step == null || (before != null && !before.path().equals(checkpoint.path()))) {
      return new Lineage(attempt, known, judged, waiting);
    }
    Known now = new Known(checkpoint, before != null && before.evaluated, Known.Sampling.UNDECIDED);
    return new Lineage(attempt, persistent(known).plus(step, now), judged, waiting);
  }

  /** With a file that is not complete; that it was met now is remembered until it is found. */
  Lineage withPassedOver(String path) {
    if (passedOver.containsKey(path)) {
      return this;
    }
    Map<String, PassedOver> longer = new LinkedHashMap<>(passedOver);
    if (longer.size() >= MOST_PASSED_OVER) {
      longer.remove(longer.keySet().iterator().next());
    }
    longer.put(path, new PassedOver(known.isEmpty() ? null : known.lastKey()));
    return new Lineage(attempt, known, judged, longer);
  }

  /** With a step that was evaluated, whether it was sampled or not. */
  Lineage withEvaluated(long step) {
    Known before = known.get(step);
    return before == null
        ? this
        : new Lineage(
            attempt, persistent(known).plus(step, before.whenEvaluated()), judged, passedOver);
  }

  /** With whether a checkpoint was sampled; of one that does not stand for its step no matter. */
  Lineage with(Checkpoint checkpoint, Known.Sampling sampling) {
    Long step = checkpoint.step();
    Known before = step == null ? null : known.get(step);
    if (step == null
        || before == null
        || !before.checkpoint.identity().equals(checkpoint.identity())) {
      return this;
    }
    return new Lineage(
        attempt, persistent(known).plus(step, before.when(sampling)), judged, passedOver);
  }

  /** The newest that was not sampled and could be; null where sampling one above it was begun. */
  @Nullable Checkpoint newestLeftOut() {
    for (Known last : known.descendingMap().values()) {
      if (last.sampling != Known.Sampling.UNDECIDED) {
        return last.sampling == Known.Sampling.LEFT_OUT ? last.checkpoint : null;
      }
    }
    return null;
  }

  /** Whether a step from one on and below another was evaluated. */
  boolean hasEvaluated(long from, long below) {
    return known.subMap(from, true, below, false).values().stream().anyMatch(Known::evaluated);
  }

  /** With what the detectors made of a step above all that they saw. */
  Lineage withJudged(long step, Judgement judgement) {
    return new Lineage(attempt, known, persistent(judged).plus(step, judgement), passedOver);
  }

  /** As it was before a step, under the number of the attempt that goes on from there. */
  Lineage resumed(int number, long fromStep) {
    return new Lineage(
        number,
        persistent(known).headMap(fromStep, false),
        persistent(judged).headMap(fromStep, false),
        passedOver);
  }
}
