package io.diffuscope.run;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.detect.Flag;
import io.diffuscope.detect.Verdict;
import java.time.Instant;
import java.util.Collections;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A run in a few words, from its events.
 *
 * @param displayName its name for people; its id where it never began
 * @param ended whether nothing was recorded after its end
 * @param evaluatedStep the highest step of the attempt under way, or that it goes on from, whose
 *     result was recorded; null: none
 * @param foundStep the highest step that the attempt under way has found; null: none
 * @param waiting checkpoints found and not yet dealt with, the one under evaluation among them
 * @param evaluated checkpoints that have a result; one that is evaluated once more is one
 * @param skipped checkpoints left out, and not evaluated after all
 * @param failed checkpoints that could not be evaluated
 * @param passedOver files that could not be taken, and were not found whole after all
 * @param verdict the verdict told last; null: none was
 * @param flags those that are up
 * @param first time of the first event
 * @param last latest time of an event
 */
public record RunSummary(
    String run,
    String displayName,
    boolean ended,
    @Nullable Long evaluatedStep,
    @Nullable Long foundStep,
    int waiting,
    int evaluated,
    int skipped,
    int failed,
    int passedOver,
    StepScale steps,
    @Nullable Verdict verdict,
    Set<Flag> flags,
    Instant first,
    Instant last) {
  public RunSummary {
    flags = Set.copyOf(flags);
  }

  /** Makes a summary of events as they come, in their order. */
  public static final class Fold implements Consumer<RunEvent> {
    private final String run;
    private String displayName;
    private boolean ended;
    private @Nullable Long foundStep;
    private StepScale steps = StepScale.UPDATES;
    private @Nullable Verdict verdict;
    private @Nullable Instant first;
    private Instant last = Instant.EPOCH;
    private final Set<Flag> flags = EnumSet.noneOf(Flag.class);
    private final TreeSet<Long> evaluatedSteps = new TreeSet<>();
    private final Set<String> waiting = new HashSet<>();
    private final Map<String, End> ends = new HashMap<>();
    private final Set<String> passedOver = new HashSet<>();

    /** What became of a checkpoint. */
    private enum End {
      EVALUATED,
      SKIPPED,
      FAILED
    }

    public Fold(String run) {
      this.run = run;
      this.displayName = run;
    }

    @Override
    public void accept(RunEvent event) {
      first = first == null ? event.at() : first;
      last = event.at().isAfter(last) ? event.at() : last;
      ended = event instanceof RunEvent.RunEnded;
      switch (event) {
        case RunEvent.RunStarted e -> {
          displayName = e.displayName();
          steps = e.steps();
        }
        case RunEvent.CheckpointFound e -> {
          waiting.add(e.checkpoint().identity());
          passedOver.remove(e.checkpoint().path());
          if (e.passedOverAs() != null) {
            passedOver.remove(e.passedOverAs());
          }
          Long step = e.checkpoint().step();
          if (step != null && (foundStep == null || step > foundStep)) {
            foundStep = step;
          }
        }
        case RunEvent.CheckpointPassedOver e -> passedOver.add(e.path());
        case RunEvent.EvaluationStarted e -> begun(e.checkpoint());
        case RunEvent.CheckpointSkipped e -> done(e.checkpoint(), End.SKIPPED);
        case RunEvent.EvaluationCompleted e -> {
          done(e.checkpoint(), End.EVALUATED);
          Long step = e.checkpoint().step();
          if (step != null && e.standing() != RunEvent.Standing.SUPERSEDED) {
            evaluatedSteps.add(step);
          }
        }
        case RunEvent.EvaluationFailed e -> done(e.checkpoint(), End.FAILED);
        case RunEvent.FlagChanged e -> {
          if (e.change().raised()) {
            flags.add(e.change().flag());
          } else {
            flags.remove(e.change().flag());
          }
        }
        case RunEvent.VerdictChanged e -> verdict = e.verdict();
        case RunEvent.RunEnded e -> verdict = e.verdict();
        case RunEvent.AttemptStarted e -> {
          foundStep = null;
          evaluatedSteps.tailSet(e.fromStep()).clear();
        }
        case RunEvent.RunResumed e -> {}
        case RunEvent.EvaluationPostponed e -> {}
      }
    }

    /** Also one that was skipped, where it is evaluated after all. */
    private void begun(Checkpoint checkpoint) {
      waiting.add(checkpoint.identity());
      ends.computeIfPresent(
          checkpoint.identity(), (identity, end) -> end == End.EVALUATED ? end : null);
    }

    /** What was evaluated stays so, whatever comes of it when it is evaluated once more. */
    private void done(Checkpoint checkpoint, End end) {
      waiting.remove(checkpoint.identity());
      ends.merge(
          checkpoint.identity(), end, (before, now) -> before == End.EVALUATED ? before : now);
    }

    private int count(End end) {
      return Collections.frequency(ends.values(), end);
    }

    /** The summary of what came; null where nothing did. */
    public @Nullable RunSummary summary() {
      return first == null
          ? null
          : new RunSummary(
              run,
              displayName,
              ended,
              evaluatedSteps.isEmpty() ? null : evaluatedSteps.last(),
              foundStep,
              waiting.size(),
              count(End.EVALUATED),
              count(End.SKIPPED),
              count(End.FAILED),
              passedOver.size(),
              steps,
              verdict,
              flags,
              first,
              last);
    }
  }
}
