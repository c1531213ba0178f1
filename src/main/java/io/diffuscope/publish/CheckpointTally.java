package io.diffuscope.publish;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.checkpoint.Sighting;
import io.diffuscope.run.RunEvent;
import io.diffuscope.tensorfile.BadInputException;
import java.time.Instant;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The checkpoints of a run by what each one ended as, and where the others stand, folded from the
 * run's events. Every checkpoint is counted exactly once.
 *
 * <p>One that was found is known by its identity. What was passed over never was a checkpoint with
 * an identity and is known by its path; when it is found after all, it leaves its count. One that
 * ended, and is evaluated once more, is counted as what it ends as then; but what was evaluated
 * stays so.
 *
 * <p>At most {@value #REMEMBERED} that ended and as many paths are remembered one by one; older
 * ones stay counted, and one of them that comes back is counted again. Not thread-safe.
 */
public final class CheckpointTally {
  static final int REMEMBERED = 100_000;

  private final Map<String, Open> open = new LinkedHashMap<>();
  private final Map<String, End> ended;
  private final Map<String, End> passedOver;
  private final Set<String> evaluatedOnceMore = new HashSet<>();
  private final EnumMap<Outcome, Long> counts = new EnumMap<>(Outcome.class);
  private final Map<String, Long> skipped = new TreeMap<>();

  /** What a checkpoint ended as, or where it stands. */
  public enum Outcome {
    EVALUATED,
    /** By policy, or because the run ended. */
    SKIPPED,
    /** Its file went away before it was read. */
    VANISHED,
    /** It was never written to its end. */
    INCOMPLETE,
    /** It could not be read, or not be measured. */
    FAILED,
    WAITING,
    EVALUATING;

    /** The word used as a metric label. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * A checkpoint that was found and has not ended.
   *
   * @param step null where its name has none
   */
  public record Open(Instant foundAt, @Nullable Long step, boolean evaluating) {}

  private record End(Outcome outcome, @Nullable String skipReason) {
    static End of(Outcome outcome) {
      return new End(outcome, null);
    }
  }

  private CheckpointTally(int remembered) {
    this.ended = new Remembered(remembered);
    this.passedOver = new Remembered(remembered);
    for (Outcome outcome : Outcome.values()) {
      counts.put(outcome, 0L);
    }
  }

  public static CheckpointTally create() {
    return new CheckpointTally(REMEMBERED);
  }

  /** A tally that remembers fewer, for tests. */
  static CheckpointTally create(int remembered) {
    return new CheckpointTally(remembered);
  }

  /** Counts what an event says of a checkpoint. */
  public void add(RunEvent event) {
    switch (event) {
      case RunEvent.CheckpointFound e -> found(e);
      case RunEvent.EvaluationStarted e -> evaluating(e.checkpoint(), e.at());
      case RunEvent.EvaluationCompleted e -> end(e.checkpoint(), End.of(Outcome.EVALUATED));
      case RunEvent.EvaluationFailed e ->
          end(
              e.checkpoint(),
              End.of(
                  e.reason().equals(BadInputException.Reason.VANISHED.label())
                      ? Outcome.VANISHED
                      : Outcome.FAILED));
      case RunEvent.EvaluationPostponed e -> open(e.checkpoint(), e.at(), false);
      case RunEvent.CheckpointSkipped e ->
          end(e.checkpoint(), new End(Outcome.SKIPPED, MetricCatalogue.reasonLabel(e.reason())));
      case RunEvent.CheckpointPassedOver e ->
          replace(passedOver, e.path(), End.of(outcomeOf(e.reason())));
      case RunEvent.RunStarted e -> {}
      case RunEvent.RunResumed e -> nothingUnderWay();
      case RunEvent.AttemptStarted e -> {}
      case RunEvent.FlagChanged e -> {}
      case RunEvent.VerdictChanged e -> {}
      case RunEvent.RunEnded e -> {}
    }
  }

  /** How many are counted so. */
  public long count(Outcome outcome) {
    return counts.getOrDefault(outcome, 0L);
  }

  /** All of them, each one once. */
  public long total() {
    return counts.values().stream().mapToLong(Long::longValue).sum();
  }

  /** Those that were skipped, by reason. */
  public Map<String, Long> skippedByReason() {
    Map<String, Long> some = new TreeMap<>(skipped);
    some.values().removeIf(count -> count == 0);
    return some;
  }

  /** Whether it was evaluated before, and is under evaluation, or waits, once more. */
  public boolean isEvaluatedOnceMore(Checkpoint checkpoint) {
    return evaluatedOnceMore.contains(checkpoint.identity());
  }

  /** Of those that wait or are being evaluated, the one that was found first. */
  public Optional<Open> oldest() {
    return open.values().stream().min(Comparator.comparing(Open::foundAt));
  }

  /** Of those that wait, the one that was found first; what is being evaluated waits no more. */
  public Optional<Open> oldestWaiting() {
    return open.values().stream()
        .filter(checkpoint -> !checkpoint.evaluating)
        .min(Comparator.comparing(Open::foundAt));
  }

  private void found(RunEvent.CheckpointFound event) {
    Checkpoint checkpoint = event.checkpoint();
    wasPassedOver(checkpoint.path());
    if (event.passedOverAs() != null) {
      wasPassedOver(event.passedOverAs());
    }
    if (!ended.containsKey(checkpoint.identity())) {
      open(checkpoint, event.at(), false);
    }
  }

  private void wasPassedOver(String path) {
    End before = passedOver.remove(path);
    if (before != null) {
      change(before, -1);
    }
  }

  /** Also one that had ended, where it is evaluated once more. */
  private void evaluating(Checkpoint checkpoint, Instant at) {
    End before = ended.remove(checkpoint.identity());
    if (before != null) {
      change(before, -1);
      if (before.outcome == Outcome.EVALUATED) {
        evaluatedOnceMore.add(checkpoint.identity());
      }
    }
    open(checkpoint, at, true);
  }

  /** What was being evaluated when the program was stopped waits again. */
  private void nothingUnderWay() {
    open.replaceAll(
        (identity, before) -> {
          change(standing(before), -1);
          Open now = new Open(before.foundAt, before.step, false);
          change(standing(now), 1);
          return now;
        });
  }

  private void open(Checkpoint checkpoint, Instant at, boolean evaluating) {
    Open before = open.get(checkpoint.identity());
    if (before != null) {
      change(standing(before), -1);
    }
    Open now = new Open(before == null ? at : before.foundAt, checkpoint.step(), evaluating);
    open.put(checkpoint.identity(), now);
    change(standing(now), 1);
  }

  private void end(Checkpoint checkpoint, End end) {
    Open before = open.remove(checkpoint.identity());
    if (before != null) {
      change(standing(before), -1);
    }
    boolean wasEvaluated = evaluatedOnceMore.remove(checkpoint.identity());
    replace(ended, checkpoint.identity(), wasEvaluated ? End.of(Outcome.EVALUATED) : end);
  }

  private void replace(Map<String, End> ends, String key, End end) {
    End before = ends.put(key, end);
    if (before != null) {
      change(before, -1);
    }
    change(end, 1);
  }

  private static Outcome outcomeOf(String passedOver) {
    if (passedOver.equals(Sighting.Reason.INCOMPLETE.label())) {
      return Outcome.INCOMPLETE;
    }
    return passedOver.equals(Sighting.Reason.VANISHED.label()) ? Outcome.VANISHED : Outcome.FAILED;
  }

  private static Outcome standing(Open checkpoint) {
    return checkpoint.evaluating ? Outcome.EVALUATING : Outcome.WAITING;
  }

  private void change(End end, long by) {
    change(end.outcome, by);
    if (end.skipReason != null) {
      skipped.merge(end.skipReason, by, Long::sum);
    }
  }

  private void change(Outcome outcome, long by) {
    counts.merge(outcome, by, Long::sum);
  }

  /** The latest; the eldest is forgotten beyond the bound. */
  private static final class Remembered extends LinkedHashMap<String, End> {
    private static final long serialVersionUID = 1;
    private final int most;

    Remembered(int most) {
      this.most = most;
    }

    @Override
    protected boolean removeEldestEntry(Map.Entry<String, End> eldest) {
      return size() > most;
    }
  }
}
