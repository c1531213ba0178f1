package io.diffuscope.run;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.run.RunState.Candidate;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Which checkpoints are near enough to others that less, or nothing, is measured of them. Pure.
 *
 * @param finalStep the training's last step, where a person told; null otherwise
 * @param noMoreCome whether it is known that no more checkpoints will be found
 */
record Spacing(Pace pace, @Nullable Long finalStep, boolean noMoreCome) {
  private static final Comparator<Candidate> BY_STEP =
      Comparator.comparing(
          candidate -> candidate.checkpoint().step(),
          Comparator.nullsFirst(Comparator.naturalOrder()));

  Spacing draining() {
    return new Spacing(pace, finalStep, true);
  }

  /**
   * Under the policy "every": who goes because a checkpoint was found. Of each stretch of steps one
   * stays: that which was evaluated, or is being evaluated; else the lowest that waits.
   */
  List<Candidate> tooClose(RunState state, Checkpoint found) {
    Long step = found.step();
    if (pace.policy() != Pace.Policy.EVERY || step == null) {
      return List.of();
    }
    long stretch = pace.stretch(step);
    List<Candidate> waiting =
        state.pending().stream().filter(candidate -> isIn(candidate, stretch)).toList();
    Candidate current = state.evaluating();
    if ((current != null && isIn(current, stretch)) || wasEvaluated(state, stretch)) {
      return waiting;
    }
    return waiting.stream().sorted(BY_STEP).skip(1).toList();
  }

  private boolean isIn(Candidate candidate, long stretch) {
    Long step = candidate.checkpoint().step();
    return step != null && !candidate.superseded() && pace.stretch(step) == stretch;
  }

  private boolean wasEvaluated(RunState state, long stretch) {
    long from = stretch * pace.every();
    long below = from > Long.MAX_VALUE - pace.every() ? Long.MAX_VALUE : from + pace.every();
    return state.lineage().hasEvaluated(from, below);
  }

  /**
   * Whether an evaluation that begins now samples. The step that was sampled last is the last one
   * that was judged: an attempt that is resumed goes back to it, and a failure is none.
   */
  boolean isSampled(RunState state, Candidate candidate) {
    Long step = candidate.checkpoint().step();
    Long last = state.lineage().judgedStep();
    if (step == null || last == null) {
      return true;
    }
    return pace.isDue(step, last) || isLast(state, candidate, step, last);
  }

  private boolean isLast(RunState state, Candidate candidate, long step, long last) {
    if (candidate.superseded() || step <= last) {
      return false;
    }
    boolean isFinal = finalStep != null && step >= finalStep;
    return isFinal || (noMoreCome && candidate.equals(highest(state.pending().stream())));
  }

  private static @Nullable Candidate highest(Stream<Candidate> waiting) {
    return waiting.filter(candidate -> !candidate.superseded()).max(BY_STEP).orElse(null);
  }
}
