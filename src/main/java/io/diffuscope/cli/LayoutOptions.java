package io.diffuscope.cli;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options that say what checkpoints look like; of watch and of plan. */
final class LayoutOptions {
  @Option(
      names = "--layout",
      paramLabel = "NAME",
      description =
          "How the job lays out its checkpoints: diffusers, accelerate, lightning, edm, edm2, dit,"
              + " ... (default auto: recognised).")
  private @Nullable String layout;

  @Option(
      names = "--pattern",
      paramLabel = "PATTERN",
      description =
          "Names of checkpoints in place of a layout: a glob (*.safetensors), or a path with {step}"
              + " (ckpt_{step}.pt, step-{step}/model.safetensors).")
  private @Nullable String pattern;

  void addTo(Map<String, Object> overrides) {
    MeasureOptions.put(overrides, "checkpoints.layout", layout);
    MeasureOptions.put(overrides, "checkpoints.pattern", pattern);
  }
}
