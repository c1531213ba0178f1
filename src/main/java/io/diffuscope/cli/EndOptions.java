package io.diffuscope.cli;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** When a watched run is over, and how long it may take to finish. */
final class EndOptions {
  @Option(
      names = "--once",
      description =
          "Evaluate what is new since the last time, then exit: after a training step of a batch"
              + " job, or from cron.")
  private boolean once;

  @Option(
      names = "--final-step",
      paramLabel = "N",
      description = "The training ends with a checkpoint of step N or above.")
  private @Nullable Long finalStep;

  @Option(
      names = "--end-marker",
      paramLabel = "NAME",
      description = "The training ends with a file NAME in the checkpoint directory, such as DONE.")
  private @Nullable String marker;

  @Option(
      names = "--idle-timeout",
      paramLabel = "DURATION",
      description =
          "The training ends when no checkpoint was new for so long, such as 30m; choose several"
              + " times what lies between two checkpoints.")
  private @Nullable String idleTimeout;

  @Option(
      names = "--drain-timeout",
      paramLabel = "DURATION",
      description =
          "Time to evaluate what still waits when the training ended, such as 20m; what is left is"
              + " skipped (default: 10 minutes; with --once: as long as it takes).")
  private @Nullable String drainTimeout;

  void addTo(Map<String, Object> overrides) {
    if (once) {
      overrides.put("diffuscope.end.once", true);
    }
    MeasureOptions.put(overrides, "end.final-step", finalStep);
    MeasureOptions.put(overrides, "end.marker", marker);
    MeasureOptions.put(overrides, "end.idle-timeout", idleTimeout);
    MeasureOptions.put(overrides, "end.drain-timeout", drainTimeout);
  }
}
