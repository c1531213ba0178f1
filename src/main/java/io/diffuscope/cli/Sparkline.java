package io.diffuscope.cli;

import java.util.List;
import java.util.stream.DoubleStream;

/** A curve in one line of text. */
final class Sparkline {
  private static final String LEVELS = "▁▂▃▄▅▆▇█";

  private Sparkline() {}

  /**
   * One character a value, from the lowest to the highest of them; a flat curve stays at the
   * bottom, and a value that is no finite number is a gap.
   */
  static String of(List<Double> values) {
    double low = finite(values).min().orElse(0);
    double high = finite(values).max().orElse(0);
    StringBuilder line = new StringBuilder();
    for (double value : values) {
      if (!Double.isFinite(value)) {
        line.append(' ');
        continue;
      }
      double share = high > low ? (value - low) / (high - low) : 0;
      line.append(LEVELS.charAt((int) Math.round(share * (LEVELS.length() - 1))));
    }
    return line.toString();
  }

  /**
   * The same on a logarithmic scale, for what spans orders of magnitude. A zero, which has no
   * logarithm, is as low as the smallest number there is.
   */
  static String ofLogarithms(List<Double> values) {
    return of(values.stream().map(v -> Math.log(Math.max(v, Double.MIN_VALUE))).toList());
  }

  private static DoubleStream finite(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).filter(Double::isFinite);
  }
}
