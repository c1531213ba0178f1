package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.diffuscope.sampling.ProbeFiles;
import io.diffuscope.sampling.ProbeSpec;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command in this process, on the demo's network; what it times is never asserted. */
class PlanCommandTest {
  @TempDir private Path folder = Path.of("");
  private Path checkpoints = Path.of("");

  @BeforeEach
  void makeDirectory() throws Exception {
    checkpoints = Files.createDirectory(folder.resolve("checkpoints"));
  }

  @Test
  void saysWhatWatchingWouldTakeAndLeavesOnlyCaches() throws Exception {
    ProbeFiles written = new ProbeFiles(checkpoints);
    for (int step = 1; step <= 3; step++) {
      Path file = written.checkpoint("step-%d.safetensors".formatted(100 * step), step);
      Files.setLastModifiedTime(file, FileTime.from(Instant.ofEpochSecond(1_000_000 + 90L * step)));
    }
    ProbeSpec spec = new ProbeFiles(folder).smallSpec();

    Outcome result = plan(spec, checkpoints.toString(), "--format", "json");

    assertThat(result.exit()).as(result.errors()).isEqualTo(ExitCode.OK);
    JsonNode plan = new ObjectMapper().readTree(result.output());
    assertThat(plan.at("/setup/weights").asText()).endsWith("step-300.safetensors");
    assertThat(plan.at("/setup/samples").asInt()).isEqualTo(8);
    assertThat(plan.at("/setup/TF32").asBoolean()).isFalse();
    JsonNode each = plan.at("/each_checkpoint");
    assertThat(each.get("sampled_evaluation").asDouble())
        .isGreaterThan(each.get("losses-only_evaluation").asDouble());
    assertThat(plan.at("/pace/checkpoints_found").asInt()).isEqualTo(3);
    assertThat(plan.at("/pace/interval").asDouble()).isEqualTo(90);
    JsonNode forecast = plan.at("/pace/of_the_next_100_checkpoints");
    assertThat(forecast.get("sampled").asInt() + forecast.get("losses_only").asInt())
        .isEqualTo(100 - forecast.get("skipped").asInt());
    assertThat(plan.at("/signals/on").toString())
        .contains("pfd to train", "nearest_ratio", "train_affinity", "denoising_gap");
    assertThat(plan.at("/signals/note_1").asText()).contains("no teacher");
    try (Stream<Path> state = Files.list(folder.resolve("state"))) {
      assertThat(state.map(path -> path.getFileName().toString())).containsExactly("cache");
    }
  }

  @Test
  void aTrainingThatHasNotStartedHasAnIntervalByOption() throws Exception {
    ProbeSpec spec = new ProbeFiles(folder).smallSpec();

    Outcome result = plan(spec, "--interval", "5 minutes", "--budget", "10%");

    assertThat(result.exit()).as(result.errors()).isEqualTo(ExitCode.OK);
    assertThat(result.output())
        .contains("the template's own")
        .contains("5.0 min, as given")
        .contains("100 sampled, 0 losses only, 0 skipped");
  }

  @Test
  void aTimeWithoutAUnitIsRefused() throws Exception {
    Outcome result = plan(new ProbeFiles(folder).smallSpec(), "--interval", "300");

    assertThat(result.exit()).isEqualTo(ExitCode.USAGE);
    assertThat(result.errors()).contains("a time without its unit", "300s, 300m or 300h");
  }

  @Test
  void aCheckpointThatIsBeingWrittenIsPassedOver() throws Exception {
    new ProbeFiles(checkpoints).checkpoint("step-100.safetensors", 1);
    Files.writeString(checkpoints.resolve("step-200.safetensors"), "not all there");

    Outcome result = plan(new ProbeFiles(folder).smallSpec(), checkpoints.toString());

    assertThat(result.exit()).as(result.errors()).isEqualTo(ExitCode.OK);
    assertThat(result.output())
        .containsPattern("weights +.*step-100.safetensors")
        .contains("step-200.safetensors was passed over");
  }

  @Test
  void withoutOneThatCanBeReadTheTemplateIsTimed() throws Exception {
    Files.writeString(checkpoints.resolve("step-100.safetensors"), "not all there");

    Outcome result = plan(new ProbeFiles(folder).smallSpec(), checkpoints.toString());

    assertThat(result.exit()).as(result.errors()).isEqualTo(ExitCode.OK);
    assertThat(result.output())
        .contains("the template's own", "step-100.safetensors was passed over");
  }

  @Test
  void lagSettlingHoldsAndLimitsAreSaid() throws Exception {
    new ProbeFiles(checkpoints).checkpoint("step-100.safetensors", 1);

    Outcome result =
        plan(
            new ProbeFiles(folder).smallSpec(),
            checkpoints.toString(),
            "--interval",
            "5 minutes",
            "--hold",
            "copy",
            "--port",
            "0",
            "--final-step",
            "1000",
            "--format",
            "json");

    assertThat(result.exit()).as(result.errors()).isEqualTo(ExitCode.OK);
    JsonNode plan = new ObjectMapper().readTree(result.output());
    assertThat(plan.at("/each_checkpoint/holding").asDouble()).isPositive();
    assertThat(plan.at("/disk_beside_the_caches/holds").asLong()).isEqualTo(32L << 30);
    assertThat(plan.at("/disk_beside_the_caches/scratch_space_for_buckets").asLong()).isZero();
    JsonNode pace = plan.get("pace");
    // Seen 2 s after it was written at most, and quiet at the next look but one.
    assertThat(pace.get("settling").asDouble()).isBetween(4.0, 5.0);
    assertThat(pace.get("expected_lag").asDouble())
        .isEqualTo(pace.get("settling").asDouble() + pace.get("waiting_and_evaluation").asDouble());
    try (Stream<Path> cache = Files.list(folder.resolve("state/cache"))) {
      assertThat(cache.map(path -> path.getFileName().toString()))
          .noneMatch(name -> name.startsWith("plan"));
    }
  }

  @Test
  void severalRunsShareTheDevice() throws Exception {
    for (String name : List.of("lr-1", "lr-2", "other")) {
      Path run = Files.createDirectory(checkpoints.resolve(name));
      new ProbeFiles(run).checkpoint("step-100.safetensors", 1);
    }

    Outcome result =
        plan(
            new ProbeFiles(folder).smallSpec(),
            checkpoints.toString(),
            "--runs",
            "lr-*",
            "--interval",
            "5 minutes",
            "--format",
            "json");

    assertThat(result.exit()).as(result.errors()).isEqualTo(ExitCode.OK);
    JsonNode pace = new ObjectMapper().readTree(result.output()).get("pace");
    assertThat(pace.get("runs").asInt()).isEqualTo(2);
    assertThat(pace.get("checkpoints_found").asInt()).isEqualTo(2);
    assertThat(pace.has("of_the_next_200_checkpoints")).isTrue();
  }

  @Test
  void runsThatAreNotThereYetAreNotGuessed() throws Exception {
    Outcome result =
        plan(new ProbeFiles(folder).smallSpec(), checkpoints.toString(), "--runs", "lr-*");

    assertThat(result.exit()).isEqualTo(ExitCode.BAD_INPUT);
    assertThat(result.errors()).contains("no subdirectory matches", "without --runs");
  }

  private Outcome plan(ProbeSpec spec, String... more) {
    List<String> arguments = new ArrayList<>(List.of("plan"));
    arguments.addAll(List.of(more));
    arguments.addAll(List.of("--template", spec.template(), "--train", spec.train()));
    arguments.addAll(List.of("--holdout", String.valueOf(spec.holdout())));
    arguments.addAll(List.of("--samples", "8", "--ode-steps", "2", "--threads", "1"));
    arguments.addAll(List.of("--data-dir", folder.resolve("state").toString()));
    return Outcome.ofMain(arguments.toArray(String[]::new));
  }
}
