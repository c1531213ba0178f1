package io.diffuscope.cli;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.run.TrialFold;
import io.diffuscope.run.TrialUnits;
import io.diffuscope.sampling.EvaluationCost;
import io.diffuscope.sampling.ProbeDevice;
import io.diffuscope.tensorfile.BadInputException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whole evaluations of found checkpoints, where they are short enough to be made for a plan: the
 * same blocks and the same signals as in a run. Several, because what folding takes depends on what
 * a checkpoint shows.
 *
 * @param costs of each
 */
record TrialEvaluations(List<EvaluationCost> costs) {
  private static final Logger LOG = LoggerFactory.getLogger(TrialEvaluations.class);

  /** Seconds that all trials may take together. */
  private static final double LIMIT = 8;

  /** What takes longer is not tried: beside it folding does not count. */
  private static final double LONGEST = 1;

  /** Fewer say little: another program may have had the processor. */
  private static final int FEWEST = 3;

  /** Sixths of the way from the newest to the oldest: those before the time is up lie apart. */
  private static final List<Integer> SPREAD = List.of(0, 6, 3, 1, 5, 2, 4);

  private static final int WARMING = 2;

  /** Whether there are enough of them to go by. */
  boolean areEnough() {
    return costs.size() >= FEWEST;
  }

  /** Whether evaluations of this cost are tried. */
  static boolean areShortEnough(EvaluationCost expected) {
    return expected.sampled() <= LONGEST;
  }

  /**
   * Evaluates some checkpoints between the oldest and the newest; those that cannot be evaluated
   * now, because they are being written, were rotated away, or diverged, do not count.
   *
   * @param device whose geometry is in use
   * @param newestFirst at least one
   */
  static TrialEvaluations of(
      ProbeDevice device, TrialUnits units, TrialFold fold, List<Checkpoint> newestFirst) {
    long start = System.nanoTime();
    List<EvaluationCost> costs = new ArrayList<>();
    int trial = 0;
    for (Checkpoint checkpoint : chosen(newestFirst)) {
      if (costs.isEmpty() || (System.nanoTime() - start) * 1e-9 < LIMIT) {
        try {
          EvaluationCost cost = evaluate(device, units, fold, checkpoint, trial);
          // The first ones fill what a device keeps, and Java compiles its code.
          if (trial++ >= WARMING) {
            costs.add(cost);
          }
        } catch (BadInputException gone) {
          LOG.debug("{} is not tried: {}", checkpoint.name(), gone.getMessage());
        }
      }
    }
    return new TrialEvaluations(List.copyOf(costs));
  }

  /** The newest for warming up, then some spread evenly over all. */
  private static List<Checkpoint> chosen(List<Checkpoint> newestFirst) {
    List<Checkpoint> chosen = new ArrayList<>();
    for (int i = 0; i < WARMING; i++) {
      chosen.add(newestFirst.getFirst());
    }
    int last = newestFirst.size() - 1;
    for (int i : SPREAD) {
      chosen.add(newestFirst.get((int) ((long) i * last / (SPREAD.size() - 1))));
    }
    return chosen;
  }

  private static EvaluationCost evaluate(
      ProbeDevice device, TrialUnits units, TrialFold fold, Checkpoint checkpoint, int trial)
      throws BadInputException {
    long start = System.nanoTime();
    // An identity of its own, so that the weights are loaded in any case.
    device.useCheckpoint("trial %d".formatted(trial), checkpoint.weights());
    double loading = (System.nanoTime() - start) * 1e-9;
    TrialUnits.Done done = units.all(device, checkpoint);
    TrialFold.Seconds folding = fold.time(done.observations());
    return EvaluationCost.ofDevice(loading, done.sampling(), done.losses())
        .withOthers(done.others())
        .withFolding(folding.sampled(), folding.lossesOnly());
  }

  private List<EvaluationCost> ascending() {
    return costs.stream().sorted(Comparator.comparingDouble(EvaluationCost::sampled)).toList();
  }

  /** The one in the middle: an evaluation that was made. */
  EvaluationCost typical() {
    return ascending().get(costs.size() / 2);
  }

  double shortest() {
    return ascending().getFirst().sampled();
  }

  double longest() {
    return ascending().getLast().sampled();
  }
}
