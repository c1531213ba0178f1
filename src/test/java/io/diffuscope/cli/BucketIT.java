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

  private static final String FOUND = "diffuscope_checkpoints_found_total{run=\"7\"}";
  private static final String EVALUATED = "diffuscope_checkpoints_evaluated_total{run=\"7\"}";
  private static final String SOURCE_UP = "diffuscope_source_up{run=\"7\"}";

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

  /** What waits when the store goes away is evaluated when it is back. */
  @Test
  void anOutageOfTheStoreCostsNoCheckpoint() throws Exception {
    ProbeFiles files = new ProbeFiles(Files.createDirectory(folder.resolve("files")));
    try (S3Mock store = S3Mock.start(Files.createDirectory(folder.resolve("store")));
        StoreFront front = StoreFront.start(store.uri())) {
      store.createBucket("models");
      Path settings =
          Files.writeString(
              folder.resolve("bucket.conf"),
              """
              diffuscope.s3 { endpoint = "%s", poll-interval = 300 ms, block-bytes = 64 KiB }
              diffuscope.retries { first-wait = 1 s, longest-wait = 2 s }
              diffuscope.samples = 1000
              """
                  .formatted(front.uri()));
      try (Launched watch =
          start(
              "watch",
              "watch",
              "s3://models/runs/7",
              "--policy",
              "all",
              "--sampling-growth",
              "1",
              "--config",
              settings,
              "--template",
              files.template(),
              "--train",
              files.points("train.npy", 60, 1),
              "--port",
              0)) {
        int checkpoints = 8;
        for (int i = 1; i <= checkpoints; i++) {
          put(store, files, 10 * i);
        }
        watch.await("all are found", () -> counted(watch, FOUND) == checkpoints);
        front.fail(new StoreFront.Failure(503, "ServiceUnavailable"));
        watch.await("the outage is seen", () -> counted(watch, SOURCE_UP) == 0);
        double before = counted(watch, EVALUATED);
        assertThat(before).as("some still wait").isLessThan(checkpoints);
        Thread.sleep(3_000);
        front.fail(null);
        watch.await("all are evaluated", () -> counted(watch, EVALUATED) == checkpoints);
        assertThat(counted(watch, "diffuscope_checkpoints{outcome=\"failed\",run=\"7\"}")).isZero();
        assertThat(counted(watch, SOURCE_UP)).isEqualTo(1);
        watch.signal("INT");
        watch.await("the end", () -> !watch.isAlive());
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
    return counted(watch, EVALUATED);
  }

  private static double counted(Launched watch, String metric) throws Exception {
    return watch.scrape().samples().getOrDefault(metric, 0.0);
  }
}
