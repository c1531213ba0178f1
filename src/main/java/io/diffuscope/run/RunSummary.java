package io.diffuscope.run;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.detect.Flag;
import io.diffuscope.detect.Verdict;
import java.time.Instant;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A run in a few words, from its events.
 *
 * @param displayName its name for people; its id where it never began
 * @param ended whether nothing was recorded after its end
 * @param evaluatedStep the last step whose result was recorded; null: none
 * @param foundStep the highest step that was found; null: none
 * @param waiting checkpoints found and not yet dealt with
 * @param verdict the verdict told last; null: none was
 * @param flags those that are up
 * @param first time of the first event
 * @param last time of the last event
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
    private @Nullable Long evaluatedStep;
    private @Nullable Long foundStep;
    private int evaluated;
    private int skipped;
    private int failed;
    private StepScale steps = StepScale.UPDATES;
    private @Nullable Verdict verdict;
    private @Nullable Instant first;
    private Instant last = Instant.EPOCH;
    private final Set<Flag> flags = EnumSet.noneOf(Flag.class);
    private final Set<String> waiting = new HashSet<>();

    public Fold(String run) {
      this.run = run;
      this.displayName = run;
    }

    @Override
    public void accept(RunEvent event) {
      first = first == null ? event.at() : first;
      last = event.at();
      ended = event instanceof RunEvent.RunEnded;
      switch (event) {
        case RunEvent.RunStarted e -> {
          displayName = e.displayName();
          steps = e.steps();
        }
        case RunEvent.CheckpointFound e -> {
          waiting.add(e.checkpoint().identity());
          Long step = e.checkpoint().step();
          if (step != null && (foundStep == null || step > foundStep)) {
            foundStep = step;
          }
        }
        case RunEvent.CheckpointSkipped e -> {
          skipped++;
          done(e.checkpoint());
        }
        case RunEvent.EvaluationCompleted e -> {
          evaluated++;
          done(e.checkpoint());
          evaluatedStep = e.checkpoint().step() == null ? evaluatedStep : e.checkpoint().step();
        }
        case RunEvent.EvaluationFailed e -> {
          failed++;
          done(e.checkpoint());
        }
        case RunEvent.FlagChanged e -> {
          if (e.change().raised()) {
            flags.add(e.change().flag());
          } else {
            flags.remove(e.change().flag());
          }
        }
        case RunEvent.VerdictChanged e -> verdict = e.verdict();
        case RunEvent.RunEnded e -> verdict = e.verdict();
        // The steps that it supersedes are no longer ahead.
        case RunEvent.AttemptStarted e -> foundStep = null;
        case RunEvent.RunResumed e -> {}
        case RunEvent.CheckpointPassedOver e -> {}
        case RunEvent.EvaluationStarted e -> {}
        case RunEvent.EvaluationPostponed e -> {}
      }
    }

    private void done(Checkpoint checkpoint) {
      waiting.remove(checkpoint.identity());
    }

    /** The summary of what came; null where nothing did. */
    public @Nullable RunSummary summary() {
      return first == null
          ? null
          : new RunSummary(
              run,
              displayName,
              ended,
              evaluatedStep,
              foundStep,
              waiting.size(),
              evaluated,
              skipped,
              failed,
              steps,
              verdict,
              flags,
              first,
              last);
    }
  }
}
