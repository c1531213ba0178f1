package io.diffuscope.statistics;

import java.util.function.IntFunction;
import java.util.stream.IntStream;

/** How often a 95 % interval holds the truth, over repetitions with seeds of their own. */
final class Coverage {
  private Coverage() {}

  static double of(int repetitions, double truth, IntFunction<Estimate> draw) {
    long covered =
        IntStream.range(0, repetitions)
            .parallel()
            .mapToObj(draw)
            .filter(e -> e.lower() <= truth && truth <= e.upper())
            .count();
    return (double) covered / repetitions;
  }
}
