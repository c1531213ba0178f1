package io.diffuscope.cli;

import io.diffuscope.checkpoint.Inspection;
import io.diffuscope.checkpoint.Inspection.Found;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What a directory is as a source of checkpoints, for people. */
final class InspectionReport {
  /** A long run is shown by its newest checkpoints; the count tells the rest. */
  private static final int MOST_ROWS = 20;

  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss", Locale.ROOT)
          .withZone(ZoneId.systemDefault());

  private InspectionReport() {}

  static void print(Path path, Inspection seen, PrintWriter out) {
    if (seen.layout() == null) {
      out.printf("%s: %s%n", path, seen.why());
    } else {
      out.printf("%s: layout %s (%s)%n", path, seen.layout(), seen.why());
    }
    if (!seen.others().isEmpty()) {
      out.printf(
          "  would also match: %s; --layout NAME takes another%n",
          String.join(", ", seen.others()));
    }
    List<Found> all = seen.checkpoints();
    if (seen.layout() != null) {
      long complete = all.stream().filter(Found::isComplete).count();
      out.printf(
          "  %d checkpoint%s, %d complete%n", all.size(), all.size() == 1 ? "" : "s", complete);
    }
    int left = Math.max(0, all.size() - MOST_ROWS);
    if (left > 0) {
      out.printf("  ... %d earlier ones%n", left);
    }
    for (Found found : all.subList(left, all.size())) {
      print(found, out);
    }
    all.stream()
        .filter(Found::awaitsMarker)
        .findFirst()
        .ifPresent(
            f ->
                out.println(
                    "  a checkpoint that was copied without that file is taken with"
                        + " diffuscope.checkpoints.markers = ignored"));
  }

  private static void print(Found found, PrintWriter out) {
    Long step = found.step();
    Instant modified = found.modified();
    out.printf(
        "  %12s  %-19s  %s%n",
        step == null ? "no step" : "step " + step,
        modified == null ? "" : TIME.format(modified),
        found.isComplete() ? "complete" : "not complete: " + found.problem());
    if (!found.choice().isEmpty()) {
      out.printf("  %12s  %s%n", "", found.choice());
    }
  }

  /** The complete checkpoint of the highest step, or the last one; null where none is complete. */
  static @Nullable Found newestComplete(Inspection seen) {
    Found newest = null;
    for (Found found : seen.checkpoints()) {
      if (found.isComplete() && (newest == null || newest.step() == null || found.step() != null)) {
        newest = found;
      }
    }
    return newest;
  }
}
