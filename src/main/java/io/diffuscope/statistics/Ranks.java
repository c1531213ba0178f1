package io.diffuscope.statistics;

import java.util.Arrays;
import org.apache.commons.statistics.ranking.NaturalRanking;
import org.apache.commons.statistics.ranking.TiesStrategy;

/** Ranks from 1, ties at their mean rank. */
final class Ranks {
  private Ranks() {}

  static double[] of(double[] values) {
    return new NaturalRanking(TiesStrategy.AVERAGE).apply(oneZero(values));
  }

  /** Minus zero becomes zero: the library ranks them apart, and they are equal. */
  static double[] oneZero(double[] values) {
    return Arrays.stream(values).map(x -> x + 0.0).toArray();
  }
}
