package io.diffuscope.statistics;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;

/**
 * The permutation distribution of the hits on training points: N_t of the n pooled points are
 * called "train" at random, or as many of each stratum as it has. Points without hits never matter,
 * so only the others draw a label, one after the other from what is left in the urn (the sequential
 * form of the hypergeometric distribution).
 */
final class Relabelling {
  /** Hits of the points that have any, most first: the outcome is then settled early. */
  private final double[] weights;

  /** The stratum of each of them. */
  private final int[] strata;

  /** Sum of weights[i..]. */
  private final double[] remaining;

  private final double observed;

  /** By stratum: labels in the urn at the start of a draw. */
  private final int[] trainSizes;

  private final int[] poolSizes;

  /** By stratum: what a draw has left in the urn. */
  private final int[] train;

  private final int[] left;

  /** A point with hits. */
  private record Hit(double weight, int stratum) {}

  private Relabelling(List<Hit> hits, double observed, Strata strata) {
    this.weights = hits.stream().mapToDouble(Hit::weight).toArray();
    this.strata = hits.stream().mapToInt(Hit::stratum).toArray();
    this.remaining = new double[weights.length + 1];
    for (int i = weights.length - 1; i >= 0; i--) {
      remaining[i] = remaining[i + 1] + weights[i];
    }
    // Sums of the same hits in another order differ in the last digits: those are ties, which
    // count.
    this.observed = observed - 1e-9 * remaining[0];
    this.trainSizes = strata.train().stream().mapToInt(Integer::intValue).toArray();
    this.poolSizes = new int[trainSizes.length];
    for (int c = 0; c < poolSizes.length; c++) {
      poolSizes[c] = Math.addExact(trainSizes[c], strata.holdout().get(c));
    }
    this.train = trainSizes.clone();
    this.left = poolSizes.clone();
  }

  static Relabelling of(AffinityCounts counts) {
    List<Hit> hits = new ArrayList<>();
    double observed = 0;
    for (int j = 0; j < counts.trainSize(); j++) {
      double weight = counts.trainHits(j);
      observed += weight;
      add(hits, weight, counts.trainStratum(j));
    }
    for (int j = 0; j < counts.holdoutSize(); j++) {
      add(hits, counts.holdoutHits(j), counts.holdoutStratum(j));
    }
    hits.sort(Comparator.comparingDouble(Hit::weight).reversed());
    return new Relabelling(hits, observed, counts.strata());
  }

  private static void add(List<Hit> hits, double weight, int stratum) {
    if (weight > 0) {
      hits.add(new Hit(weight, stratum));
    }
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
    System.arraycopy(trainSizes, 0, train, 0, train.length);
    System.arraycopy(poolSizes, 0, left, 0, left.length);
    double hits = 0;
    for (int i = 0; i < weights.length; i++) {
      if (hits >= observed) {
        return true;
      }
      if (hits + remaining[i] < observed) {
        return false;
      }
      int stratum = strata[i];
      if (random.nextDouble() * left[stratum] < train[stratum]) {
        hits += weights[i];
        train[stratum]--;
      }
      left[stratum]--;
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
