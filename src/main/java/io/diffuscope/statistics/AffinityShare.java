package io.diffuscope.statistics;

/**
 * The share of samples nearest to training points, with both of its variances; see {@link
 * TrainAffinityTest} for the formulas.
 *
 * @param value A
 * @param clipped A moved into [1/2M, 1 - 1/2M], where its logit exists
 * @param logitVariance V
 * @param relabellingDeviation standard deviation of A under relabelling
 * @param effectiveNeighbours 1 / sum h_j^2
 * @param samples M
 */
record AffinityShare(
    double value,
    double clipped,
    double logitVariance,
    double relabellingDeviation,
    double effectiveNeighbours,
    long samples) {

  static AffinityShare of(AffinityCounts counts) {
    double samples = counts.samples();
    int trainSize = counts.trainSize();
    int holdoutSize = counts.holdoutSize();
    double trainSum = 0;
    double trainSquares = 0;
    for (int j = 0; j < trainSize; j++) {
      double hits = counts.trainHits(j);
      trainSum += hits;
      trainSquares += hits * hits;
    }
    double holdoutSum = 0;
    double holdoutSquares = 0;
    for (int j = 0; j < holdoutSize; j++) {
      double hits = counts.holdoutHits(j);
      holdoutSum += hits;
      holdoutSquares += hits * hits;
    }
    // Both sums are the samples; dividing by their sum keeps a perfect copier at exactly 1.
    double value = trainSum / (trainSum + holdoutSum);
    double clipped = Math.clamp(value, 1 / (2 * samples), 1 - 1 / (2 * samples));
    double concentration = (trainSquares + holdoutSquares) / (samples * samples);
    double variance =
        sideVariance(trainSum, trainSquares, trainSize)
            + sideVariance(holdoutSum, holdoutSquares, holdoutSize);
    double pool = (double) trainSize + holdoutSize;
    double part = counts.trainPart();
    return new AffinityShare(
        value,
        clipped,
        Math.max(variance, 1 / (samples * clipped * (1 - clipped))),
        Math.sqrt(Math.max(0, part * (1 - part) * pool / (pool - 1) * (concentration - 1 / pool))),
        1 / concentration,
        counts.samples());
  }

  /** One side's part of V; a side without hits counts as if one point had them all. */
  private static double sideVariance(double sum, double squares, int size) {
    double concentration = sum == 0 ? 1 : squares / (sum * sum);
    return size / (size - 1.0) * (concentration - 1.0 / size);
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
