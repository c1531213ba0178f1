package io.diffuscope.cli;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.TensorInfo;
import io.diffuscope.tensorfile.TensorSource;
import io.diffuscope.tensorfile.WeightFiles;
import io.diffuscope.tensorfile.WeightsLocation;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What is in the weights of a checkpoint, for people. */
final class WeightsReport {
  private static final int MOST_GROUPS = 8;

  private WeightsReport() {}

  /**
   * Prints the tensors by type and by the first part of their names, and how they fit a template.
   *
   * @return whether they fit, or no template was given
   */
  static boolean print(
      WeightsLocation weights, @Nullable Path template, boolean all, PrintWriter out)
      throws BadInputException {
    try (TensorSource source = WeightFiles.open(weights.file())) {
      Collection<TensorInfo> tensors = source.tensors().values();
      out.printf("%s: %s%n", weights, summary(tensors));
      groups(tensors)
          .forEach((name, members) -> out.printf("  %-24s %s%n", name, summary(members)));
      if (all) {
        tensors.forEach(t -> out.printf("  %-5s %-20s %s%n", t.type(), t.shape(), t.name()));
      }
      return template == null || TemplateReport.printMatch(template, source, weights.part(), out);
    }
  }

  /** By what stands before the first dot; empty where that tells nothing. */
  private static Map<String, List<TensorInfo>> groups(Collection<TensorInfo> tensors) {
    Map<String, List<TensorInfo>> groups =
        tensors.stream()
            .collect(
                Collectors.groupingBy(
                    t -> t.name().substring(0, t.name().indexOf('.') + 1),
                    TreeMap::new,
                    Collectors.toList()));
    if (groups.size() == 1) {
      return Map.of();
    }
    Map<String, List<TensorInfo>> shown = new LinkedHashMap<>();
    groups.entrySet().stream()
        .sorted(
            Comparator.comparingLong(
                (Map.Entry<String, List<TensorInfo>> e) -> -elements(e.getValue())))
        .limit(MOST_GROUPS)
        .forEach(e -> shown.put(e.getKey().isEmpty() ? "(no prefix)" : e.getKey(), e.getValue()));
    return shown;
  }

  private static String summary(Collection<TensorInfo> tensors) {
    String types =
        tensors.stream().map(t -> t.type().toString()).distinct().collect(Collectors.joining(", "));
    return "%,d tensors, %,d elements, %s%s"
        .formatted(
            tensors.size(), elements(tensors), size(tensors), types.isEmpty() ? "" : ", " + types);
  }

  private static long elements(Collection<TensorInfo> tensors) {
    return tensors.stream().mapToLong(t -> t.shape().elements()).sum();
  }

  private static String size(Collection<TensorInfo> tensors) {
    double bytes =
        tensors.stream().mapToDouble(t -> t.shape().elements() * t.type().bits() / 8.0).sum();
    String[] units = {"B", "KiB", "MiB", "GiB", "TiB"};
    int unit = 0;
    while (bytes >= 1024 && unit < units.length - 1) {
      bytes /= 1024;
      unit++;
    }
    return String.format(Locale.ROOT, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
  }
}
