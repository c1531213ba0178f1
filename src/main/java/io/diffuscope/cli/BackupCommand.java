package io.diffuscope.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code diffuscope backup FILE}: what is recorded of all runs, in one file. */
@Command(
    name = "backup",
    description = {
      "Write what is recorded of all runs to one file, also while a monitor runs.",
      "Pictures and samples are not in it."
    },
    footer = {"", "Example:", "  diffuscope backup runs.jsonl.gz"})
final class BackupCommand implements Callable<Integer> {
  @Parameters(paramLabel = "FILE", description = "It is there whole, or not at all.")
  private Path file = Path.of("");

  @Mixin private DataOption data = new DataOption();

  @Override
  public Integer call() throws Exception {
    try (OpenRecords records = data.open()) {
      int[] series = new int[1];
      OutputFile.write(
          file,
          out -> series[0] = RunArchive.write(records, out),
          "the backup %s cannot be made (%s)");
      data.out().printf("%d series, %,d bytes: %s%n", series[0], Files.size(file), file);
    }
    return ExitCode.OK;
  }
}
