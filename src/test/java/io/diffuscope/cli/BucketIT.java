package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.checkpoint.s3.S3Mock;
import io.diffuscope.checkpoint.s3.StoreFront;
import io.diffuscope.sampling.ProbeFiles;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The commands on checkpoints in a bucket. */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "the launcher is a POSIX shell script")
class BucketIT {
  private static final List<String> CREDENTIALS =
      List.of("-Daws.accessKeyId=key-1", "-Daws.secretAccessKey=secret");

  @TempDir private Path folder = Path.of("");

  @Test
  void checkpointsOfABucketAreWatchedInspectedAndEvaluated() throws Exception {
    ProbeFiles files = new ProbeFiles(Files.createDirectory(folder.resolve("files")));
    try (S3Mock store = S3Mock.start(Files.createDirectory(folder.resolve("store")));
        StoreFront front = StoreFront.start(store.uri())) {
      store.createBucket("models");
      put(store, files, 10);
      Path settings =
          Files.writeString(
              folder.resolve("bucket.conf"),
              """
              diffuscope.s3 { endpoint = "%s", poll-interval = 300 ms, block-bytes = 64 KiB }
              diffuscope.samples = 64
              """
                  .formatted(front.uri()));
      String template = files.template().toString();
      String train = files.points("train.npy", 60, 1).toString();
      try (Launched watch =
          start(
              "watch",
              "watch",
              "s3://models/runs/7",
              "--config",
              settings,
              "--template",
              template,
              "--train",
              train,
              "--port",
              0)) {
        watch.await("step 10", () -> evaluated(watch) == 1);
        put(store, files, 20);
        watch.await("step 20", () -> evaluated(watch) == 2);
        assertThat(watch.scrape().value("diffuscope_evaluated_step{run=\"7\"}")).isEqualTo(20);
        assertThat(watch.output()).contains("watching s3://models/runs/7");
        watch.signal("INT");
        watch.await("the end", () -> !watch.isAlive());
      }

      try (Launched inspect =
          start("inspect", "inspect", "s3://models/runs/7", "--config", settings)) {
        inspect.awaitOutput("2 checkpoints, 2 complete");
      }
      try (Launched evaluate =
          start(
              "evaluate",
              "evaluate",
              "s3://models/runs/7/step-10.safetensors",
              "--config",
              settings,
              "--template",
              template,
              "--train",
              train,
              "--format",
              "jsonl")) {
        evaluate.awaitOutput("\"step\":10");
      }
    }
  }

  private Launched start(String name, Object... arguments) throws Exception {
    return Launched.startWith(CREDENTIALS, Files.createDirectory(folder.resolve(name)), arguments);
  }

  private static void put(S3Mock store, ProbeFiles files, int step) throws Exception {
    String name = "step-%d.safetensors".formatted(step);
    store.put("models", "runs/7/" + name, Files.readAllBytes(files.checkpoint(name, step)));
  }

  private static double evaluated(Launched watch) throws Exception {
    return watch
        .scrape()
        .samples()
        .getOrDefault("diffuscope_checkpoints_evaluated_total{run=\"7\"}", 0.0);
  }
}
