package io.diffuscope.run;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What would become of checkpoints that trainings write at regular times, under a {@link Pace} and
 * with evaluations that take known times, one after the other on the device that they share.
 *
 * @param sampled how many would be sampled
 * @param lossesOnly of how many only the denoising losses would be measured
 * @param skipped how many would be evaluated not at all
 * @param lost of these: how many because too many waited, which no policy asks for
 * @param worstLag seconds from when a checkpoint can be evaluated to the end of its evaluation, the
 *     most over those that are evaluated; under the policy "latest" with a budget without a
 *     training's last checkpoint, which nothing overtakes while it waits for the end of a rest
 * @param busy share of the time that the device would be in use, the rest after the last evaluation
 *     included
 * @param demand device time that the policy asks for in the long run over the time there is for it;
 *     above 1 the lag grows, unless the policy passes over what is overtaken
 * @param keepsUp whether no checkpoint that the policy asks for is lost, and the lag does not grow
 */
public record PaceForecast(
    int sampled,
    int lossesOnly,
    int skipped,
    int lost,
    double worstLag,
    double busy,
    double demand,
    boolean keepsUp) {
  /** Sums of rounded seconds may pass the time there is by this much. */
  private static final double ROUNDING = 1e-9;

  /**
   * One training.
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

    double written(int checkpoint) {
      return checkpoint * interval;
    }
  }

  /**
   * Plays it through.
   *
   * @param trainings all runs that share the device
   * @param sampledSeconds what a sampled evaluation takes
   * @param lossesSeconds what the denoising losses alone take
   */
  public static PaceForecast of(
      Pace pace, List<Training> trainings, double sampledSeconds, double lossesSeconds) {
    Play play = new Play(pace, trainings, sampledSeconds, lossesSeconds);
    play.toEnd();
    int skipped = play.runs.stream().mapToInt(run -> run.skipped).sum();
    int lost = play.runs.stream().mapToInt(run -> run.lost).sum();
    double demand =
        trainings.stream()
            .mapToDouble(training -> demand(pace, training, sampledSeconds, lossesSeconds))
            .sum();
    return new PaceForecast(
        play.sampled,
        play.lossesOnly,
        skipped,
        lost,
        play.worstLag(),
        play.busy(),
        demand,
        lost == 0 && (pace.policy() == Pace.Policy.LATEST || demand <= 1 + ROUNDING));
  }

  /**
   * The device time that one training's checkpoints ask for over the time between them, where none
   * is passed over. Sampling becomes rarer with the steps, so the later half tells what stays.
   */
  private static double demand(
      Pace pace, Training training, double sampledSeconds, double lossesSeconds) {
    double perStretch =
        pace.policy() == Pace.Policy.EVERY
            ? Math.max(1, (double) pace.every() / training.spacing)
            : 1;
    Long lastSampled = null;
    double work = 0;
    int half = training.count / 2;
    for (int i = 0; i < training.count; i++) {
      long step = training.firstStep + Math.round(i * perStretch * training.spacing);
      boolean whole = pace.isDue(step, lastSampled);
      lastSampled = whole ? Long.valueOf(step) : lastSampled;
      if (i >= half) {
        work += whole ? sampledSeconds : lossesSeconds;
      }
    }
    Double budget = pace.budget();
    double time = (training.count - half) * perStretch * training.interval;
    return work / time / (budget == null ? 1 : budget);
  }

  /** What is known of one run while it is played. */
  private static final class Waiting {
    private final Pace pace;
    private final Training training;
    private final Deque<Integer> pending = new ArrayDeque<>();
    private int next;
    private @Nullable Long lastStretch;
    private @Nullable Long lastSampled;
    private int skipped;
    private int lost;

    Waiting(Pace pace, Training training) {
      this.pace = pace;
      this.training = training;
    }

    boolean isOver() {
      return next == training.count && pending.isEmpty();
    }

    /** When the next checkpoint is written; infinite after the last. */
    double nextWritten() {
      return next < training.count ? training.written(next) : Double.POSITIVE_INFINITY;
    }

    void admit(double now) {
      while (nextWritten() <= now) {
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
      boolean latest = pace.policy() == Pace.Policy.LATEST;
      while (pending.size() > (latest ? 1 : pace.mostPending())) {
        pending.removeFirst();
        skipped++;
        lost += latest ? 0 : 1;
      }
    }
  }

  private static final class Play {
    private final Pace pace;
    private final List<Waiting> runs;
    private final double sampledSeconds;
    private final double lossesSeconds;
    private double now;
    private double notBefore;
    private double used;
    private int sampled;
    private int lossesOnly;
    private double worstLag;
    private double lastLag;

    Play(Pace pace, List<Training> trainings, double sampledSeconds, double lossesSeconds) {
      this.pace = pace;
      this.runs = new ArrayList<>();
      trainings.forEach(training -> runs.add(new Waiting(pace, training)));
      this.sampledSeconds = sampledSeconds;
      this.lossesSeconds = lossesSeconds;
    }

    /** Runs take turns: the one after the last that has something goes next. */
    void toEnd() {
      int turn = 0;
      while (!runs.stream().allMatch(Waiting::isOver)) {
        runs.forEach(run -> run.admit(now));
        double coming = runs.stream().mapToDouble(Waiting::nextWritten).min().orElseThrow();
        int from = turn;
        Integer ready =
            IntStream.range(0, runs.size())
                .map(i -> (from + i) % runs.size())
                .filter(i -> !runs.get(i).pending.isEmpty())
                .boxed()
                .findFirst()
                .orElse(null);
        if (ready == null) {
          now = coming;
        } else if (now < notBefore) {
          // What is written meanwhile may overtake what waits.
          now = Math.min(notBefore, coming);
        } else {
          evaluate(runs.get(ready));
          turn = ready + 1;
        }
      }
    }

    double busy() {
      double written =
          runs.stream()
              .map(run -> run.training.count * run.training.interval)
              .max(Comparator.naturalOrder())
              .orElse(0.0);
      double whole = Math.max(Math.max(now, notBefore), written);
      return whole == 0 ? 0 : used / whole;
    }

    private void evaluate(Waiting run) {
      int checkpoint = run.pending.removeFirst();
      long step = run.training.step(checkpoint);
      boolean whole = pace.isDue(step, run.lastSampled);
      double seconds = whole ? sampledSeconds : lossesSeconds;
      if (whole) {
        run.lastSampled = step;
        sampled++;
      } else {
        lossesOnly++;
      }
      Double budget = pace.budget();
      notBefore = budget == null ? now : now + seconds / budget;
      now += seconds;
      used += seconds;
      double lag = now - run.training.written(checkpoint);
      boolean isLast = checkpoint == run.training.count - 1;
      if (isLast && budget != null && pace.policy() == Pace.Policy.LATEST) {
        lastLag = Math.max(lastLag, lag);
      } else {
        worstLag = Math.max(worstLag, lag);
      }
    }

    double worstLag() {
      return worstLag > 0 ? worstLag : lastLag;
    }
  }
}
