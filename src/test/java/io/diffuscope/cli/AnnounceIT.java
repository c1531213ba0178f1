package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.diffuscope.sampling.ProbeFiles;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * A trainer in Python announces its checkpoints to {@code watch}, which looks at the directory once
 * an hour, or has none.
 */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "the launcher is a POSIX shell script")
class AnnounceIT {
  private static final String PYTHON = "/usr/bin/python3";
  private static final Path SHIPPED = Path.of("target/diffuscope/python").toAbsolutePath();
  private static final String TOKEN = "announce-it-token-0123456789";

  @TempDir private Path folder = Path.of("");

  @BeforeAll
  static void requirePyTorch() throws Exception {
    boolean there =
        Path.of(PYTHON).toFile().canExecute()
            && new ProcessBuilder(PYTHON, "-c", "import torch").start().waitFor() == 0;
    if (System.getenv("CI") != null) {
      assertThat(there).as("PyTorch for %s, which .ci/run installs", PYTHON).isTrue();
    }
    assumeTrue(there, "no PyTorch for " + PYTHON);
  }

  @Test
  void whatPythonAnnouncesIsEvaluatedAtOnceThoughTheDirectoryIsListedOnceAnHour() throws Exception {
    Path checkpoints = Files.createDirectory(folder.resolve("my run"));
    ProbeFiles files = new ProbeFiles(Files.createDirectory(folder.resolve("elsewhere")));
    try (Launched watch = watch(files, List.of(checkpoints))) {
      watch.awaitOutput("checkpoints can be announced by POST to ");
      watch.await("readiness", () -> watch.get("health/ready").statusCode() == 200);
      Path first = checkpoint(files, checkpoints.resolve("step-10.safetensors"), 3);
      assertThat(python(watch, "announce(%s), announce(%s)", first, first))
          .isEqualTo("True True\n");
      watch.await("step 10", () -> count(watch, "my-run", "evaluated") == 1);

      Path other = checkpoint(files, folder.resolve("step-20.safetensors"), 4);
      assertThat(python(watch, "announce(%s, run='my-run'), announce(%s)", other, first))
          .contains("HTTP 403", "False True");
      Path second = checkpoint(files, checkpoints.resolve("epoch-2.safetensors"), 5);
      assertThat(python(watch, "announce(%s, 30)", second)).isEqualTo("True\n");
      watch.await("step 30", () -> count(watch, "my-run", "evaluated") == 2);
      assertThat(watch.scrape().value("diffuscope_evaluated_step{run=\"my-run\"}")).isEqualTo(30);
      assertThat(count(watch, "my-run", "found")).isEqualTo(2);
      assertThat(python(watch, "announce(%s, run='nobody')", second))
          .contains("HTTP 404", "there is my-run");
      assertThat(watch.output()).doesNotContain(TOKEN);
      assertThat(watch.isAlive()).isTrue();
    }
  }

  @Test
  void announcementsAloneMakeARun() throws Exception {
    Path root = Files.createDirectory(folder.resolve("root"));
    ProbeFiles files = new ProbeFiles(Files.createDirectory(folder.resolve("elsewhere")));
    try (Launched watch = watch(files, List.of("--announce-root", root, "--run", "told"))) {
      watch.awaitOutput("/api/v1/runs/told/checkpoints, below " + root);
      watch.await("readiness", () -> watch.get("health/ready").statusCode() == 200);
      Path file = checkpoint(files, root.resolve("weights.safetensors"), 3);
      assertThat(python(watch, "announce(%s, 7, run='told')", file)).isEqualTo("True\n");
      watch.await("step 7", () -> count(watch, "told", "evaluated") == 1);
      assertThat(watch.scrape().value("diffuscope_evaluated_step{run=\"told\"}")).isEqualTo(7);
      watch.signal("INT");
      assertThat(watch.exit()).isEqualTo(130);
      assertThat(watch.output()).containsOnlyOnce("verdict: ");
      assertThat(watch.output() + watch.errors()).doesNotContain("Exception", TOKEN);
    }
  }

  private Launched watch(ProbeFiles files, List<?> more) throws Exception {
    Path token = Files.writeString(folder.resolve("token"), TOKEN);
    Path settings =
        Files.writeString(
            folder.resolve("watch.conf"),
            """
            diffuscope.checkpoints { poll-interval = 1 hour, sampling-growth = 1 }
            diffuscope.samples = 64
            """);
    List<Object> arguments = new ArrayList<>(List.of("watch"));
    arguments.addAll(more);
    arguments.addAll(
        List.of(
            "--config",
            settings,
            "--token-file",
            token,
            "--template",
            files.template(),
            "--train",
            files.points("train.npy", 60, 1),
            "--holdout",
            files.points("holdout.npy", 60, 2),
            "--port",
            0));
    return Launched.start(folder, arguments.toArray());
  }

  private static Path checkpoint(ProbeFiles files, Path target, int seed) throws Exception {
    return Files.move(files.checkpoint("written.safetensors", seed), target);
  }

  /** What a trainer's process prints. */
  private String python(Launched watch, String call, Path... paths) throws Exception {
    Object[] quoted = new Object[paths.length];
    for (int i = 0; i < paths.length; i++) {
      quoted[i] = "'" + paths[i] + "'";
    }
    ProcessBuilder builder =
        new ProcessBuilder(
            PYTHON,
            "-c",
            "from functools import partial; import diffuscope_export;"
                + " announce = partial(diffuscope_export.announce, timeout=60); print("
                + call.formatted(quoted)
                + ")");
    builder.environment().keySet().removeIf(name -> name.startsWith("DIFFUSCOPE"));
    builder.environment().remove("RANK");
    builder.environment().remove("SLURM_PROCID");
    builder.environment().put("PYTHONPATH", SHIPPED.toString());
    builder.environment().put("DIFFUSCOPE_URL", watch.address().toString());
    builder.environment().put("DIFFUSCOPE_TOKEN_FILE", folder.resolve("token").toString());
    Path output = folder.resolve("python.txt");
    builder.redirectErrorStream(true).redirectOutput(output.toFile());
    assertThat(builder.start().waitFor()).as(() -> "python").isZero();
    return Files.readString(output);
  }

  private static double count(Launched watch, String run, String what) throws Exception {
    return watch
        .scrape()
        .samples()
        .getOrDefault("diffuscope_checkpoints_%s_total{run=\"%s\"}".formatted(what, run), 0.0);
  }
}
