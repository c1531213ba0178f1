package io.diffuscope.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code diffuscope restore FILE}: the runs of a backup. */
@Command(
    name = "restore",
    description = {
      "Add the runs of a backup to a data directory. Runs that it has stay as they are: forget one",
      "first to have it from the backup. A monitor may have the directory meanwhile."
    },
    footer = {"", "Example:", "  diffuscope restore runs.jsonl.gz --data-dir other"})
final class RestoreCommand implements Callable<Integer> {
  @Parameters(paramLabel = "FILE", description = "What diffuscope backup wrote.")
  private Path file = Path.of("");

  @Mixin private DataOption data = new DataOption();

  @Override
  public Integer call() throws Exception {
    try (OpenRecords records = Records.openOrBegin(data.directory())) {
      RunArchive.Restored restored = RunArchive.restore(file, records);
      PrintWriter out = data.out();
      out.printf(
          "restored: %s%n",
          restored.added().isEmpty() ? "no run" : String.join(", ", restored.added()));
      if (!restored.left().isEmpty()) {
        out.printf(
            "left as they are in %s: %s%n", data.directory(), String.join(", ", restored.left()));
      }
      out.flush();
    }
    return ExitCode.OK;
  }
}
