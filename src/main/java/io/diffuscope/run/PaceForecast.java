package io.diffuscope.run;

import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * What would become of checkpoints that a training writes at regular times, under a {@link Pace}
 * and with evaluations that take known times.
 *
 * @param sampled how many would be sampled
 * @param lossesOnly of how many only the denoising losses would be measured
 * @param skipped how many would be evaluated not at all
 * @param worstLag seconds from a checkpoint's writing to the end of its evaluation, the most over
 *     those that are evaluated
 * @param lastLag the same of the last one that is evaluated
 * @param busy share of the time that the device would be in use
 */
public record PaceForecast(
    int sampled, int lossesOnly, int skipped, double worstLag, double lastLag, double busy) {
  /**
   * The training.
   *
   * @param firstStep step of the first checkpoint
   * @param spacing steps from one checkpoint to the next
   * @param interval seconds from one checkpoint to the next
   * @param count number of checkpoints
   */
  public record Training(long firstStep, long spacing, double interval, int count) {
    long step(int checkpoint) {
      return firstStep + checkpoint * spacing;
    }
  }

  /**
   * Plays it through.
   *
   * @param sampledSeconds what a sampled evaluation takes
   * @param lossesSeconds what the denoising losses alone take
   */
  public static PaceForecast of(
      Pace pace, Training training, double sampledSeconds, double lossesSeconds) {
    return new Play(pace, training, sampledSeconds, lossesSeconds).end();
  }

  /** Whether no checkpoint that the policy asks for is lost, and the lag does not grow. */
  public boolean keepsUp(Training training, double sampledSeconds) {
    return lastLag <= training.interval + 2 * sampledSeconds;
  }

  private static final class Play {
    private final Pace pace;
    private final Training training;
    private final double sampledSeconds;
    private final double lossesSeconds;
    private final Deque<Integer> pending = new ArrayDeque<>();
    private int next;
    private double now;
    private double notBefore;
    private double used;
    private @Nullable Long lastStretch;
    private @Nullable Long lastSampled;
    private int sampled;
    private int lossesOnly;
    private int skipped;
    private double worstLag;
    private double lastLag;

    Play(Pace pace, Training training, double sampledSeconds, double lossesSeconds) {
      this.pace = pace;
      this.training = training;
      this.sampledSeconds = sampledSeconds;
      this.lossesSeconds = lossesSeconds;
    }

    PaceForecast end() {
      while (true) {
        admit();
        if (now < notBefore && (next < training.count || !pending.isEmpty())) {
          // What is written meanwhile may overtake what waits.
          now = next < training.count ? Math.min(notBefore, written(next)) : notBefore;
        } else if (!pending.isEmpty()) {
          evaluate(pending.removeFirst());
        } else if (next < training.count) {
          now = written(next);
        } else {
          double whole = Math.max(now, training.count * training.interval);
          return new PaceForecast(
              sampled, lossesOnly, skipped, worstLag, lastLag, whole == 0 ? 0 : used / whole);
        }
      }
    }

    private double written(int checkpoint) {
      return checkpoint * training.interval;
    }

    private void admit() {
      while (next < training.count && written(next) <= now) {
        int checkpoint = next++;
        if (pace.policy() == Pace.Policy.EVERY) {
          Long stretch = pace.stretch(training.step(checkpoint));
          if (stretch.equals(lastStretch)) {
            skipped++;
            continue;
          }
          lastStretch = stretch;
        }
        pending.addLast(checkpoint);
      }
      int most = pace.policy() == Pace.Policy.LATEST ? 1 : pace.mostPending();
      while (pending.size() > most) {
        pending.removeFirst();
        skipped++;
      }
    }

    private void evaluate(int checkpoint) {
      long step = training.step(checkpoint);
      boolean whole = pace.isDue(step, lastSampled);
      double seconds = whole ? sampledSeconds : lossesSeconds;
      if (whole) {
        lastSampled = step;
        sampled++;
      } else {
        lossesOnly++;
      }
      Double budget = pace.budget();
      notBefore = budget == null ? now : now + seconds / budget;
      now += seconds;
      used += seconds;
      lastLag = now - written(checkpoint);
      worstLag = Math.max(worstLag, lastLag);
    }
  }
}
