package io.diffuscope.checkpoint;

import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.TensorInfo;
import io.diffuscope.tensorfile.TensorSource;
import io.diffuscope.tensorfile.WeightFiles;
import io.diffuscope.tensorfile.WeightsLocation;
import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Checkpoints that diffusers, accelerate and Lightning themselves wrote (see {@code
 * make_trainer_fixtures.py}): the layout is recognised, every checkpoint is complete, and the
 * weights are those of the live network to the last bit.
 */
class RealTrainersTest {
  private static final Path TREES = resource("/trainers/versions.json").resolveSibling("");

  @TempDir private Path folder;

  /** A fresh checkout has lost the order in which the trainers wrote, which markers rest on. */
  @BeforeEach
  void copyInTheTrainersOrder() throws IOException {
    try (Stream<Path> tree = Files.walk(TREES)) {
      List<Path> files = tree.filter(Files::isRegularFile).sorted(BY_TIME_OF_WRITING).toList();
      Instant time = Instant.parse("2026-11-22T12:00:00Z");
      for (Path file : files) {
        Path copy = folder.resolve(TREES.relativize(file).toString());
        Files.createDirectories(copy.getParent());
        Files.copy(file, copy);
        time = time.plusSeconds(1);
        Files.setLastModifiedTime(copy, FileTime.from(time));
      }
    }
  }

  private static final Comparator<Path> BY_TIME_OF_WRITING =
      Comparator.<Path, Boolean>comparing(p -> p.toString().contains("random_states"))
          .thenComparing(Path::toString);

  @ParameterizedTest
  @CsvSource({
    "diffusers, diffusers, 2, 4, diffusers",
    "accelerate, accelerate, 2, 1, accelerate",
    "lightning, lightning, 2, 4, lightning",
    "pipeline, diffusers-pipeline, 1, , diffusers",
  })
  void readsWhatTheLibraryWrote(
      String tree, String layout, int checkpoints, Long lastStep, String expected)
      throws IOException {
    Inspection seen = Layouts.inspect(folder.resolve(tree), "auto");

    assertThat(seen.layout()).isEqualTo(layout);
    assertThat(seen.checkpoints()).hasSize(checkpoints).allMatch(Inspection.Found::isComplete);
    Inspection.Found last = seen.checkpoints().getLast();
    assertThat(last.step()).isEqualTo(lastStep);
    assertSameWeights(Objects.requireNonNull(last.weights()), expected);
  }

  @Test
  void rawWeightsWhereTheyAreAskedFor() throws IOException {
    Inspection seen = Layouts.inspect(folder.resolve("diffusers"), "raw");

    Inspection.Found last = seen.checkpoints().getLast();
    assertThat(last.choice()).contains("raw").contains("unet_ema");
    assertSameWeights(Objects.requireNonNull(last.weights()), "diffusers-raw");
  }

  @Test
  void shardsOfSavePretrainedAreOneCheckpoint() throws IOException {
    Checkpoint checkpoint = CheckpointFiles.describe(folder.resolve("sharded"));

    assertSameWeights(checkpoint.weights(), "diffusers");
    assertThat(CheckpointFiles.isCurrent(checkpoint)).isTrue();
    Files.setLastModifiedTime(
        folder.resolve("sharded/diffusion_pytorch_model-00003-of-00004.safetensors"),
        FileTime.from(Instant.parse("2026-11-22T13:00:00Z")));
    assertThat(CheckpointFiles.isCurrent(checkpoint)).isFalse();
  }

  /** Every expected tensor is there under its name or below one prefix, with the same bits. */
  private void assertSameWeights(WeightsLocation weights, String expected) throws IOException {
    Path live = folder.resolve(expected + "-expected.safetensors");
    try (TensorSource wanted = WeightFiles.open(live);
        TensorSource found = WeightFiles.open(Path.of(weights.path()))) {
      Map<String, String> names =
          wanted.tensors().keySet().stream()
              .collect(
                  toMap(
                      name -> name,
                      name ->
                          found.tensors().keySet().stream()
                              .filter(n -> n.equals(name) || n.endsWith("model." + name))
                              .filter(n -> !n.contains("optimizer"))
                              .findFirst()
                              .orElseThrow(() -> new AssertionError(name + " is missing"))));
      for (TensorInfo info : wanted.tensors().values()) {
        String name = Objects.requireNonNull(names.get(info.name()));
        TensorInfo actual = Objects.requireNonNull(found.tensors().get(name));
        assertThat(actual.shape()).isEqualTo(info.shape());
        assertThat(values(found, actual)).isEqualTo(values(wanted, info));
      }
      found.verifyUnchanged();
    }
  }

  private static float[] values(TensorSource source, TensorInfo info) throws BadInputException {
    float[] values = new float[Math.toIntExact(info.shape().elements())];
    source.readFloats(info.name(), 0, FloatBuffer.wrap(values));
    return values;
  }

  private static Path resource(String name) {
    try {
      URL found = Objects.requireNonNull(RealTrainersTest.class.getResource(name), name);
      return Path.of(found.toURI());
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }
}
