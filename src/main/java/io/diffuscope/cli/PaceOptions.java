package io.diffuscope.cli;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options that say what is evaluated when training is faster; of watch and of plan. */
final class PaceOptions {
  @Option(
      names = "--policy",
      paramLabel = "latest|all|every",
      description =
          "When training is faster than evaluation: the newest checkpoint, passing over those that"
              + " it overtakes (default, never lags); all in order (the lag grows); or in order one"
              + " of every --every steps. What is left out is counted.")
  private @Nullable String policy;

  @Option(
      names = "--every",
      paramLabel = "STEPS",
      description =
          "Evaluate, in order, the first checkpoint in each stretch of so many steps (--policy"
              + " every).")
  private @Nullable Long every;

  @Option(
      names = "--budget",
      paramLabel = "PERCENT",
      description =
          "Share of the device's time that evaluation may take over all runs, such as 10%%; every"
              + " evaluated checkpoint is then sampled (default: no bound, see --sampling-growth).")
  private @Nullable String budget;

  @Option(
      names = "--sampling-growth",
      paramLabel = "X",
      description =
          "Sample a checkpoint when its step is at least X times the last sampled one, and measure"
              + " only the denoising losses of those between (default 1.15; 1: sample all).")
  private @Nullable Double samplingGrowth;

  /** An option takes the place of what a file says, also where that is another key. */
  void addTo(Map<String, Object> overrides) {
    if (policy != null && every == null && !policy.equals("every")) {
      MeasureOptions.unset(overrides, "checkpoints.every");
    }
    MeasureOptions.put(
        overrides, "checkpoints.policy", policy == null && every != null ? "every" : policy);
    MeasureOptions.put(overrides, "checkpoints.every", every);
    if (budget != null && samplingGrowth == null) {
      MeasureOptions.unset(overrides, "checkpoints.sampling-growth");
    }
    if (samplingGrowth != null && budget == null) {
      MeasureOptions.unset(overrides, "checkpoints.budget");
    }
    MeasureOptions.put(overrides, "checkpoints.budget", budget);
    MeasureOptions.put(overrides, "checkpoints.sampling-growth", samplingGrowth);
  }
}
