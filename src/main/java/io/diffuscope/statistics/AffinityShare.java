package io.diffuscope.statistics;

import java.util.List;

/**
 * The share of samples nearest to training points, with both of its variances; see {@link
 * TrainAffinityTest} for the formulas.
 *
 * @param value A
 * @param expected E, the mean of A under relabelling: the share p of training points in the pool,
 *     or sum_c H_c p_c where the labels are exchangeable within strata only
 * @param clipped A moved into [1/2M, 1 - 1/2M], where its logit exists
 * @param logitVariance V
 * @param relabellingDeviation standard deviation of A under relabelling
 * @param effectiveNeighbours 1 / sum h_j^2
 * @param samples M
 */
record AffinityShare(
    double value,
    double expected,
    double clipped,
    double logitVariance,
    double relabellingDeviation,
    double effectiveNeighbours,
    long samples) {

  static AffinityShare of(AffinityCounts counts) {
    Strata strata = counts.strata();
    double samples = counts.samples();
    Hits train = new Hits(strata.count());
    for (int j = 0; j < counts.trainSize(); j++) {
      train.add(counts.trainStratum(j), counts.trainHits(j));
    }
    Hits holdout = new Hits(strata.count());
    for (int j = 0; j < counts.holdoutSize(); j++) {
      holdout.add(counts.holdoutStratum(j), counts.holdoutHits(j));
    }
    // Both sums are the samples; dividing by their sum keeps a perfect copier at exactly 1.
    double all = train.sum() + holdout.sum();
    double value = train.sum() / all;
    double clipped = Math.clamp(value, 1 / (2 * samples), 1 - 1 / (2 * samples));
    double expected = 0;
    double relabelling = 0;
    for (int c = 0; c < strata.count(); c++) {
      double units = (double) strata.train().get(c) + strata.holdout().get(c);
      double part = strata.trainPart(c);
      double hits = (train.sums[c] + holdout.sums[c]) / all;
      double squares = (train.squares[c] + holdout.squares[c]) / (all * all);
      expected += part * hits;
      if (units > 1) {
        relabelling +=
            part * (1 - part) * units / (units - 1) * Math.max(0, squares - hits * hits / units);
      }
    }
    double variance = train.logVariance(strata.train()) + holdout.logVariance(strata.holdout());
    return new AffinityShare(
        value,
        expected,
        clipped,
        Math.max(variance, 1 / (samples * clipped * (1 - clipped))),
        Math.sqrt(relabelling),
        all * all / (sum(train.squares) + sum(holdout.squares)),
        counts.samples());
  }

  /** Hits of one side, and their squares, by stratum. */
  private static final class Hits {
    private final double[] sums;
    private final double[] squares;

    Hits(int strata) {
      sums = new double[strata];
      squares = new double[strata];
    }

    void add(int stratum, double hits) {
      sums[stratum] += hits;
      squares[stratum] += hits * hits;
    }

    double sum() {
      return AffinityShare.sum(sums);
    }

    /**
     * The side's part of V. A side without hits counts as if one point had them all; so does a
     * stratum of one point, whose variance nothing tells.
     */
    double logVariance(List<Integer> sizes) {
      double total = sum();
      if (total == 0) {
        double size = sizes.stream().mapToDouble(Integer::doubleValue).sum();
        return size / (size - 1) * (1 - 1 / size);
      }
      double variance = 0;
      for (int c = 0; c < sums.length; c++) {
        double size = sizes.get(c);
        double hits = sums[c] / total;
        double concentration = squares[c] / (total * total);
        variance +=
            size > 1 ? size / (size - 1) * (concentration - hits * hits / size) : concentration;
      }
      return variance;
    }
  }

  private static double sum(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    return sum;
  }

  /** kappa = (A - E)/(1 - E), with E held fixed. */
  double excess(double share) {
    return expected == 1 ? 0 : (share - expected) / (1 - expected);
  }

  /** The estimate of kappa that goes with {@link #estimate()}. */
  Estimate excess() {
    Estimate share = estimate();
    return new Estimate(
        excess(share.value()),
        expected == 1 ? 0 : share.standardError() / (1 - expected),
        excess(share.lower()),
        excess(share.upper()),
        samples);
  }

  /** A with SE A(1-A) sqrt V and the 95 % logit interval. */
  Estimate estimate() {
    return new Estimate(
        value,
        clipped * (1 - clipped) * Math.sqrt(logitVariance),
        lower(Normal.Z95),
        upper(Normal.Z95),
        samples);
  }

  /** Lower end at z; never above A itself, which clipping moves by half a sample. */
  double lower(double z) {
    return Math.min(value, inverseLogit(logit(clipped) - z * Math.sqrt(logitVariance)));
  }

  /** Upper end at z; never below A itself. */
  double upper(double z) {
    return Math.max(value, inverseLogit(logit(clipped) + z * Math.sqrt(logitVariance)));
  }

  private static double logit(double share) {
    return Math.log(share / (1 - share));
  }

  private static double inverseLogit(double logit) {
    return 1 / (1 + Math.exp(-logit));
  }
}
