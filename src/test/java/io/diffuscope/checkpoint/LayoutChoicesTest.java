package io.diffuscope.checkpoint;

import static io.diffuscope.checkpoint.WatchedFolder.passedOver;
import static io.diffuscope.checkpoint.WatchedFolder.recognised;
import static io.diffuscope.checkpoint.WatchedFolder.settled;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import io.diffuscope.checkpoint.DirectorySettings.LayoutSettings;
import io.diffuscope.checkpoint.DirectorySettings.Markers;
import io.diffuscope.checkpoint.Sighting.PassedOver;
import io.diffuscope.checkpoint.Sighting.Problem;
import io.diffuscope.checkpoint.Sighting.Reason;
import io.diffuscope.tensorfile.BadInputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What layouts choose and leave out, and how a directory is recognised. */
class LayoutChoicesTest {
  private static final String UNET = "unet/diffusion_pytorch_model.safetensors";
  private static final String UNET_EMA = "unet_ema/diffusion_pytorch_model.safetensors";

  @TempDir Path directory;

  private WatchedFolder folder;

  @BeforeEach
  void folder() throws IOException {
    folder = new WatchedFolder(directory.resolve("run"));
  }

  // diffusers, accelerate

  @Test
  void theFilesOfOtherProcessesAreWaitedForWhereTheCheckpointBeforeHasThem() {
    checkpoint(100, "random_states_1.pkl", "random_states_0.pkl");
    assertThat(settled(folder.wait(5))).hasSize(1);
    checkpoint(200, "random_states_0.pkl");
    List<Sighting> waiting = folder.wait(70);

    assertThat(settled(waiting)).isEmpty();
    assertThat(passedOver(waiting))
        .singleElement()
        .satisfies(
            p -> {
              assertThat(p.reason()).isEqualTo(Reason.INCOMPLETE);
              assertThat(p.message())
                  .contains(
                      "random_states_1.pkl, which checkpoint-100 has",
                      "diffuscope.checkpoints.markers = ignored");
            });
    folder.write("checkpoint-200/random_states_1.pkl");
    assertThat(settled(folder.wait(5))).hasSize(1);
  }

  @Test
  void aTrainingThatGoesOnWithFewerProcessesIsNotWaitedForForEver() {
    checkpoint(100, "random_states_1.pkl", "random_states_0.pkl");
    folder.wait(5);
    checkpoint(200, "random_states_0.pkl");
    assertThat(settled(folder.wait(30))).isEmpty();
    checkpoint(300, "random_states_0.pkl");

    assertThat(settled(folder.wait(5))).extracting(Checkpoint::step).containsExactly(200L, 300L);
  }

  @Test
  void rotationOfCheckpointsThatWereReadIsNoNews() {
    checkpoint(100, "random_states_0.pkl");
    checkpoint(200, "random_states_0.pkl");
    assertThat(settled(folder.wait(5))).hasSize(2);
    // The oldest goes before the next is begun, one file after the other.
    folder.delete("checkpoint-100/" + UNET);
    assertThat(folder.wait(1)).isEmpty();
    folder.deleteTree("checkpoint-100/unet");
    assertThat(folder.wait(1)).isEmpty();
    folder.deleteTree("checkpoint-100");
    assertThat(folder.wait(100)).isEmpty();
    checkpoint(300, "random_states_0.pkl");
    assertThat(settled(folder.wait(5))).extracting(Checkpoint::step).containsExactly(300L);
  }

  @Test
  void anEmptyOrForeignFolderIsNoCheckpoint() throws IOException {
    checkpoint(100, "random_states_0.pkl");
    Files.createDirectories(folder.path("checkpoint-200"));
    folder.write("checkpoint-notes/unet/" + "diffusion_pytorch_model.safetensors");
    folder.write("samples/0001.png");

    List<Sighting> all = folder.wait(100);
    assertThat(settled(all)).hasSize(1);
    assertThat(passedOver(all)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "auto, " + UNET_EMA + ",",
    "ema, " + UNET_EMA + ",",
    "raw, " + UNET + ",",
    "unet, " + UNET + ",",
    "unet_ema, " + UNET_EMA + ",",
    "some.key, " + UNET_EMA + ", some.key"
  })
  void theCopyOfTheWeightsCanBeChosen(String word, String file, @Nullable String part) {
    watch(layout("auto", null, word));
    folder.write("checkpoint-5/" + UNET_EMA);
    folder.write("checkpoint-5/" + UNET);
    folder.write("checkpoint-5/random_states_0.pkl");

    Checkpoint checkpoint = settled(folder.wait(5)).getFirst();
    assertThat(checkpoint.weights().path()).isEqualTo(at("checkpoint-5/" + file));
    assertThat(checkpoint.weights().part()).isEqualTo(part);
  }

  @Test
  void aChosenCopyIsWaitedForAndNotReplacedByAnother() {
    watch(layout("auto", null, "unet"));
    folder.write("checkpoint-5/" + UNET_EMA);
    folder.write("checkpoint-5/random_states_0.pkl");

    List<Sighting> all = folder.wait(70);
    assertThat(settled(all)).isEmpty();
    assertThat(passedOver(all))
        .singleElement()
        .extracting(PassedOver::message)
        .asString()
        .contains("the weights \"unet\" are not there: it has unet_ema", "--weights");
  }

  @Test
  void averagedAndRawWeightsAreNotMixedInOneSeries() {
    checkpoint(100, "random_states_0.pkl");
    assertThat(settled(folder.wait(5))).hasSize(1);
    folder.write("checkpoint-200/" + UNET_EMA);
    checkpoint(200, "random_states_0.pkl");
    checkpoint(300, "random_states_0.pkl");

    List<Sighting> all = folder.wait(100);
    assertThat(settled(all)).extracting(Checkpoint::step).containsExactly(200L);
    assertThat(passedOver(all))
        .singleElement()
        .extracting(PassedOver::message)
        .asString()
        .contains("checkpoint-300", "averaged (EMA) weights, which others here have");
  }

  @Test
  void theIndexOfShardsIsWhatIsReadAndIsWrittenLast() {
    folder.watchWith(folder.settings(), weights -> {});
    String stem = "checkpoint-5/unet/diffusion_pytorch_model";
    folder.write(stem + "-00001-of-00002.safetensors");
    folder.write(stem + "-00002-of-00002.safetensors");
    folder.write("checkpoint-5/random_states_0.pkl");
    assertThat(settled(folder.wait(30))).isEmpty();
    folder.write(stem + ".safetensors.index.json");
    folder.write("checkpoint-5/random_states_0.pkl");

    assertThat(settled(folder.wait(5)))
        .singleElement()
        .extracting(c -> c.weights().path())
        .isEqualTo(at(stem + ".safetensors.index.json"));
  }

  // Lightning

  @Test
  void lastIsNotEvaluatedBesideCheckpointsWithSteps() throws IOException {
    folder.move("epoch=0-step=100.ckpt");
    folder.move("last.ckpt");
    folder.move("epoch=0-step=100-v1.ckpt");
    Files.createSymbolicLink(folder.path("last-v1.ckpt"), Path.of("epoch=0-step=100.ckpt"));
    Files.createLink(folder.path("best.ckpt"), folder.path("epoch=0-step=100.ckpt"));

    List<Sighting> all = folder.wait(100);
    assertThat(settled(all))
        .extracting(Checkpoint::name)
        .containsExactly("epoch=0-step=100-v1.ckpt", "epoch=0-step=100.ckpt");
    assertThat(passedOver(all)).isEmpty();
  }

  @Test
  void aLastThatIsAloneIsReadEachTimeAndIsGivenUpForSteps() {
    folder.move("last.ckpt");
    List<Sighting> all = new ArrayList<>(folder.wait(5));
    folder.move("last.ckpt");
    all.addAll(folder.wait(5));
    assertThat(settled(all)).extracting(Checkpoint::step).containsExactly(null, null);
    assertThat(settled(all)).extracting(Checkpoint::identity).doesNotHaveDuplicates();
    folder.move("last.ckpt");
    folder.wait(1);
    folder.move("epoch=3-step=9.ckpt");

    all = folder.wait(10);
    assertThat(settled(all)).extracting(Checkpoint::step).containsExactly(9L);
    assertThat(passedOver(all)).as("it has not vanished").isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "epoch=2-step=300-v3.ckpt, 300",
    "step=12-val_loss=0.25.ckpt, 12",
    "epoch=7-val_loss=0.25.ckpt, 7",
    "model-val_loss=0.25.ckpt,",
    "model-0.25.ckpt,",
    "ddpm-004000.ckpt, 4000",
    "ddpm-004000-v2.ckpt, 4000",
  })
  void stepsOfLightningAreNotItsMetrics(String name, @Nullable Long step) throws IOException {
    folder.move(name);

    assertThat(settled(folder.wait(5))).extracting(Checkpoint::step).containsExactly(step);
    assertThat(CheckpointFiles.describe(folder.path(name)).step()).isEqualTo(step);
  }

  // EDM, EDM2, guided-diffusion, lucidrains, kohya

  @Test
  void aLineOfTheTickBeforeDoesNotShowThatASnapshotIsWhole() {
    folder.append("stats.jsonl", "{\"Progress/kimg\": 50}\n");
    folder.wait(5);
    folder.write("network-snapshot-000100.pkl");
    List<Sighting> all = folder.wait(70);
    assertThat(settled(all)).isEmpty();
    assertThat(passedOver(all))
        .singleElement()
        .extracting(PassedOver::message)
        .asString()
        .contains("its line of stats.jsonl, training-state-000100.pt or a later snapshot");
    folder.append("stats.jsonl", "{\"Progress/kimg\": 100}\n");

    assertThat(settled(folder.wait(5))).hasSize(1);
  }

  @Test
  void aLaterSnapshotShowsThatTheOneBeforeIsWhole() {
    folder.write("network-snapshot-000100.pkl");
    folder.wait(10);
    folder.begin("network-snapshot-000200.pkl");

    assertThat(settled(folder.wait(5))).extracting(Checkpoint::step).containsExactly(100L);
  }

  @ParameterizedTest
  @CsvSource({"0.1, 0.100", "0.100, 0.100", "auto, 0.050", "ema, 0.050"})
  void oneWidthOfSeveralIsRead(String word, String width) {
    watch(layout("auto", null, word));
    folder.write("network-snapshot-0001000-0.050.pkl");
    folder.write("network-snapshot-0001000-0.100.pkl");
    folder.write("training-state-0001000.pt");

    assertThat(settled(folder.wait(5)))
        .extracting(Checkpoint::name)
        .containsExactly("network-snapshot-0001000-%s.pkl".formatted(width));
  }

  @Test
  void theWidestAverageWaitsForWhatComesAfterIt() {
    watch(layout("edm2", null, "0.1"));
    folder.append("stats.jsonl", "{}\n");
    folder.write("network-snapshot-0001000-0.050.pkl");
    folder.write("network-snapshot-0001000-0.100.pkl");
    assertThat(settled(folder.wait(20))).isEmpty();
    folder.append("stats.jsonl", "{}\n");

    assertThat(settled(folder.wait(5))).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"0.2", "raw"})
  void aWidthThatIsNotWrittenIsNamedWithThoseThatAre(String word) {
    watch(layout("auto", null, word));
    folder.write("network-snapshot-0001000-0.050.pkl");
    folder.write("network-snapshot-0001000-0.100.pkl");

    assertThat(passedOver(folder.wait(70)))
        .singleElement()
        .extracting(PassedOver::message)
        .asString()
        .contains("it has 0.050, 0.100");
  }

  @ParameterizedTest
  @CsvSource({
    "auto, ema_0.9999_000010.pt",
    "raw, model000010.pt",
    "model, model000010.pt",
    "0.999, ema_0.999_000010.pt"
  })
  void oneRateOfSeveralIsRead(String word, String name) {
    watch(layout("auto", null, word));
    folder.write("model000010.pt");
    folder.write("ema_0.999_000010.pt");
    folder.write("ema_0.9999_000010.pt");
    folder.write("opt000010.pt");

    assertThat(settled(folder.wait(5))).extracting(Checkpoint::name).containsExactly(name);
  }

  /** The wider average comes late: one checkpoint, known before by the path of the other. */
  @Test
  void whatWasPassedOverAsAnotherCopyIsSaidWhenItSettles() {
    folder.write("model000010.pt");
    folder.write("ema_0.999_000010.pt");
    PassedOver incomplete = passedOver(folder.wait(100)).getFirst();
    assertThat(incomplete.path()).isEqualTo(folder.path("ema_0.999_000010.pt").toString());
    folder.write("ema_0.9999_000010.pt");
    folder.write("opt000010.pt");

    assertThat(folder.wait(5))
        .filteredOn(Sighting.Settled.class::isInstance)
        .singleElement()
        .isInstanceOfSatisfying(
            Sighting.Settled.class,
            settled -> {
              assertThat(settled.checkpoint().name()).isEqualTo("ema_0.9999_000010.pt");
              assertThat(settled.passedOverAs()).isEqualTo(incomplete.path());
            });
  }

  @Test
  void aSaveThatWasKilledBeforeItsAverageIsNotReadAsRawWeights() {
    folder.write("model000010.pt");
    folder.wait(5);
    for (String name : List.of("model000020.pt", "ema_0.9999_000020.pt", "opt000020.pt")) {
      folder.write(name);
    }

    List<Sighting> all = folder.wait(100);
    assertThat(settled(all)).extracting(Checkpoint::name).containsExactly("ema_0.9999_000020.pt");
    assertThat(passedOver(all)).extracting(PassedOver::reason).containsExactly(Reason.INCOMPLETE);
  }

  @Test
  void theBestOfLucidrainsIsLeftForTheLatest() {
    folder.write("model-best.pt");
    folder.wait(1);
    folder.write("model-latest.pt");
    List<Sighting> all = new ArrayList<>(folder.wait(5));
    folder.wait(1);
    folder.write("model-latest.pt");
    all.addAll(folder.wait(5));

    assertThat(settled(all))
        .extracting(Checkpoint::name)
        .containsExactly("model-latest.pt", "model-latest.pt");
    assertThat(passedOver(all)).isEmpty();
    assertThat(recognised(all)).contains("weights: latest; best is there too");
  }

  @ParameterizedTest
  @CsvSource({
    "network-snapshot-000100.pkl, auto, KIMG",
    "network-snapshot-0001000-0.050.pkl, edm2, KIMG",
    "flower-000003.safetensors, auto, EPOCHS",
    "flower-step00000500.safetensors, auto, ",
    "epoch=4.ckpt, lightning, EPOCHS",
    "epoch=4-step=500.ckpt, lightning, ",
    "0000100.pt, auto, ",
  })
  void aLayoutTellsWhatItsStepsCountWhereItKnows(
      String name, String layout, @Nullable StepUnit unit) {
    watch(layout(layout, null, "auto"));
    folder.write(name);

    List<Sighting> all = folder.wait(5);
    all.addAll(folder.wait(5));
    assertThat(all)
        .filteredOn(Sighting.Recognised.class::isInstance)
        .extracting(s -> ((Sighting.Recognised) s).stepUnit())
        .filteredOn(told -> told != null)
        .isEqualTo(unit == null ? List.of() : List.of(unit));
  }

  @Test
  void epochsBesideStepsHaveNoStep() throws IOException {
    folder.write("flower-step00000500.safetensors");
    folder.write("flower-000001.safetensors");
    folder.write("flower.safetensors");
    folder.write("unrelated.safetensors");
    folder.write("flower-step00000500-state/model.safetensors");

    assertThat(settled(folder.wait(5)))
        .extracting(Checkpoint::name, Checkpoint::step)
        .containsExactly(
            tuple("flower-step00000500.safetensors", 500L),
            tuple("flower-000001.safetensors", null),
            tuple("flower.safetensors", null));
  }

  @Test
  void epochsAloneAreSteps() {
    folder.write("flower-000002.safetensors");
    folder.write("flower-000010.safetensors");

    assertThat(settled(folder.wait(5))).extracting(Checkpoint::step).containsExactly(2L, 10L);
  }

  // torch.distributed.checkpoint

  @Test
  void aDistributedCheckpointIsTakenAtItsMetadataAndNotOnAnOldOne() throws IOException {
    folder.watchWith(folder.settings(), weights -> {});
    distributed("step-100");
    folder.write("notes-2024/readme.txt");
    folder.begin("step-100/.metadata.tmp");
    assertThat(settled(folder.wait(30))).isEmpty();
    finishMetadata("step-100");
    Checkpoint first = settled(folder.wait(5)).getFirst();
    assertThat(first.step()).isEqualTo(100);
    assertThat(first.weights().path()).isEqualTo(at("step-100"));

    folder.wait(10);
    distributed("step-100");
    assertThat(settled(folder.wait(30))).as("its metadata is of the first time").isEmpty();
    folder.delete("step-100/.metadata");
    finishMetadata("step-100");
    Checkpoint second = settled(folder.wait(5)).getFirst();
    assertThat(second.path()).isEqualTo(first.path());
    assertThat(second.identity()).isNotEqualTo(first.identity());
  }

  private void distributed(String name) {
    folder.write(name + "/__0_0.distcp");
    folder.write(name + "/__1_0.distcp");
  }

  private void finishMetadata(String name) throws IOException {
    folder.write(name + "/.metadata.tmp");
    Files.move(folder.path(name + "/.metadata.tmp"), folder.path(name + "/.metadata"));
  }

  // Recognition

  @Test
  void aPipelineGivesWayToCheckpoints() {
    folder.write(UNET);
    folder.write("model_index.json");
    List<Sighting> all = new ArrayList<>(folder.wait(5));
    assertThat(settled(all)).extracting(Checkpoint::step).containsExactly((Long) null);
    folder.write(UNET);
    folder.wait(1);
    checkpoint(500, "random_states_0.pkl");
    List<Sighting> later = folder.wait(5);

    assertThat(settled(later)).extracting(Checkpoint::step).containsExactly(500L);
    assertThat(passedOver(later)).as("the pipeline is there, and not waited for").isEmpty();
    assertThat(recognised(later)).anyMatch(m -> m.contains("layout diffusers ("));
    folder.deleteTree("checkpoint-500");
    assertThat(folder.wait(100)).isEmpty();
  }

  @Test
  void aStrayFileDoesNotTakeAWatchToAnotherLayout() {
    folder.write("step-000001.safetensors");
    assertThat(settled(folder.wait(5))).hasSize(1);
    folder.write("0000001.pt");
    folder.write("step-000002.safetensors");

    List<Sighting> all = folder.wait(5);
    assertThat(settled(all)).extracting(Checkpoint::step).containsExactly(2L);
    assertThat(recognised(all)).isEmpty();
  }

  @Test
  void thatNothingIsKnownIsSaidAgainAfterTheDirectoryWasOutOfSight() throws IOException {
    folder.write("net_A_100.pth");
    Sighting unknown = folder.wait(5).getFirst();
    assertThat(unknown).isInstanceOf(Problem.class);
    Path away = folder.path(".").normalize().resolveSibling("away");
    Files.move(folder.path(".").normalize(), away);
    assertThat(folder.wait(5)).singleElement().isInstanceOf(Problem.class).isNotEqualTo(unknown);
    Files.move(away, folder.path(".").normalize());

    List<Sighting> back = folder.wait(5);

    assertThat(back.getFirst()).isInstanceOf(Sighting.Recovered.class);
    assertThat(back.getLast()).as("what is in its way now").isEqualTo(unknown);
    assertThat(back).hasSize(2);
  }

  @Test
  void aDirectoryThatNothingIsKnownOfIsSaidOnce() {
    assertThat(folder.wait(5)).as("empty: the training has not begun").isEmpty();
    folder.write("net_A_100.pth");
    assertThat(folder.poll()).as("it may just have begun").isEmpty();
    folder.write("samples/1.png");
    assertThat(folder.poll()).isEmpty();

    assertThat(folder.wait(100))
        .singleElement()
        .isInstanceOfSatisfying(
            Problem.class,
            problem ->
                assertThat(problem.message())
                    .contains(
                        "net_A_100.pth, samples/", "--pattern", "{step}", "guided-diffusion"));
    folder.write("0000100.pt");
    assertThat(settled(folder.wait(5))).hasSize(1);
  }

  @Test
  void aNamedLayoutIsNotRecognisedButTaken() {
    watch(layout("lightning", null, "auto"));
    checkpoint(500, "random_states_0.pkl");
    folder.write("checkpoints/step=5.ckpt");

    List<Sighting> all = folder.wait(5);
    assertThat(settled(all)).extracting(Checkpoint::step).containsExactly(5L);
    assertThat(recognised(all)).isEmpty();
  }

  @Test
  void markersCanBeDoneWithout() {
    watch(new LayoutSettings("auto", null, "auto", Markers.IGNORED));
    folder.write("ema_0.9999_000010.pt");

    assertThat(settled(folder.wait(5))).hasSize(1);
  }

  @Test
  void whatIsThereButMayNotBeReadIsTakenOnceItMay() throws IOException {
    checkpoint(100, "random_states_0.pkl");
    folder.write("checkpoint-200/unet/config.json");
    folder.write("checkpoint-200/random_states_0.pkl");
    // A loop of links is refused to every user, root too, as a closed folder is to most.
    Path weights = folder.path("checkpoint-200/" + UNET);
    Files.createSymbolicLink(weights, weights);
    Path closed = folder.path("checkpoint-300");
    Files.createSymbolicLink(closed, closed);
    checkpoint(400, "random_states_0.pkl");

    List<Sighting> all = folder.wait(100);
    assertThat(settled(all)).extracting(Checkpoint::step).containsExactly(100L, 400L);
    assertThat(passedOver(all))
        .extracting(PassedOver::reason)
        .containsExactly(Reason.UNREADABLE, Reason.UNREADABLE);
    assertThat(passedOver(all))
        .extracting(PassedOver::path)
        .containsExactlyInAnyOrder(at("checkpoint-200"), at("checkpoint-300"));

    Files.delete(weights);
    folder.write("checkpoint-200/" + UNET);
    folder.write("checkpoint-200/random_states_0.pkl");
    assertThat(settled(folder.wait(5))).extracting(Checkpoint::step).containsExactly(200L);
  }

  // Patterns

  @Test
  void aPatternSaysWhereTheStepIs() {
    watch(layout("auto", "step-{step}/model_v2.safetensors", "ema"));
    folder.write("step-20/model_v2.safetensors");
    folder.write("step-3/model_v2.safetensors");
    folder.write("step-4/other.safetensors");
    folder.write("step-x/model_v2.safetensors");

    List<Checkpoint> found = settled(folder.wait(5));
    assertThat(found).extracting(Checkpoint::step).containsExactly(3L, 20L);
    assertThat(found).extracting(Checkpoint::path).contains(at("step-3/model_v2.safetensors"));
    assertThat(found).extracting(c -> c.weights().part()).containsOnly("ema");
  }

  @Test
  void aPatternOfFilesKnowsWildcardsAndTakesAllElseLiterally() {
    watch(layout("pattern", "net_?_*.{step}.pth", "auto"));
    folder.write("net_A_v2.7.pth");
    folder.write("net_A_v2x7.pth");
    folder.write("net_AB_v2.8.pth");
    folder.write("net_B_.9.pth");

    assertThat(settled(folder.wait(5))).extracting(Checkpoint::step).containsExactly(7L, 9L);
  }

  @Test
  void aPatternMayNameFoldersOfWeights() {
    watch(layout("auto", "out/iter_{step}", "auto"));
    folder.write("out/iter_5/model.safetensors");
    folder.write("out/iter_6/" + UNET_EMA);
    folder.write("out/iter_6/" + UNET);
    folder.write("out/iter_7/readme.txt");

    List<Sighting> all = folder.wait(70);
    assertThat(settled(all))
        .extracting(c -> c.weights().path())
        .containsExactly(at("out/iter_5/model.safetensors"), at("out/iter_6/" + UNET_EMA));
    assertThat(passedOver(all))
        .singleElement()
        .extracting(PassedOver::message)
        .asString()
        .contains("iter_7", "put the name of the file into the pattern");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "a/*.safetensors",
        "[",
        "{a",
        "../{step}.pt",
        "/{step}.pt",
        "{step}{step}"
      })
  void patternsThatCannotMatchAreRefused(String pattern) {
    assertThatThrownBy(() -> folder.settings().withPattern(pattern))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("pattern");
  }

  @Test
  void settingsThatContradictEachOtherAreRefused() {
    assertThatThrownBy(() -> layout("edm", "*.pkl", "auto")).hasMessageContaining("give one");
    assertThatThrownBy(() -> layout("pattern", null, "auto")).hasMessageContaining("{step}");
    assertThatThrownBy(() -> layout("edm3", null, "auto"))
        .hasMessageContaining("known are auto, diffusers");
    assertThatThrownBy(() -> layout("edm", null, " ")).hasMessageContaining("weights");
    assertThatThrownBy(() -> Markers.of("no")).hasMessageContaining("required and ignored");
  }

  // Given by hand

  @Test
  void partsOfACheckpointHaveItsStep() throws IOException {
    folder.write("checkpoint-500/" + UNET);
    folder.write("network-snapshot-0008388-0.050.pkl");

    assertThat(CheckpointFiles.describe(folder.path("checkpoint-500/" + UNET)).step())
        .isEqualTo(500);
    Checkpoint unet = CheckpointFiles.describe(folder.path("checkpoint-500/unet"));
    assertThat(unet.step()).isEqualTo(500);
    assertThat(unet.weights().path()).isEqualTo(at("checkpoint-500/" + UNET));
    assertThat(CheckpointFiles.isCurrent(unet)).isTrue();
    assertThat(CheckpointFiles.describe(folder.path("network-snapshot-0008388-0.050.pkl"), "ema"))
        .satisfies(
            c -> {
              assertThat(c.step()).isEqualTo(8388);
              assertThat(c.weights().part()).isNull();
            });
  }

  @Test
  void theWordsForACopyInsideAFileAreItsTrainers() throws IOException {
    folder.write("0000100.pt");
    folder.write("step=1.ckpt");

    assertThat(part("0000100.pt", "ema")).isEqualTo("ema");
    assertThat(part("0000100.pt", "raw")).isEqualTo("raw");
    assertThat(part("0000100.pt", "auto")).isNull();
    assertThat(part("step=1.ckpt", "raw")).isEqualTo("raw");
    assertThat(part("step=1.ckpt", "state_dict.net")).isEqualTo("state_dict.net");
  }

  private @Nullable String part(String name, String word) throws IOException {
    return CheckpointFiles.describe(folder.path(name), word).weights().part();
  }

  @Test
  void aDirectoryOfCheckpointsIsNotACheckpoint() {
    checkpoint(500, "random_states_0.pkl");
    assertThatThrownBy(() -> CheckpointFiles.describe(folder.path(".")))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("layout diffusers")
        .hasMessageContaining("checkpoint-500");
    assertThatThrownBy(() -> CheckpointFiles.describe(directory))
        .hasMessageContaining("no checkpoint of a layout that is known");
    assertThatThrownBy(() -> CheckpointFiles.describe(folder.path("checkpoint-500"), "ema"))
        .hasMessageContaining("averaged (EMA) weights are not there: it has unet");
  }

  // Text-to-image, inspection

  @Test
  void textToImageIsNotSupportedYetAndSaysSo() throws IOException {
    folder.write(UNET);
    folder.write(
        "model_index.json",
        "{\"_class_name\": \"P\", \"text_encoder\": [\"transformers\", \"CLIPTextModel\"]}"
            .getBytes(StandardCharsets.UTF_8));

    assertThat(passedOver(folder.wait(5)))
        .singleElement()
        .satisfies(
            p -> {
              assertThat(p.reason()).isEqualTo(Reason.MALFORMED);
              assertThat(p.message()).contains("text-to-image", "not supported yet");
            });
    assertThatThrownBy(() -> CheckpointFiles.describe(folder.path(".")))
        .hasMessageContaining("text-to-image");
    assertThat(Layouts.inspect(folder.path("."), "auto").checkpoints())
        .singleElement()
        .satisfies(seen -> assertThat(seen.problem()).contains("text-to-image"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"_class_name\": \"DDPMPipeline\", \"unet\": [\"diffusers\", \"UNet2DModel\"]}",
        "{\"text_encoder\": [null, null]}",
        "{\"nested\": {\"text_encoder\": [\"a\"]}}",
        "{\"text_encoder\": [\"transformers\"",
        "[\"text_encoder\"]",
        "no json at all"
      })
  void otherPipelinesAreLetThrough(String index) {
    folder.write(UNET);
    folder.write("model_index.json", index.getBytes(StandardCharsets.UTF_8));

    assertThat(settled(folder.wait(5))).hasSize(1);
  }

  @Test
  void anInspectionTellsWhatIsMissing() throws IOException {
    checkpoint(100, "random_states_0.pkl");
    checkpoint(200);
    folder.begin("checkpoint-300/" + UNET);
    folder.write("checkpoint-300/random_states_0.pkl");
    folder.write("model_index.json");
    folder.write(UNET);

    Inspection seen = Layouts.inspect(folder.path("."), "auto");
    assertThat(seen.layout()).isEqualTo("diffusers");
    assertThat(seen.why()).contains("checkpoint-100/unet");
    assertThat(seen.others()).containsExactly("diffusers-pipeline");
    assertThat(seen.checkpoints())
        .extracting(Inspection.Found::step)
        .containsExactly(100L, 200L, 300L);
    assertThat(seen.checkpoints().get(0).isComplete()).isTrue();
    assertThat(seen.checkpoints().get(1).problem()).contains("random_states_0.pkl");
    assertThat(seen.checkpoints().get(1).awaitsMarker()).isTrue();
    assertThat(seen.checkpoints().get(2).problem()).isNotNull();
    assertThat(seen.checkpoints().get(2).awaitsMarker()).isFalse();
    assertThat(seen.checkpoints().get(0).modified()).isEqualTo(folder.now());

    assertThat(Layouts.inspect(folder.path("checkpoint-100"), "auto").checkpoints())
        .singleElement()
        .satisfies(one -> assertThat(one.step()).isEqualTo(100));
    assertThat(Layouts.inspect(folder.path("checkpoint-100/" + UNET), "auto").checkpoints())
        .singleElement()
        .satisfies(one -> assertThat(one.isComplete()).isTrue());
    assertThat(Layouts.inspect(directory, "auto").layout()).isNull();
  }

  @Test
  void everyLayoutHasANameOfItsOwnAndADescription() {
    assertThat(Layouts.known()).hasSize(KnownLayouts.ALL.size());
    assertThat(Layouts.known().values()).noneMatch(String::isBlank);
    assertThat(Layouts.known().keySet()).containsAll(KnownLayouts.PROVISIONAL);
  }

  /** A checkpoint as diffusers writes it, its weights raw. */
  private void checkpoint(int step, String... last) {
    String name = "checkpoint-" + step;
    folder.write(name + "/unet/config.json");
    folder.write(name + "/" + UNET);
    for (String file : last) {
      folder.write(name + "/" + file);
    }
  }

  private void watch(LayoutSettings layout) {
    folder.watchWith(folder.settings().withLayout(layout), StructuralCheck.weights());
  }

  private static LayoutSettings layout(String name, @Nullable String pattern, String weights) {
    return new LayoutSettings(name, pattern, weights, Markers.REQUIRED);
  }

  private String at(String name) {
    return folder.path(name).toString();
  }
}
