package io.diffuscope.run;

import org.jspecify.annotations.Nullable;

/**
 * Which checkpoints are evaluated, and how much of it, when training is faster than evaluation.
 *
 * @param policy which of those that were found
 * @param every distance of steps under {@link Policy#EVERY}; at least 1
 * @param mostPending most checkpoints that wait; beyond it the oldest is skipped, and counted
 * @param samplingGrowth a checkpoint is sampled when its step is at least this many times the step
 *     that was sampled last; of those between only the denoising losses are measured. 1: all are
 *     sampled
 * @param budget share of the device's time, above 0 and at most 1, that evaluation may take: then
 *     every checkpoint that is evaluated is sampled, and the next one begins when the share allows
 *     it; null: no bound
 */
public record Pace(
    Policy policy, long every, int mostPending, double samplingGrowth, @Nullable Double budget) {
  /**
   * Spacing of samplings where nobody says otherwise: about 16 samplings for each tenfold of steps.
   */
  public static final double SAMPLING_GROWTH = 1.15;

  /** Which checkpoints are evaluated. */
  public enum Policy {
    /** Every one, in order; the lag grows, and past the bound the oldest are skipped. */
    ALL,
    /** In order, the first one in each stretch of so many steps. */
    EVERY,
    /** The newest; those that it overtakes are skipped. */
    LATEST
  }

  /** Each checkpoint is sampled, in order, up to a number that waits. */
  public static Pace all(int mostPending) {
    return new Pace(Policy.ALL, 1, mostPending, 1, null);
  }

  public Pace {
    if (mostPending < 1) {
      throw new IllegalArgumentException("most-pending must be at least 1, not " + mostPending);
    }
    if (every < 1) {
      throw new IllegalArgumentException("every must be at least 1 step, not " + every);
    }
    if (!(samplingGrowth >= 1)) {
      throw new IllegalArgumentException(
          "sampling-growth must be at least 1, not " + samplingGrowth);
    }
    if (budget != null && !(budget > 0 && budget <= 1)) {
      throw new IllegalArgumentException(
          "the budget must be above 0 %% and at most 100 %%, not %s %%".formatted(budget * 100));
    }
  }

  /** The stretch of steps that a step lies in, of which one is evaluated under "every". */
  long stretch(long step) {
    return Math.floorDiv(step, every);
  }

  /**
   * Whether a step is to be sampled.
   *
   * @param lastSampled the step that was sampled last; null before the first
   */
  boolean isDue(long step, @Nullable Long lastSampled) {
    return budget != null
        || samplingGrowth == 1
        || lastSampled == null
        || step >= samplingGrowth * lastSampled;
  }

  /** The same under another policy. */
  public Pace withPolicy(Policy other) {
    return new Pace(other, every, mostPending, samplingGrowth, budget);
  }
}
