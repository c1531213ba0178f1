package io.diffuscope.cli;

import io.diffuscope.run.JournalDamagedException;
import io.diffuscope.run.RunStoreException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
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

  @picocli.CommandLine.Spec
  private picocli.CommandLine.Model.CommandSpec spec =
      picocli.CommandLine.Model.CommandSpec.create();

  @Override
  public Integer call() throws Exception {
    Path made = file.resolveSibling(file.getFileName() + ".part");
    try (OpenRecords records = Records.open(data.directory())) {
      int series = RunArchive.write(records, made);
      Files.move(made, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
      spec.commandLine()
          .getOut()
          .printf("%d series, %,d bytes: %s%n", series, Files.size(file), file);
    } catch (CannotServeException | RunStoreException | JournalDamagedException e) {
      throw e;
    } catch (IOException e) {
      throw new CannotServeException("the backup %s cannot be made (%s)".formatted(file, e), e);
    } finally {
      Files.deleteIfExists(made);
    }
    return ExitCode.OK;
  }
}
