package io.diffuscope.cli;

import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunEventCodec;
import io.diffuscope.run.SeriesId;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.ZoneId;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code diffuscope history RUN}: everything that is recorded of a run. */
@Command(
    name = "history",
    description = "Print everything that is recorded of a run.",
    footer = {
      "",
      "table  a line for each thing that happened, with the most telling numbers",
      "csv    a row for each estimate: value, standard error, interval; no flags, no verdict",
      "jsonl  every event with all that is in it, a line of JSON each; before those of a series",
      "       (another probe, or another place of the checkpoints) a line {\"series\": ...}",
      "",
      "Examples:",
      "  diffuscope history 7",
      "  diffuscope history 7 --format csv --output 7.csv",
      "  diffuscope history 7 --format jsonl | jq 'select(.FlagChanged)'"
    })
final class HistoryCommand implements Callable<Integer> {
  /** How it is printed. */
  enum Format {
    TABLE,
    CSV,
    JSONL;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Parameters(paramLabel = "RUN", description = "Id of the run; diffuscope runs lists them.")
  private String run = "";

  @Option(
      names = "--format",
      paramLabel = "table|csv|jsonl",
      description = "See below (default: ${DEFAULT-VALUE}).")
  private Format format = Format.TABLE;

  @Option(names = "--output", paramLabel = "FILE", description = "Write it there, at once whole.")
  private @Nullable Path output;

  @Mixin private DataOption data = new DataOption();

  @Override
  public Integer call() throws Exception {
    try (OpenRecords records = data.open()) {
      List<SeriesId> all = Records.seriesOf(records, run, data.directory());
      if (output == null) {
        print(records, all, format == Format.TABLE ? data.out() : DataOption.lines());
      } else {
        write(records, all, output);
      }
    }
    return ExitCode.OK;
  }

  private void write(OpenRecords records, List<SeriesId> all, Path file) throws IOException {
    OutputFile.write(
        file,
        out -> print(records, all, new OutputStreamWriter(out, StandardCharsets.UTF_8)),
        "%s cannot be written (%s): make room, or name another --output");
  }

  private void print(OpenRecords records, List<SeriesId> all, Writer writer) throws IOException {
    PrintWriter out = new PrintWriter(writer);
    try {
      if (format == Format.CSV) {
        line(out, HistoryCsv.HEADER);
      }
      for (SeriesId series : all) {
        print(records, series, out);
      }
    } finally {
      // What comes before a damaged event can be read.
      out.flush();
    }
    if (out.checkError() && output != null) {
      throw new IOException("not everything could be written");
    }
  }

  private void print(OpenRecords records, SeriesId series, PrintWriter out) throws IOException {
    switch (format) {
      case TABLE -> {
        HistoryText text = new HistoryText(ZoneId.systemDefault());
        line(out, text.heading(series));
        records.forEach(series, event -> text.line(event).ifPresent(line -> line(out, line)));
        line(out, text.closing());
      }
      case CSV ->
          records.forEach(
              series,
              event -> {
                if (event instanceof RunEvent.EvaluationCompleted e && !e.estimates().isEmpty()) {
                  line(out, HistoryCsv.lines(series, e));
                }
              });
      case JSONL -> {
        line(out, RunArchive.headerOf(series));
        records.forEach(series, event -> line(out, RunEventCodec.toJson(event)));
      }
    }
  }

  /** The same line break on every system: the text is for programs. */
  private static void line(PrintWriter out, String text) {
    out.print(text);
    out.print('\n');
  }
}
