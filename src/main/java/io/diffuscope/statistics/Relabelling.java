package io.diffuscope.statistics;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/**
 * The permutation distribution of the hits on training points: N_t of the n pooled points are
 * called "train" at random. Points without hits never matter, so only the others draw a label, one
 * after the other from what is left in the urn (the sequential form of the hypergeometric
 * distribution).
 */
final class Relabelling {
  /** Hits of the points that have any, most first: the outcome is then settled early. */
  private final double[] weights;

  /** Sum of weights[i..]. */
  private final double[] remaining;

  private final double observed;
  private final int trainSize;
  private final int poolSize;

  private Relabelling(double[] weights, double observed, int trainSize, int poolSize) {
    this.weights = weights;
    this.remaining = new double[weights.length + 1];
    for (int i = weights.length - 1; i >= 0; i--) {
      remaining[i] = remaining[i + 1] + weights[i];
    }
    // Sums of the same hits in another order differ in the last digits: those are ties, which
    // count.
    this.observed = observed - 1e-9 * remaining[0];
    this.trainSize = trainSize;
    this.poolSize = poolSize;
  }

  static Relabelling of(AffinityCounts counts) {
    double[] train =
        IntStream.range(0, counts.trainSize()).mapToDouble(counts::trainHits).toArray();
    double[] holdout =
        IntStream.range(0, counts.holdoutSize()).mapToDouble(counts::holdoutHits).toArray();
    double[] ascending =
        DoubleStream.concat(Arrays.stream(train), Arrays.stream(holdout))
            .filter(hits -> hits > 0)
            .sorted()
            .toArray();
    double[] descending = new double[ascending.length];
    for (int i = 0; i < descending.length; i++) {
      descending[i] = ascending[ascending.length - 1 - i];
    }
    return new Relabelling(
        descending,
        Arrays.stream(train).sum(),
        train.length,
        Math.addExact(train.length, holdout.length));
  }

  /** Draws until {@code most} relabellings, or {@code stop} at or above the observed hits. */
  Tally draw(int most, int stop, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int exceedances = 0;
    for (int drawn = 1; drawn <= most; drawn++) {
      if (exceeds(random) && ++exceedances == stop) {
        return new Tally(exceedances, drawn, true);
      }
    }
    return new Tally(exceedances, most, false);
  }

  private boolean exceeds(SplittableRandom random) {
    double hits = 0;
    int train = trainSize;
    int left = poolSize;
    for (int i = 0; i < weights.length; i++) {
      if (hits >= observed) {
        return true;
      }
      if (hits + remaining[i] < observed) {
        return false;
      }
      if (random.nextDouble() * left < train) {
        hits += weights[i];
        train--;
      }
      left--;
    }
    return hits >= observed;
  }

  /**
   * The outcome of drawing.
   *
   * @param exceedances relabellings at or above the observed value
   * @param drawn relabellings drawn
   * @param stopped whether drawing ended early, at the agreed number of exceedances
   */
  record Tally(int exceedances, int drawn, boolean stopped) {
    /** Besag and Clifford's p-value: valid, P(p {@literal <=} a) {@literal <=} a. */
    double pValue() {
      return stopped ? (double) exceedances / drawn : (exceedances + 1.0) / (drawn + 1.0);
    }
  }
}
