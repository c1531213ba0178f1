package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.sampling.ProbeFiles;
import io.diffuscope.sampling.ProbeSpec;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command in this process, on the demo's network with random weights. */
class EvaluateCommandTest {
  @TempDir private Path folder = Path.of("");

  @Test
  void measuresEveryFileWhateverTheConfigurationForWatchingSays() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    Path config =
        Files.writeString(
            folder.resolve("watch.conf"),
            "diffuscope.checkpoints { policy = latest, most-pending = 1 }");
    List<String> checkpoints = new ArrayList<>();
    for (int step = 1; step <= 3; step++) {
      checkpoints.add(files.checkpoint("step-%d.safetensors".formatted(step), step).toString());
    }

    Outcome result = evaluate(files.smallSpec(), checkpoints, "--config", config.toString());

    assertThat(result.exit()).as(result.errors()).isEqualTo(ExitCode.OK);
    for (int step = 1; step <= 3; step++) {
      assertThat(result.output()).contains("\"step\":" + step + ",");
    }
  }

  /** The set opens, and its row shows only when it is read for the preparation. */
  @Test
  void aRowThatIsNoNumberIsBadInputInOneSentence() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    ProbeSpec spec = files.smallSpec();
    float[] values = ProbeFiles.blobs(24, ProbeFiles.D, 1);
    values[5 * ProbeFiles.D] = Float.NaN;
    files.write("train.npy", TensorShape.of(1, 8, 8), values);
    Path checkpoint = files.checkpoint("step-1.safetensors", 1);

    Outcome result = evaluate(spec, List.of(checkpoint.toString()));

    assertThat(result.exit()).as(result.errors()).isEqualTo(ExitCode.BAD_INPUT);
    assertThat(result.errors())
        .contains("train.npy")
        .doesNotContain("\tat ")
        .doesNotContain("Exception");
    assertThat(result.output()).isEmpty();
  }

  private Outcome evaluate(ProbeSpec spec, List<String> checkpoints, String... more) {
    List<String> arguments = new ArrayList<>(List.of("evaluate"));
    arguments.addAll(checkpoints);
    arguments.addAll(List.of("--template", spec.template(), "--train", spec.train()));
    arguments.addAll(List.of("--holdout", String.valueOf(spec.holdout())));
    arguments.addAll(List.of("--samples", "8", "--ode-steps", "2", "--threads", "1"));
    arguments.addAll(List.of("--data-dir", folder.resolve("state").toString()));
    arguments.addAll(List.of("--format", "jsonl"));
    arguments.addAll(List.of(more));
    return Outcome.ofMain(arguments.toArray(String[]::new));
  }
}
