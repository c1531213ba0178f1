package io.diffuscope.demo;

import java.util.ArrayList;
import java.util.List;

/**
 * The steps after which a checkpoint is written: evenly spaced in the logarithm of the step,
 * because a model changes most at the start, and always the last one.
 *
 * @param steps ascending, without repetition; the last element is the last step of the training
 */
public record CheckpointSchedule(List<Long> steps) {
  /** First checkpoint of the demo. */
  public static final long FIRST = 50;

  /** Ratio of successive steps of the demo: 34 checkpoints in 8,000 steps. */
  public static final double RATIO = 1.17;

  public CheckpointSchedule {
    steps = List.copyOf(steps);
    if (steps.isEmpty()) {
      throw new IllegalArgumentException("a schedule needs at least one step");
    }
  }

  /**
   * The steps {@code first * ratio^k}, rounded, below {@code last}, and {@code last} itself.
   *
   * @param last the last step of the training, at least 1
   * @throws IllegalArgumentException when a number is out of its range
   */
  public static CheckpointSchedule geometric(long first, double ratio, long last) {
    if (last < 1 || first < 1) {
      throw new IllegalArgumentException("the first and the last step are at least 1");
    }
    if (!(ratio > 1)) {
      throw new IllegalArgumentException("the ratio of successive checkpoints is above 1");
    }
    List<Long> steps = new ArrayList<>();
    double exact = first;
    long previous = 0;
    while (Math.round(exact) < last) {
      long step = Math.round(exact);
      if (step > previous) {
        steps.add(step);
        previous = step;
      }
      exact *= ratio;
    }
    steps.add(last);
    return new CheckpointSchedule(steps);
  }

  public long last() {
    return steps.getLast();
  }

  /** The file of a step, for example {@code step-000050.safetensors}. */
  public static String fileName(long step) {
    return "step-%06d.safetensors".formatted(step);
  }
}
