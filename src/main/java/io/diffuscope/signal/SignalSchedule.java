package io.diffuscope.signal;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which signals are measured, and at how many of the checkpoints that are sampled.
 *
 * <pre>{@code
 * SignalSchedule schedule = SignalSchedule.parse("spikiness=every 5, authenticity=on");
 * schedule.isDue("spikiness", 10); // true
 * }</pre>
 *
 * @param every by signal name: 1 for every checkpoint, k for every k-th, 0 for never; a signal that
 *     is not named is measured as the {@link SignalCatalogue} says
 */
public record SignalSchedule(Map<String, Integer> every) {
  /** What is measured where nothing is said. */
  public static final SignalSchedule DEFAULT = new SignalSchedule(Map.of());

  private static final Pattern EVERY = Pattern.compile("every\\s+([1-9][0-9]{0,8})");

  public SignalSchedule {
    every = Map.copyOf(every);
    every.forEach(
        (signal, k) -> {
          requireKnown(signal);
          if (k < 0) {
            throw new IllegalArgumentException(
                "signal %s at every %d-th checkpoint: must be at least 0 (0: never)"
                    .formatted(signal, k));
          }
        });
  }

  /**
   * Switches by signal name.
   *
   * @param words {@code on}, {@code off}, or {@code every k}, by name
   * @throws IllegalArgumentException naming the switch, and what it can be
   */
  public static SignalSchedule of(Map<String, String> words) {
    Map<String, Integer> every = new LinkedHashMap<>();
    words.forEach((signal, word) -> every.put(signal, everyOf(signal, word)));
    return new SignalSchedule(every);
  }

  /**
   * Switches as they are written on a command line, such as {@code spikiness=off,gl=every 5}; of
   * one that is named twice the last counts.
   *
   * @return the words by name
   * @throws IllegalArgumentException naming what cannot be read, and what it can be
   */
  public static Map<String, String> words(String text) {
    Map<String, String> words = new LinkedHashMap<>();
    for (String part : text.split(",", -1)) {
      int equals = part.indexOf('=');
      if (equals < 0) {
        throw new IllegalArgumentException(
            "\"%s\" switches no signal: give SIGNAL=on, SIGNAL=off or SIGNAL=every K"
                .formatted(part.strip()));
      }
      String signal = part.substring(0, equals).strip();
      String word = part.substring(equals + 1).strip();
      requireKnown(signal);
      everyOf(signal, word);
      words.put(signal, word);
    }
    return words;
  }

  private static int everyOf(String signal, String word) {
    String plain = word.strip();
    if (plain.equals("on") || plain.equals("off")) {
      return plain.equals("on") ? 1 : 0;
    }
    Matcher every = EVERY.matcher(plain);
    if (!every.matches()) {
      throw new IllegalArgumentException(
          "signal %s is \"%s\": give on, off, or every K, such as \"every 5\", for every K-th checkpoint that is sampled"
              .formatted(signal, plain));
    }
    return Integer.parseInt(every.group(1));
  }

  private static void requireKnown(String signal) {
    if (SignalCatalogue.find(signal).isEmpty()) {
      throw new IllegalArgumentException(
          "there is no signal \"%s\"; there are %s"
              .formatted(signal, String.join(", ", SignalCatalogue.names())));
    }
  }

  /**
   * Whether a signal is measured at a checkpoint.
   *
   * @param ordinal how many checkpoints of the run were sampled before
   */
  public boolean isDue(String signal, long ordinal) {
    int k = everyOf(signal);
    return k > 0 && ordinal % k == 0;
  }

  /** Whether a signal is measured at any checkpoint. */
  public boolean isOn(String signal) {
    return everyOf(signal) > 0;
  }

  /** Whether somebody asked for it, whatever is so by default. */
  public boolean isAskedFor(String signal) {
    return every.getOrDefault(signal, 0) > 0;
  }

  /** At every how many-th checkpoint a signal is measured; 0: never. */
  public int everyOf(String signal) {
    return every.getOrDefault(
        signal,
        SignalCatalogue.find(signal).map(SignalCatalogue::isOnByDefault).orElse(true) ? 1 : 0);
  }

  /** How a signal is switched, in the words that switch it. */
  public String word(String signal) {
    int k = everyOf(signal);
    return k == 0 ? "off" : k == 1 ? "on" : "every " + k;
  }
}
