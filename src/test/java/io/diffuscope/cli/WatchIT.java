package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.publish.Exposition;
import io.diffuscope.sampling.ProbeFiles;
import io.diffuscope.tensorfile.FloatArray;
import io.diffuscope.tensorfile.SafetensorsWriter;
import io.diffuscope.tensorfile.TensorShape;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** {@code watch} on a folder that a stranger's trainer writes to, well and badly. */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "the launcher is a POSIX shell script")
class WatchIT {
  @TempDir private Path folder = Path.of("");

  @Test
  void goodCheckpointsAreEvaluatedAndBadOnesNamedUntilCtrlC() throws Exception {
    Path checkpoints = Files.createDirectory(folder.resolve("checkpoints"));
    Path elsewhere = Files.createDirectory(folder.resolve("elsewhere"));
    ProbeFiles files = new ProbeFiles(elsewhere);
    Path settings =
        Files.writeString(
            folder.resolve("watch.conf"),
            """
            diffuscope.checkpoints { poll-interval = 200 ms, quiet-period = 1 s }
            diffuscope.samples = 64
            """);
    try (Launched watch =
        Launched.start(
            folder,
            "watch",
            checkpoints,
            "--config",
            settings,
            "--template",
            files.template(),
            "--train",
            files.points("train.npy", 60, 1),
            "--holdout",
            files.points("holdout.npy", 60, 2),
            "--run",
            "stranger",
            "--port",
            0)) {
      watch.await("readiness", () -> watch.get("health/ready").statusCode() == 200);
      assertThat(evaluated(watch)).isZero();

      // In pieces, under its final name.
      byte[] whole = Files.readAllBytes(files.checkpoint("good.safetensors", 3));
      try (OutputStream out = Files.newOutputStream(checkpoints.resolve("step-10.safetensors"))) {
        int piece = whole.length / 8 + 1;
        for (int at = 0; at < whole.length; at += piece) {
          out.write(whole, at, Math.min(piece, whole.length - at));
          out.flush();
          Thread.sleep(100);
        }
      }
      watch.await("step 10", () -> evaluated(watch) == 1);
      assertThat(watch.scrape().value("diffuscope_evaluated_step{run=\"stranger\"}")).isEqualTo(10);
      double incompleteBefore = passedOver(watch, "incomplete");

      Files.write(
          checkpoints.resolve("step-20.safetensors"), Arrays.copyOf(whole, whole.length / 2));
      watch.await("step 20", () -> passedOver(watch, "incomplete") == incompleteBefore + 1);
      assertSaidOnce(watch, "step-20.safetensors");

      Map<String, FloatArray> broken = ProbeFiles.weights(4);
      float[] bias = new float[64];
      bias[7] = Float.NaN;
      broken.put("output.bias", new FloatArray(TensorShape.of(64), bias));
      appear(files, broken, checkpoints.resolve("step-30.safetensors"));
      watch.await("step 30", () -> failed(watch, "non_finite") == 1);
      assertSaidOnce(watch, "step-30.safetensors");

      Map<String, FloatArray> wide = ProbeFiles.weights(5);
      wide.put("output.bias", new FloatArray(TensorShape.of(65), new float[65]));
      appear(files, wide, checkpoints.resolve("step-40.safetensors"));
      watch.await("step 40", () -> failed(watch, "wrong_shape") == 1);
      assertSaidOnce(watch, "step-40.safetensors");
      assertThat(watch.output()).contains("output.bias");

      watch.await(
          "a file that vanishes",
          () -> {
            Path fleeting = checkpoints.resolve("step-50.safetensors");
            for (int i = 1; i <= 8; i++) {
              Files.write(fleeting, Arrays.copyOf(whole, i));
              Thread.sleep(100);
            }
            Files.deleteIfExists(fleeting);
            Thread.sleep(500);
            return passedOver(watch, "vanished") >= 1;
          });
      assertThat(watch.output()).contains("step-50.safetensors: gone before it was complete");

      appear(files, ProbeFiles.weights(6), checkpoints.resolve("step-60.safetensors"));
      watch.await("step 60", () -> evaluated(watch) == 2);
      // The job is restarted from a step before and writes this one again.
      appear(files, ProbeFiles.weights(7), checkpoints.resolve("step-60.safetensors"));
      watch.await("step 60 again", () -> evaluated(watch) == 3);
      Files.write(checkpoints.resolve("step-20.safetensors"), whole);
      watch.await("step 20 when it is whole", () -> evaluated(watch) == 4);

      Exposition last = watch.scrape();
      assertThat(last.value("diffuscope_checkpoints_found_total{run=\"stranger\"}")).isEqualTo(6);
      assertThat(sum(last, "diffuscope_checkpoints_failed_total")).isEqualTo(2);
      assertThat(last.value("diffuscope_found_step{run=\"stranger\"}")).isEqualTo(20);
      assertThat(watch.isAlive()).isTrue();

      watch.signal("INT");
      assertThat(watch.exit()).isEqualTo(130);
      assertThat(watch.output()).containsOnlyOnce("verdict: ").doesNotContain("\u001b", "\r");
      assertThat(watch.output() + watch.errors()).doesNotContain("\tat ", "Exception");
    }
  }

  @Test
  void everySubdirectoryThatMatchesIsARun() throws Exception {
    Path root = Files.createDirectory(folder.resolve("runs"));
    Path elsewhere = Files.createDirectory(folder.resolve("elsewhere"));
    ProbeFiles files = new ProbeFiles(elsewhere);
    Path settings =
        Files.writeString(
            folder.resolve("watch.conf"),
            """
            diffuscope.checkpoints { poll-interval = 200 ms, quiet-period = 500 ms }
            diffuscope.samples = 64
            """);
    for (String name : new String[] {"lr 1", "lr-2", "lr-empty", "other"}) {
      Files.createDirectory(root.resolve(name));
    }
    try (Launched watch =
        Launched.start(
            folder,
            "watch",
            root,
            "--runs",
            "lr*",
            "--config",
            settings,
            "--template",
            files.template(),
            "--train",
            files.points("train.npy", 60, 1),
            "--holdout",
            files.points("holdout.npy", 60, 2),
            "--port",
            0)) {
      appear(files, ProbeFiles.weights(3), root.resolve("lr 1/step-10.safetensors"));
      appear(files, ProbeFiles.weights(4), root.resolve("lr-2/step-20.safetensors"));
      appear(files, ProbeFiles.weights(5), root.resolve("other/step-30.safetensors"));
      watch.await("lr-1", () -> evaluated(watch, "lr-1") == 1);
      watch.await("lr-2", () -> evaluated(watch, "lr-2") == 1);
      assertThat(watch.get("health/ready").statusCode()).isEqualTo(200);

      appear(
          files,
          ProbeFiles.weights(3),
          Files.createDirectory(root.resolve("lr-later")).resolve("step-10.safetensors"));
      watch.await("lr-later", () -> evaluated(watch, "lr-later") == 1);
      String shown = watch.get("api/v1/runs").body();
      assertThat(shown).contains("\"lr 1\"", "\"lr-2\"", "\"lr-later\"");
      assertThat(shown).doesNotContain("lr-empty", "other");

      watch.signal("INT");
      assertThat(watch.exit()).isEqualTo(130);
      assertThat(watch.output())
          .containsOnlyOnce("verdict of lr 1: ")
          .containsOnlyOnce("verdict of lr-2: ")
          .containsOnlyOnce("verdict of lr-later: ")
          .doesNotContain("lr-empty:", "\u001b", "\r");
      assertThat(watch.output() + watch.errors()).doesNotContain("\tat ", "Exception");
    }
  }

  /** A file that is written elsewhere and moved to its place. */
  private static void appear(ProbeFiles files, Map<String, FloatArray> weights, Path target)
      throws Exception {
    Path written = files.checkpoint("written.safetensors", 0);
    SafetensorsWriter.write(written, weights, Map.of());
    Files.move(written, target, StandardCopyOption.REPLACE_EXISTING);
  }

  private static void assertSaidOnce(Launched watch, String file) throws Exception {
    assertThat(watch.output().lines().filter(line -> line.contains(file))).hasSize(1);
  }

  private static double evaluated(Launched watch) throws Exception {
    return evaluated(watch, "stranger");
  }

  /** Zero as long as nothing is known of the run. */
  private static double evaluated(Launched watch, String run) throws Exception {
    return watch
        .scrape()
        .samples()
        .getOrDefault("diffuscope_checkpoints_evaluated_total{run=\"%s\"}".formatted(run), 0.0);
  }

  private static double failed(Launched watch, String reason) throws Exception {
    return watch
        .scrape()
        .value(
            "diffuscope_checkpoints_failed_total{reason=\"%s\",run=\"stranger\"}"
                .formatted(reason));
  }

  private static double passedOver(Launched watch, String reason) throws Exception {
    return watch
        .scrape()
        .value(
            "diffuscope_checkpoints_passed_over_total{reason=\"%s\",run=\"stranger\"}"
                .formatted(reason));
  }

  private static double sum(Exposition scraped, String metric) {
    return scraped.samples().entrySet().stream()
        .filter(series -> series.getKey().startsWith(metric + "{"))
        .mapToDouble(Map.Entry::getValue)
        .sum();
  }
}
