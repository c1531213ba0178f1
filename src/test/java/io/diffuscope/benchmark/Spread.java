package io.diffuscope.benchmark;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * Repeated measurements of one thing: other programs on the machine disturb single ones, so that
 * only the middle one with the range around it says something.
 */
record Spread(List<Double> values) {
  Spread {
    values = List.copyOf(values);
    if (values.isEmpty()) {
      throw new IllegalArgumentException("nothing was measured");
    }
  }

  /** Two things that are measured one right after the other, again and again. */
  static final class Pairs {
    private final List<Clock> mine = new ArrayList<>();
    private final List<Clock> yardstick = new ArrayList<>();

    void add(Clock one, Clock other) {
      mine.add(one);
      yardstick.add(other);
    }

    Spread mine(ToDoubleFunction<Clock> reading) {
      return new Spread(mine.stream().map(reading::applyAsDouble).toList());
    }

    Spread yardstick(ToDoubleFunction<Clock> reading) {
      return new Spread(yardstick.stream().map(reading::applyAsDouble).toList());
    }

    /** Duration of the yardstick over duration of the other, pair by pair. */
    Spread share(ToDoubleFunction<Clock> reading) {
      return new Spread(
          IntStream.range(0, mine.size())
              .mapToObj(
                  i -> reading.applyAsDouble(yardstick.get(i)) / reading.applyAsDouble(mine.get(i)))
              .toList());
    }
  }

  double median() {
    List<Double> sorted = values.stream().sorted().toList();
    int half = sorted.size() / 2;
    return sorted.size() % 2 == 1
        ? sorted.get(half)
        : (sorted.get(half - 1) + sorted.get(half)) / 2;
  }

  /** Median and range, for example {@code 0.93 (0.90 to 0.95)}, with this many decimals. */
  String text(int decimals) {
    return number(median(), decimals)
        + " ("
        + number(values.stream().min(Double::compare).orElseThrow(), decimals)
        + " to "
        + number(values.stream().max(Double::compare).orElseThrow(), decimals)
        + ")";
  }

  private static String number(double value, int decimals) {
    return String.format(Locale.ROOT, "%." + decimals + "f", value);
  }
}
