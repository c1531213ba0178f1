package io.diffuscope.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code diffuscope forget RUN...}: removes runs from everywhere. */
@Command(
    name = "forget",
    description = {
      "Remove runs from everywhere: their record, pictures, samples, and from a running monitor's",
      "page and metrics. The checkpoints are not touched. A run that is being watched is not",
      "forgotten. There is no way back but a backup."
    },
    footer = {"", "Example:", "  diffuscope forget 7 8"})
final class ForgetCommand implements Callable<Integer> {
  @Parameters(paramLabel = "RUN", arity = "1..*", description = "Ids of runs.")
  private List<String> runs = List.of();

  @Mixin private DataOption data = new DataOption();

  @Override
  public Integer call() throws Exception {
    Path directory = data.directory();
    try (OpenRecords records = data.open()) {
      for (String run : runs) {
        Records.seriesOf(records, run, directory);
      }
      for (String run : runs) {
        records.forget(run);
        data.out().printf("forgotten: %s%n", run);
      }
    }
    return ExitCode.OK;
  }
}
