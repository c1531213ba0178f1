package io.diffuscope.statistics;

import java.util.Optional;
import org.apache.commons.statistics.inference.MannWhitneyUTest;

/**
 * Area under the receiver operating characteristic: the probability that a positive has a higher
 * score than a negative, ties counted half. It is Mann and Whitney's U over m n.
 *
 * <p>The interval is Newcombe's method 5 (2006, Statistics in Medicine 25, 559-573): the areas A
 * that solve |a - A| {@literal <=} z sqrt(V(A)) with Hanley and McNeil's variance, V(A) = A (1 - A)
 * [1 + N* (1 - A)/(2 - A) + N* A/(1 + A)] / (m n), N* = (m + n)/2 - 1. In this project's
 * simulations it covers .94 to .99 where DeLong's covers .31 to .86 with few positives.
 */
public final class Auroc {
  /** Positives, and negatives, below which there is no estimate. */
  public static final int FEWEST = 10;

  /** Halvings of an interval of length one: beyond the digits of a double. */
  private static final int HALVINGS = 60;

  private Auroc() {}

  /**
   * The area for these scores.
   *
   * @param positives scores of what should score high, {@code [m]}
   * @param negatives scores of the rest, {@code [n]}
   * @return the area, its standard error sqrt(V(a)), the 95 % interval and m + n samples; empty
   *     where either side has fewer than {@link #FEWEST}
   * @throws IllegalArgumentException if a score is NaN
   */
  public static Optional<Estimate> of(double[] positives, double[] negatives) {
    if (positives.length < FEWEST || negatives.length < FEWEST) {
      return Optional.empty();
    }
    double u =
        MannWhitneyUTest.withDefaults()
            .statistic(Ranks.oneZero(positives), Ranks.oneZero(negatives));
    double pairs = (double) positives.length * negatives.length;
    return Optional.of(estimate(u / pairs, positives.length, negatives.length));
  }

  /** Newcombe's method 5 around an area. */
  static Estimate estimate(double area, int positives, int negatives) {
    return new Estimate(
        area,
        Math.sqrt(variance(area, positives, negatives)),
        end(area, 0, positives, negatives),
        end(area, 1, positives, negatives),
        (long) positives + negatives);
  }

  /** Halves the stretch from the area to an end of [0, 1]: inside the interval, outside it. */
  private static double end(double area, double limit, int positives, int negatives) {
    double inside = area;
    double outside = limit;
    for (int i = 0; i < HALVINGS; i++) {
      double middle = (inside + outside) / 2;
      double distance = (area - middle) * (area - middle);
      double allowed = Normal.Z95 * Normal.Z95 * variance(middle, positives, negatives);
      if (distance <= allowed) {
        inside = middle;
      } else {
        outside = middle;
      }
    }
    return inside;
  }

  private static double variance(double area, int positives, int negatives) {
    double star = (positives + (double) negatives) / 2 - 1;
    double bracket = 1 + star * (1 - area) / (2 - area) + star * area / (1 + area);
    return area * (1 - area) * bracket / ((double) positives * negatives);
  }
}
