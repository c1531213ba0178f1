package io.diffuscope.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.checkpoint.DirectorySettings.LayoutSettings;
import io.diffuscope.checkpoint.DirectorySettings.Markers;
import io.diffuscope.tensorfile.FloatArray;
import io.diffuscope.tensorfile.SafetensorsWriter;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What one entry tells, against what a listing of all entries tells, and how much is listed. */
class AnnouncedEntryTest {
  private static final String UNET = "/unet/diffusion_pytorch_model.safetensors";
  private static final String EMA = "/unet_ema/diffusion_pytorch_model.safetensors";

  private final List<Path> listed = new ArrayList<>();

  @TempDir private Path directory = Path.of("");

  @BeforeEach
  void realPath() throws IOException {
    directory = directory.toRealPath();
  }

  @ParameterizedTest
  @CsvSource({
    // layout or pattern, files, announced
    "auto, step-{}.safetensors, step-3.safetensors",
    "auto, {}.ckpt, 3.ckpt",
    "auto, 000000{}.pt, 0000003.pt",
    "auto, model-{}.pt, model-3.pt",
    "auto, network-snapshot-00000{}.pkl, network-snapshot-000003.pkl",
    "auto, a-step0000000{}.safetensors, a-step00000003.safetensors",
    "auto, checkpoint-{}/unet/diffusion_pytorch_model.safetensors, checkpoint-3",
    "auto, checkpoints/{}.ckpt, checkpoints/3.ckpt",
    "auto, checkpoints/checkpoint_{}/model.safetensors, checkpoints/checkpoint_3",
    "*.safetensors, step-{}.safetensors, step-3.safetensors",
    "ckpt_{step}.pt, ckpt_{}.pt, ckpt_3.pt",
    "run/{step}/model.safetensors, run/{}/model.safetensors, run/3/model.safetensors",
    "run/{step}, run/{}/model.safetensors, run/3",
  })
  void theDirectoryIsNotListedAndTheCandidateIsItsOwn(String layout, String files, String announced)
      throws Exception {
    for (int i = 1; i <= 9; i++) {
      write(files.replace("{}", Integer.toString(i)));
    }
    DirectorySettings settings = settings(layout);
    Path path = directory.resolve(announced);
    List<Candidate> all =
        new DirectoryListing(settings)
            .list().candidates().stream()
                .filter(candidate -> candidate.path().equals(path))
                .map(Candidate::withoutMarker)
                .toList();
    assertThat(all).hasSize(1);

    assertThat(entry(settings).candidates(path)).map(Candidate::withoutMarker).isEqualTo(all);
    assertThat(listed).allSatisfy(folder -> assertThat(folder).startsWith(path));
  }

  @Test
  void aFileInACheckpointIsThatCheckpointAndOnlyThatIsListed() throws Exception {
    write("checkpoint-500" + UNET);
    write("checkpoint-500" + EMA);
    write("checkpoint-600" + EMA);
    Path folder = directory.resolve("checkpoint-500");

    assertThat(entry(settings("auto")).candidates(folder.resolve("unet")))
        .singleElement()
        .satisfies(
            candidate -> {
              assertThat(candidate.path()).isEqualTo(folder);
              assertThat(String.valueOf(candidate.weights())).contains("unet_ema");
            });
    assertThat(listed).isNotEmpty().allSatisfy(l -> assertThat(l).startsWith(folder));
  }

  @Test
  void averagedWeightsAreNotMixedWithRawOnes() throws Exception {
    write("checkpoint-500" + EMA);
    write("checkpoint-600" + UNET);
    Path raw = directory.resolve("checkpoint-600");
    AnnouncedEntry entry = entry(settings("auto"));
    assertThat(entry.candidates(raw))
        .singleElement()
        .matches(c -> c.withoutMarker().obstacle() == null);

    entry.reported(CheckpointFiles.describe(directory.resolve("checkpoint-500")));

    assertThat(entry.candidates(raw))
        .filteredOn(c -> c.path().equals(raw))
        .singleElement()
        .satisfies(c -> assertThat(String.valueOf(c.obstacle())).contains("averaged (EMA)"));
    assertThat(listed).doesNotContain(directory);
  }

  @Test
  void epochsBesideStepsAreNoSteps() throws Exception {
    Path step = write("a-step=100.ckpt");
    Path epoch = write("epoch=3.ckpt");
    AnnouncedEntry entry = entry(settings("lightning"));
    assertThat(entry.candidates(epoch)).singleElement().matches(c -> c.step() != null);

    entry.reported(CheckpointFiles.describe(step));

    assertThat(entry.candidates(epoch))
        .filteredOn(c -> c.path().equals(epoch))
        .singleElement()
        .matches(c -> c.step() == null);
    assertThat(listed).isEmpty();
  }

  @Test
  void copiesOfAStepBesideEachOtherAreOneCheckpoint() throws Exception {
    Path averaged = write("ema_0.9999_000200.pt");
    Path raw = write("model000200.pt");
    write("ema_0.9999_000100.pt");

    // The layout cannot tell the copies' names, so the names are read, and nothing more.
    assertThat(entry(settings("auto")).candidates(raw))
        .singleElement()
        .matches(c -> c.path().equals(averaged));
    assertThat(listed).containsExactly(directory);
  }

  @Test
  void aDirectoryThatIsTheCheckpointIsListed() throws Exception {
    write(UNET.substring(1));
    Files.writeString(directory.resolve("model_index.json"), "{}");
    DirectorySettings settings = settings("auto");

    for (Path path : List.of(directory, directory.resolve("unet"))) {
      assertThat(entry(settings).candidates(path))
          .isEqualTo(new DirectoryListing(settings).list().candidates())
          .hasSize(1);
    }
  }

  @Test
  void whatLiesElsewhereAsksNobody() throws Exception {
    assertThat(entry(settings("auto")).candidates(directory.resolveSibling("other/a.pt")))
        .isEmpty();
    assertThat(listed).isEmpty();
  }

  private AnnouncedEntry entry(DirectorySettings settings) {
    return new AnnouncedEntry(
        settings,
        folder -> {
          listed.add(folder);
          return Folder.Lister.FILES.names(folder);
        });
  }

  private DirectorySettings settings(String layout) {
    boolean known = layout.equals(Layouts.AUTO) || Layouts.known().containsKey(layout);
    return DirectorySettings.of(directory)
        .withLayout(
            new LayoutSettings(
                known ? layout : Layouts.AUTO, known ? null : layout, "auto", Markers.REQUIRED));
  }

  private Path write(String name) throws IOException {
    Path file = directory.resolve(name);
    Files.createDirectories(file.getParent());
    SafetensorsWriter.write(
        file, Map.of("w", new FloatArray(TensorShape.of(1), new float[] {1})), Map.of());
    return file;
  }

  @Test
  void namesOfWritersAreNotSeen() throws Exception {
    assertThat(Folder.only(directory, Set.of("a.pt", ".a.pt", "a.pt.tmp1"), Folder.Lister.FILES))
        .satisfies(folder -> assertThat(folder.names()).containsExactly("a.pt"));
  }
}
