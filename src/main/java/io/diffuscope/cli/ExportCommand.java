package io.diffuscope.cli;

import io.diffuscope.publish.TensorBoardExport;
import io.diffuscope.run.SeriesId;
import io.diffuscope.tensorfile.BadInputException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code diffuscope export RUN --output DIR}: event files for TensorBoard. */
@Command(
    name = "export",
    description = {
      "Write what is recorded of a run as event files for TensorBoard: a curve for each estimate,",
      "two for the ends of its interval, and 0 or 1 for each flag, over the steps of the training.",
      "Files of an earlier export of the run are replaced."
    },
    footer = {
      "",
      "Example:",
      "  diffuscope export 7 --output boards",
      "  tensorboard --logdir boards"
    })
final class ExportCommand implements Callable<Integer> {
  private static final int PROBE_LETTERS = 8;

  @Parameters(paramLabel = "RUN", description = "Id of the run; diffuscope runs lists them.")
  private String run = "";

  @Option(
      names = "--output",
      paramLabel = "DIR",
      required = true,
      description = "Takes a folder for each attempt of the training.")
  private Path output = Path.of("");

  @Mixin private DataOption data = new DataOption();

  @Override
  public Integer call() throws Exception {
    PrintWriter out = data.out();
    try (OpenRecords records = data.open()) {
      List<SeriesId> all = Records.seriesOf(records, run, data.directory());
      for (int i = 0; i < all.size(); i++) {
        SeriesId series = all.get(i);
        TensorBoardExport export = new TensorBoardExport(output, name(series, i, all.size()));
        TensorBoardExport.Written written;
        try {
          records.forEach(series, export);
        } finally {
          written = export.finish();
        }
        written.files().forEach(file -> out.println(file));
        out.printf(
            "%,d values%s%n",
            written.scalars(),
            written.leftOut() == 0
                ? ""
                : "; %,d left out: without a step, superseded, or no number"
                    .formatted(written.leftOut()));
      }
    } catch (UncheckedIOException | IOException e) {
      if (e instanceof IOException io && (io instanceof BadInputException || Records.failed(io))) {
        throw e;
      }
      throw new CannotServeException(
          "%s cannot be written (%s): make room, or name another --output".formatted(output, e), e);
    }
    return ExitCode.OK;
  }

  /** Several series are told apart by their place in the history and their probe. */
  private String name(SeriesId series, int number, int of) {
    String probe = series.probe();
    return of == 1
        ? run
        : "%s-%d-%s"
            .formatted(
                run, number + 1, probe.substring(0, Math.min(PROBE_LETTERS, probe.length())));
  }
}
