package io.diffuscope.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Sections of named values, as aligned text or as one JSON object of objects; the same values in
 * both.
 */
final class PlanReport {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** How a plan is printed. */
  enum Format {
    TEXT,
    JSON;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** One value: for people and for programs. */
  private record Row(String name, String text, @Nullable Object value) {}

  private final Map<String, List<Row>> sections = new LinkedHashMap<>();

  /**
   * Adds a value.
   *
   * @param value number, text, truth value, list, or null
   */
  void add(String section, String name, String text, @Nullable Object value) {
    sections.computeIfAbsent(section, s -> new ArrayList<>()).add(new Row(name, text, value));
  }

  void add(String section, String name, String text) {
    add(section, name, text, text);
  }

  void seconds(String section, String name, double seconds, String remark) {
    add(
        section,
        name,
        duration(seconds) + (remark.isEmpty() ? "" : ", " + remark),
        Double.isFinite(seconds) ? seconds : null);
  }

  void bytes(String section, String name, long bytes, String remark) {
    add(section, name, size(bytes) + (remark.isEmpty() ? "" : ", " + remark), bytes);
  }

  String format(Format format) {
    return format == Format.JSON ? json() : text();
  }

  private String text() {
    int width =
        sections.values().stream()
            .flatMap(List::stream)
            .mapToInt(row -> row.name.length())
            .max()
            .orElse(0);
    StringBuilder text = new StringBuilder();
    sections.forEach(
        (section, rows) -> {
          text.append(text.isEmpty() ? "" : "\n").append(section).append('\n');
          for (Row row : rows) {
            String line = "  %-" + width + "s  %s";
            text.append(String.format(Locale.ROOT, line, row.name, row.text).stripTrailing());
            text.append('\n');
          }
        });
    return text.toString();
  }

  private String json() {
    Map<String, Map<String, @Nullable Object>> object = new LinkedHashMap<>();
    sections.forEach(
        (section, rows) -> {
          Map<String, @Nullable Object> values = new LinkedHashMap<>();
          rows.forEach(row -> values.put(key(row.name), row.value));
          object.put(key(section), values);
        });
    try {
      return JSON.writerWithDefaultPrettyPrinter().writeValueAsString(object) + "\n";
    } catch (JsonProcessingException impossible) {
      throw new IllegalStateException("numbers and words always have a JSON form", impossible);
    }
  }

  private static String key(String name) {
    return name.replace(' ', '_').replace("%", "percent");
  }

  /** Seconds for people, three digits. */
  static String duration(double seconds) {
    if (!Double.isFinite(seconds)) {
      return "not known";
    }
    if (seconds == 0) {
      return "0 s";
    }
    if (seconds < 1) {
      return String.format(Locale.ROOT, "%.3g ms", seconds * 1e3);
    }
    return seconds < 180
        ? String.format(Locale.ROOT, "%.3g s", seconds)
        : seconds < 3 * 3600
            ? String.format(Locale.ROOT, "%.1f min", seconds / 60)
            : String.format(Locale.ROOT, "%.1f h", seconds / 3600);
  }

  /** Bytes for people. */
  static String size(long bytes) {
    if (bytes < 1 << 20) {
      return String.format(Locale.ROOT, "%.3g KiB", bytes / 1024.0);
    }
    return bytes < 1L << 30
        ? String.format(Locale.ROOT, "%.1f MiB", bytes / (double) (1 << 20))
        : String.format(Locale.ROOT, "%.2f GiB", bytes / (double) (1L << 30));
  }
}
