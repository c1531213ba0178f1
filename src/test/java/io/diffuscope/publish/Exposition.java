package io.diffuscope.publish;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A scraped text, read back by an own small parser of the text format 0.0.4.
 *
 * @param help HELP by metric
 * @param type TYPE by metric
 * @param samples value by series as it is written, for example {@code a_total{run="r"}}
 */
public record Exposition(
    Map<String, String> help, Map<String, String> type, Map<String, Double> samples) {
  private static final Pattern SAMPLE =
      Pattern.compile("([a-zA-Z_:][a-zA-Z0-9_:]*)(\\{[^}]*})? (\\S+)");

  public static Exposition parse(String text) {
    Map<String, String> help = new LinkedHashMap<>();
    Map<String, String> type = new LinkedHashMap<>();
    Map<String, Double> samples = new LinkedHashMap<>();
    for (String line : text.lines().toList()) {
      String[] words = line.split(" ", 4);
      if (line.startsWith("# HELP ")) {
        assertThat(help.put(words[2], words[3])).as("second %s", line).isNull();
      } else if (line.startsWith("# TYPE ")) {
        assertThat(type.put(words[2], words[3])).as("second %s", line).isNull();
      } else if (!line.startsWith("#")) {
        Matcher sample = SAMPLE.matcher(line);
        assertThat(sample.matches()).as(line).isTrue();
        String labels = sample.group(2) == null ? "" : sample.group(2);
        assertThat(samples.put(sample.group(1) + labels, Double.valueOf(sample.group(3))))
            .as("second %s", line)
            .isNull();
      }
    }
    return new Exposition(help, type, samples);
  }

  /** The value of a series; fails where it is absent. */
  public double value(String series) {
    assertThat(samples).containsKey(series);
    return samples.getOrDefault(series, Double.NaN);
  }

  /** Whether some series begins with this text. */
  public boolean has(String prefix) {
    return samples.keySet().stream().anyMatch(series -> series.startsWith(prefix));
  }

  /** Label names by sample name: one set for each, or the format's rule is broken. */
  public Map<String, Set<String>> labels() {
    Map<String, Set<String>> labels = new LinkedHashMap<>();
    Pattern name = Pattern.compile("([a-zA-Z_][a-zA-Z0-9_]*)=\"");
    for (String series : samples.keySet()) {
      Set<String> names = new TreeSet<>();
      Matcher matcher = name.matcher(series);
      while (matcher.find()) {
        names.add(matcher.group(1));
      }
      String metric = series.replaceFirst("\\{.*", "");
      Set<String> known = labels.putIfAbsent(metric, names);
      assertThat(known == null || known.equals(names)).as(series).isTrue();
    }
    return labels;
  }
}
