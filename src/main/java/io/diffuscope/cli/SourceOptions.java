package io.diffuscope.cli;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options that say which runs a directory holds and how they are read; of watch and of plan. */
final class SourceOptions {
  @Option(
      names = "--runs",
      paramLabel = "GLOB",
      description =
          "Make each subdirectory of DIR whose name matches a run of its own, also those that"
              + " appear later ('*': all). They share the network, the data and the port.")
  private @Nullable String runs;

  @Option(
      names = "--step-unit",
      paramLabel = "updates|kimg|epochs",
      description =
          "What the numbers of checkpoints count: updates of the optimizer, thousands of training"
              + " images, or epochs (default: what the layout says, else updates).")
  private @Nullable String stepUnit;

  @Option(
      names = "--train-batch-size",
      paramLabel = "N",
      description =
          "Images in one update of the training, over all devices: updates are then shown as"
              + " training images seen, too.")
  private @Nullable Long trainBatchSize;

  @Option(
      names = "--hold",
      paramLabel = "auto|copy|off",
      description =
          "Keep a checkpoint that is being evaluated from rotation and rewriting: by a hard link"
              + " where its name carries the step, otherwise by a copy in the data directory"
              + " (default: auto); off reads it where it lies.")
  private @Nullable String hold;

  @Option(
      names = "--peers",
      paramLabel = "RUN",
      split = ",",
      description =
          "Runs that are compared with each other at equal steps (rp and pfd to peer,"
              + " bias_variance), this one among them; their monitors share --samples-dir.")
  private @Nullable List<String> peers;

  @Option(
      names = "--samples-dir",
      paramLabel = "DIR",
      description =
          "Directory for the samples that are compared, shared by the monitors of peers (default:"
              + " in the data directory).")
  private @Nullable String samples;

  void addTo(Map<String, Object> overrides) {
    MeasureOptions.put(overrides, "checkpoints.runs", runs);
    MeasureOptions.put(overrides, "steps.unit", stepUnit);
    MeasureOptions.put(overrides, "steps.batch-size", trainBatchSize);
    MeasureOptions.put(overrides, "holds.mode", hold);
    MeasureOptions.put(overrides, "comparisons.peers", peers);
    MeasureOptions.put(overrides, "comparisons.directory", samples);
  }
}
