package io.diffuscope.checkpoint;

import static io.diffuscope.checkpoint.WatchedFolder.passedOver;
import static io.diffuscope.checkpoint.WatchedFolder.recognised;
import static io.diffuscope.checkpoint.WatchedFolder.settled;
import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.checkpoint.Sighting.PassedOver;
import io.diffuscope.checkpoint.Sighting.Reason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every layout, written in the order and the way of its trainer, with listings between all writes.
 * The orders were read from the trainers' public sources.
 */
class TrainerLayoutsTest {
  @TempDir Path directory;

  /**
   * One checkpoint as a trainer writes it.
   *
   * @param files in order; each is written in two halves
   * @param marker the first file whose beginning proves that the weights are closed; null where the
   *     weights' own end does
   * @param weights what is to be read
   * @param choice part of what is said of it; empty where nothing is
   */
  private record Writing(
      String layout,
      List<String> files,
      @Nullable String marker,
      String path,
      @Nullable Long step,
      String weights,
      String choice) {
    /** One write: the first half of a file, or its second. */
    record Event(String file, boolean isFirstHalf) {}

    List<Event> events() {
      List<Event> events = new ArrayList<>();
      for (String file : files) {
        events.add(new Event(file, true));
        events.add(new Event(file, false));
      }
      return events;
    }

    /** After how many writes the checkpoint may be taken. */
    int complete() {
      return marker == null
          ? events().indexOf(new Event(weights, false)) + 1
          : events().indexOf(new Event(marker, true)) + 1;
    }

    @Override
    public String toString() {
      return layout + " " + path;
    }
  }

  static Stream<Writing> writings() {
    return Stream.of(
        new Writing(
            "diffusers",
            List.of(
                "checkpoint-500/unet_ema/config.json",
                "checkpoint-500/unet_ema/diffusion_pytorch_model.safetensors",
                "checkpoint-500/unet/config.json",
                "checkpoint-500/unet/diffusion_pytorch_model.safetensors",
                "checkpoint-500/optimizer.bin",
                "checkpoint-500/scheduler.bin",
                "checkpoint-500/scaler.pt",
                "checkpoint-500/random_states_0.pkl"),
            "checkpoint-500/random_states_0.pkl",
            "checkpoint-500",
            500L,
            "checkpoint-500/unet_ema/diffusion_pytorch_model.safetensors",
            "averaged (EMA) weights: unet_ema; unet is there too"),
        new Writing(
            "diffusers",
            List.of(
                "checkpoint-20/transformer/config.json",
                "checkpoint-20/transformer/diffusion_pytorch_model.bin",
                "checkpoint-20/optimizer.bin",
                "checkpoint-20/random_states_0.pkl"),
            "checkpoint-20/random_states_0.pkl",
            "checkpoint-20",
            20L,
            "checkpoint-20/transformer/diffusion_pytorch_model.bin",
            "raw weights: transformer"),
        new Writing(
            "diffusers-pipeline",
            List.of(
                "scheduler/scheduler_config.json",
                "unet/config.json",
                "unet/diffusion_pytorch_model.safetensors",
                "model_index.json"),
            "model_index.json",
            "",
            null,
            "unet/diffusion_pytorch_model.safetensors",
            "raw weights: unet"),
        new Writing(
            "accelerate",
            List.of(
                "checkpoints/checkpoint_3/model.safetensors",
                "checkpoints/checkpoint_3/model_1.safetensors",
                "checkpoints/checkpoint_3/optimizer.bin",
                "checkpoints/checkpoint_3/scheduler.bin",
                "checkpoints/checkpoint_3/random_states_0.pkl",
                "checkpoints/checkpoint_3/custom_checkpoint_0.pkl"),
            "checkpoints/checkpoint_3/random_states_0.pkl",
            "checkpoints/checkpoint_3",
            3L,
            "checkpoints/checkpoint_3/model.safetensors",
            "raw weights: model; model_1 is there too"),
        new Writing(
            "accelerate",
            List.of(
                "step_1000/pytorch_model.bin",
                "step_1000/optimizer.bin",
                "step_1000/random_states_0.pkl"),
            "step_1000/random_states_0.pkl",
            "step_1000",
            1000L,
            "step_1000/pytorch_model.bin",
            "raw weights: model"),
        new Writing(
            "edm",
            List.of("network-snapshot-002500.pkl", "training-state-002500.pt", "stats.jsonl"),
            "training-state-002500.pt",
            "network-snapshot-002500.pkl",
            2500L,
            "network-snapshot-002500.pkl",
            "averaged (EMA) weights: ema"),
        new Writing(
            "edm",
            List.of("network-snapshot-000000.pkl", "stats.jsonl"),
            "stats.jsonl",
            "network-snapshot-000000.pkl",
            0L,
            "network-snapshot-000000.pkl",
            "averaged (EMA) weights: ema"),
        new Writing(
            "edm2",
            List.of(
                "network-snapshot-0008388-0.050.pkl",
                "network-snapshot-0008388-0.100.pkl",
                "training-state-0008388.pt"),
            "network-snapshot-0008388-0.100.pkl",
            "network-snapshot-0008388-0.050.pkl",
            8388L,
            "network-snapshot-0008388-0.050.pkl",
            "averaged (EMA) weights: 0.050; 0.100 is there too"),
        new Writing(
            "guided-diffusion",
            List.of(
                "model010000.pt", "ema_0.999_010000.pt", "ema_0.9999_010000.pt", "opt010000.pt"),
            "opt010000.pt",
            "ema_0.9999_010000.pt",
            10_000L,
            "ema_0.9999_010000.pt",
            "averaged (EMA) weights: 0.9999; 0.999, model are there too"),
        new Writing(
            "dit",
            List.of("checkpoints/0050000.pt"),
            null,
            "checkpoints/0050000.pt",
            50_000L,
            "checkpoints/0050000.pt",
            ""),
        new Writing("lucidrains", List.of("model-7.pt"), null, "model-7.pt", 7L, "model-7.pt", ""),
        new Writing(
            "lucidrains",
            List.of("model-latest.pt"),
            null,
            "model-latest.pt",
            null,
            "model-latest.pt",
            ""),
        new Writing(
            "lightning",
            List.of("epoch=1-step=200.ckpt"),
            null,
            "epoch=1-step=200.ckpt",
            200L,
            "epoch=1-step=200.ckpt",
            ""),
        new Writing(
            "kohya",
            List.of("digits8-step00000500.safetensors"),
            null,
            "digits8-step00000500.safetensors",
            500L,
            "digits8-step00000500.safetensors",
            ""),
        new Writing(
            "prime-rl",
            List.of("step_40/model.safetensors", "step_40/config.json", "step_40/STABLE"),
            "step_40/STABLE",
            "step_40",
            40L,
            "step_40/model.safetensors",
            "raw weights: model"),
        new Writing(
            "safetensors",
            List.of("unet-v2-77.safetensors"),
            null,
            "unet-v2-77.safetensors",
            77L,
            "unet-v2-77.safetensors",
            ""));
  }

  @ParameterizedTest
  @MethodSource("writings")
  void isReadNeitherEarlyNorTwice(Writing writing) throws IOException {
    WatchedFolder folder = new WatchedFolder(directory.resolve("run"));
    List<Sighting> all = new ArrayList<>();
    List<Writing.Event> events = writing.events();
    for (int i = 0; i < events.size(); i++) {
      assertThat(settled(all))
          .as("before %s", events.get(i))
          .hasSize(i < writing.complete() ? 0 : 1);
      perform(folder, events.get(i));
      all.addAll(folder.wait(4));
    }
    all.addAll(folder.wait(200));

    Checkpoint checkpoint = only(all);
    assertThat(checkpoint.file()).isEqualTo(folder.path(writing.path));
    assertThat(checkpoint.step()).isEqualTo(writing.step);
    assertThat(checkpoint.weights().path()).isEqualTo(folder.path(writing.weights).toString());
    assertThat(checkpoint.weights().part()).isNull();
    assertThat(CheckpointFiles.isCurrent(checkpoint)).isTrue();
    assertThat(recognised(all)).anyMatch(m -> m.contains("layout " + writing.layout + " ("));
    if (!writing.choice.isEmpty()) {
      assertThat(recognised(all)).contains(writing.choice);
    }
  }

  @ParameterizedTest
  @MethodSource("writings")
  void aWriterThatStopsAnywhereIsPassedOverOnceAndTakenWhenItGoesOn(Writing writing)
      throws IOException {
    List<Writing.Event> events = writing.events();
    for (int cut = 1; cut < writing.complete(); cut++) {
      WatchedFolder folder = new WatchedFolder(directory.resolve("run" + cut));
      List<Sighting> all = new ArrayList<>();
      for (Writing.Event event : events.subList(0, cut)) {
        perform(folder, event);
        all.addAll(folder.wait(1));
      }
      all.addAll(folder.wait(3 * WatchedFolder.SETTLE_TIMEOUT));
      assertThat(settled(all)).as("stopped after %s", events.get(cut - 1)).isEmpty();
      assertThat(passedOver(all)).extracting(PassedOver::reason).isSubsetOf(Reason.INCOMPLETE);
      assertThat(passedOver(all)).hasSizeLessThanOrEqualTo(1);

      for (Writing.Event event : events.subList(cut, events.size())) {
        perform(folder, event);
        all.addAll(folder.wait(1));
      }
      all.addAll(folder.wait(10));
      assertThat(only(all).weights().path())
          .as("went on after %s", events.get(cut - 1))
          .isEqualTo(folder.path(writing.weights).toString());
    }
  }

  @ParameterizedTest
  @MethodSource("writings")
  void aRestartedTrainingThatWritesTheSameNamesIsAnotherCheckpoint(Writing writing)
      throws IOException {
    WatchedFolder folder = new WatchedFolder(directory.resolve("run"));
    writing.events().forEach(event -> perform(folder, event));
    Checkpoint first = only(folder.wait(10));

    List<Sighting> all = new ArrayList<>();
    List<Writing.Event> events = writing.events();
    int weights = events.indexOf(new Writing.Event(writing.weights, true));
    for (int i = 0; i < events.size(); i++) {
      perform(folder, events.get(i));
      all.addAll(folder.wait(4));
      // A marker that is there from the first time tells nothing of the second.
      if (i >= weights
          && i + 1 < writing.complete()
          && !writing.layout.equals("diffusers-pipeline")) {
        assertThat(settled(all)).as("after %s", events.get(i)).isEmpty();
        assertThat(CheckpointFiles.isCurrent(first)).isFalse();
      }
    }
    Checkpoint second = only(all);
    assertThat(second.path()).isEqualTo(first.path());
    assertThat(second.step()).isEqualTo(first.step());
    assertThat(second.identity()).isNotEqualTo(first.identity());
  }

  @ParameterizedTest
  @MethodSource("writings")
  void whatWasWrittenBeforeTheMonitorStartedIsTakenOnce(Writing writing) throws IOException {
    WatchedFolder folder = new WatchedFolder(directory.resolve("run"));
    writing.events().forEach(event -> perform(folder, event));

    Checkpoint found = only(folder.wait(100));
    // The same checkpoint, given by hand.
    assertThat(CheckpointFiles.describe(folder.path(writing.path))).isEqualTo(found);
    assertThat(Layouts.inspect(folder.path("."), "auto"))
        .satisfies(
            seen -> {
              assertThat(seen.layout()).isEqualTo(writing.layout);
              assertThat(seen.checkpoints()).hasSize(1);
              assertThat(seen.checkpoints().getFirst().problem()).isNull();
              assertThat(seen.checkpoints().getFirst().weights()).isEqualTo(found.weights());
            });
  }

  @ParameterizedTest
  @MethodSource("writings")
  void aFolderThatIsDeletedWhileItIsWatchedIsAnOutcome(Writing writing) throws IOException {
    WatchedFolder folder = new WatchedFolder(directory.resolve("run"));
    List<Sighting> all = new ArrayList<>();
    for (Writing.Event event : writing.events().subList(0, Math.max(1, writing.complete() - 1))) {
      perform(folder, event);
    }
    all.addAll(folder.wait(1));
    try (Stream<Path> entries = Files.list(folder.path("."))) {
      entries.forEach(entry -> folder.deleteTree(entry.getFileName().toString()));
    }
    all.addAll(folder.wait(100));

    assertThat(settled(all)).isEmpty();
    assertThat(passedOver(all)).extracting(PassedOver::reason).isSubsetOf(Reason.VANISHED);
  }

  private static void perform(WatchedFolder folder, Writing.Event event) {
    if (event.isFirstHalf) {
      folder.begin(event.file);
    } else {
      folder.finish(event.file);
    }
  }

  private static Checkpoint only(List<Sighting> sightings) {
    assertThat(settled(sightings)).hasSize(1);
    return settled(sightings).getFirst();
  }
}
