package io.diffuscope.statistics;

import org.apache.commons.statistics.distribution.NormalDistribution;

/** The standard normal distribution: quantiles and tails. */
final class Normal {
  private static final NormalDistribution STANDARD = NormalDistribution.of(0, 1);

  /** Half-width of a 95 % interval in standard errors, 1.959964. */
  static final double Z95 = STANDARD.inverseSurvivalProbability(0.025);

  private Normal() {}

  /** P(Z >= z). */
  static double upperTail(double z) {
    return STANDARD.survivalProbability(z);
  }

  /** The z with P(Z >= z) = tail. */
  static double upperQuantile(double tail) {
    return STANDARD.inverseSurvivalProbability(tail);
  }
}
