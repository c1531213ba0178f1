package io.diffuscope.cli;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which data directory a command asks. */
final class DataOption {
  @Option(
      names = "--data-dir",
      paramLabel = "DIR",
      description =
          "Data directory of the monitor (default: $$XDG_STATE_HOME/diffuscope, or"
              + " ~/.local/state/diffuscope). While a monitor has it, the monitor is asked.")
  private @Nullable Path directory;

  Path directory() {
    return directory == null ? DataDirectory.standard() : directory;
  }
}
