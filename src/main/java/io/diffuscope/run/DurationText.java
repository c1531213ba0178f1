package io.diffuscope.run;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Durations in sentences for people: the largest two units, {@code 1 h 30 min}. */
public final class DurationText {
  private DurationText() {}

  /** What is below a millisecond is {@code 0 s}. */
  public static String of(Duration duration) {
    List<String> parts = new ArrayList<>();
    add(parts, duration.toDays(), "d");
    add(parts, duration.toHoursPart(), "h");
    add(parts, duration.toMinutesPart(), "min");
    add(parts, duration.toSecondsPart(), "s");
    add(parts, duration.toMillisPart(), "ms");
    return parts.isEmpty() ? "0 s" : String.join(" ", parts.subList(0, Math.min(2, parts.size())));
  }

  private static void add(List<String> parts, long count, String unit) {
    if (count > 0) {
      parts.add(count + " " + unit);
    }
  }
}
