package io.diffuscope.cli;

import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** What the commands that ask about runs share: which data directory, and where they print. */
final class DataOption {
  @Option(
      names = "--data-dir",
      paramLabel = "DIR",
      description =
          "Data directory of the monitor (default: $$XDG_STATE_HOME/diffuscope, or"
              + " ~/.local/state/diffuscope). While a monitor has it, the monitor is asked.")
  private @Nullable Path directory;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command = CommandSpec.create();

  Path directory() {
    return directory == null ? DataDirectory.standard() : directory;
  }

  OpenRecords open() throws CannotServeException {
    return Records.open(directory());
  }

  /** For people: as their terminal is. */
  PrintWriter out() {
    return command.commandLine().getOut();
  }

  /** For programs: UTF-8, whatever the terminal is, or names would become "?". */
  static PrintWriter lines() {
    return new PrintWriter(new OutputStreamWriter(System.out, StandardCharsets.UTF_8));
  }
}
