package io.diffuscope.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.diffuscope.detect.Flag;
import io.diffuscope.run.RunSummary;
import io.diffuscope.run.SeriesId;
import io.diffuscope.run.StepText;
import io.diffuscope.sampling.SampleStore;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code diffuscope runs}: the runs that are recorded. */
@Command(
    name = "runs",
    description = "List the runs that are recorded, and where they stand.",
    footer = {
      "",
      "state    watched by a monitor now; interrupted: it has not ended and no monitor watches it;",
      "         ended",
      "waiting  checkpoints that were found and not dealt with",
      "size     record, pictures and samples on disk"
    })
final class RunsCommand implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** How they are listed. */
  enum Format {
    TABLE,
    JSONL;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Option(
      names = "--format",
      paramLabel = "table|jsonl",
      description = "For people, or one JSON object a line (default: ${DEFAULT-VALUE}).")
  private Format format = Format.TABLE;

  @Mixin private DataOption data = new DataOption();

  /** A run and what it takes. */
  private record Row(RunSummary run, boolean watched, long bytes) {
    /** Whether anything more will come of it, and from where. */
    String state() {
      if (run.ended()) {
        return "ended";
      }
      return watched ? "watched" : "interrupted";
    }
  }

  @Override
  public Integer call() throws Exception {
    Path directory = data.directory();
    List<Row> rows = new ArrayList<>();
    try (OpenRecords records = data.open()) {
      Map<String, List<SeriesId>> runs =
          records.series().stream()
              .collect(
                  Collectors.groupingBy(
                      SeriesId::run, LinkedHashMap::new, Collectors.toUnmodifiableList()));
      Set<String> watched = records.watched();
      for (List<SeriesId> run : runs.values()) {
        Row row = row(records, run, watched, directory);
        if (row != null) {
          rows.add(row);
        }
      }
    }
    PrintWriter out = format == Format.JSONL ? DataOption.lines() : data.out();
    if (format == Format.JSONL) {
      for (Row row : rows) {
        out.print(JSON.writeValueAsString(object(row)) + "\n");
      }
    } else if (rows.isEmpty()) {
      out.printf("no run is recorded in %s; diffuscope watch begins one%n", directory);
    } else {
      table(rows, out);
    }
    out.flush();
    return ExitCode.OK;
  }

  /**
   * Of several series the one that something happened to last tells where a run stands: a probe
   * that was used before goes on with the series that it began then.
   */
  private static @Nullable Row row(
      OpenRecords records, List<SeriesId> all, Set<String> watched, Path directory)
      throws IOException {
    String run = all.getFirst().run();
    long bytes =
        DataDirectory.leftEvidence(directory).bytes(run)
            + new SampleStore(DataDirectory.samples(directory)).bytes(run);
    RunSummary latest = null;
    for (SeriesId series : all) {
      bytes += records.bytes(series);
      RunSummary.Fold fold = new RunSummary.Fold(run);
      records.forEach(series, fold);
      RunSummary summary = fold.summary();
      if (summary != null && (latest == null || !summary.last().isBefore(latest.last()))) {
        latest = summary;
      }
    }
    return latest == null ? null : new Row(latest, watched.contains(run), bytes);
  }

  private static void table(List<Row> rows, PrintWriter out) {
    int width = Math.max(3, rows.stream().mapToInt(row -> row.run.run().length()).max().orElse(0));
    String form = "%-" + width + "s  %-11s  %14s  %14s  %7s  %9s  %-26s  %9s%n";
    out.printf(form, "run", "state", "evaluated", "found", "waiting", "results", "verdict", "size");
    for (Row row : rows) {
      RunSummary run = row.run;
      out.printf(
          form,
          run.run(),
          row.state(),
          step(run, run.evaluatedStep()),
          step(run, run.foundStep()),
          run.waiting(),
          run.evaluated(),
          verdict(run),
          size(row.bytes));
    }
  }

  private static String step(RunSummary run, @Nullable Long step) {
    return step == null ? "-" : StepText.of(run.steps().unitOrUpdates(), step);
  }

  private static String verdict(RunSummary run) {
    return run.verdict() == null ? "-" : run.verdict().state().label();
  }

  private static String size(long bytes) {
    if (bytes < 1 << 20) {
      return "%d KiB".formatted((bytes + 1023) >> 10);
    }
    return String.format(Locale.ROOT, "%.1f MiB", bytes / (double) (1 << 20));
  }

  private static Map<String, @Nullable Object> object(Row row) {
    RunSummary run = row.run;
    Map<String, @Nullable Object> object = new LinkedHashMap<>();
    object.put("run", run.run());
    object.put("display_name", run.displayName());
    object.put("state", row.state());
    object.put("step_unit", run.steps().unitOrUpdates().name().toLowerCase(Locale.ROOT));
    object.put("evaluated_step", run.evaluatedStep());
    object.put("found_step", run.foundStep());
    object.put("waiting", run.waiting());
    object.put("evaluated", run.evaluated());
    object.put("skipped", run.skipped());
    object.put("failed", run.failed());
    object.put("passed_over", run.passedOver());
    object.put("verdict", run.verdict() == null ? null : run.verdict().state().label());
    object.put("best_step", run.verdict() == null ? null : run.verdict().bestStep());
    object.put(
        "flags", run.flags().stream().map(Flag::label).sorted().collect(Collectors.toList()));
    object.put("first", run.first().toString());
    object.put("last", run.last().toString());
    object.put("bytes", row.bytes);
    return object;
  }
}
