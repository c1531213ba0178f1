package io.diffuscope.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.FloatArray;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DenoiserTrainingTest {
  private static final int SIZE = 64;

  @TempDir private Path folder = Path.of("");
  private Path template = Path.of("");

  @BeforeEach
  void copyTemplate() throws IOException {
    template = DemoResource.NETWORK.copyTo(folder.resolve("template.pt"));
  }

  @Test
  void trainingReducesTheLossAndMovesWeightsAndAverage() throws IOException {
    try (DenoiserTraining training = DenoiserTraining.open(template, points(), small(1))) {
      Map<String, FloatArray> initial = training.weights();
      for (int i = 0; i < 10; i++) {
        training.step();
      }
      double early = training.loss();
      for (int i = 0; i < 90; i++) {
        training.step();
      }
      assertThat(training.steps()).isEqualTo(100);
      // A network that outputs 0 has the loss 1.1 here; this one reaches about 0.85.
      assertThat(training.loss()).isLessThan(0.9 * early);
      assertThat(training.averagedWeights().keySet()).isEqualTo(initial.keySet());
      initial.forEach(
          (name, before) -> {
            FloatArray average = get(training.averagedWeights(), name);
            assertThat(average.shape()).isEqualTo(before.shape());
            assertThat(average.values()).as(name).isNotEqualTo(before.values());
            assertThat(average.values())
                .as(name)
                .isNotEqualTo(get(training.weights(), name).values());
          });
    }
  }

  @Test
  void sameSeedSameWeightsOtherSeedOtherWeights() throws IOException {
    Map<String, FloatArray> first = trained(5);
    Map<String, FloatArray> second = trained(5);
    Map<String, FloatArray> other = trained(6);
    first.forEach(
        (name, weights) -> {
          assertThat(get(second, name).values()).as(name).containsExactly(weights.values());
          assertThat(get(other, name).values()).as(name).isNotEqualTo(weights.values());
        });
  }

  @Test
  void aFileThatIsNotTorchScriptIsRefused() throws IOException {
    Files.writeString(template, "not a network");
    BadInputException failure = refused();
    assertThat(failure.reason()).isEqualTo(Reason.MALFORMED);
    assertThat(failure).hasMessageContaining("template.pt").hasMessageContaining("TorchScript");
  }

  @Test
  void aMissingTemplateIsRefused() throws IOException {
    Files.delete(template);
    assertThat(refused()).hasMessageContaining("template.pt");
  }

  @Test
  void anotherPreconditioningIsRefused() throws IOException {
    replaceSettings("{\"preconditioning\": \"ddpm\", \"shape\": [1, 8, 8]}");
    BadInputException failure = refused();
    assertThat(failure.reason()).isEqualTo(Reason.UNSUPPORTED);
    assertThat(failure).hasMessageContaining("ddpm");
  }

  @Test
  void settingsWithoutAShapeAreRefused() throws IOException {
    replaceSettings("{\"preconditioning\": \"edm\"}");
    assertThat(refused().reason()).isEqualTo(Reason.UNSUPPORTED);
    replaceSettings("{");
    assertThat(refused().reason()).isEqualTo(Reason.UNSUPPORTED);
  }

  @Test
  void pointsOfAnotherSizeAreRefused() {
    TrainingPoints small = new TrainingPoints(new float[20], 2, 10);
    assertThatThrownBy(() -> DenoiserTraining.open(template, small, TrainingSettings.withSeed(1)))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("10 numbers");
  }

  private BadInputException refused() {
    return catchThrowableOfType(
        BadInputException.class,
        () -> DenoiserTraining.open(template, points(), TrainingSettings.withSeed(1)).close());
  }

  private Map<String, FloatArray> trained(long seed) throws IOException {
    try (DenoiserTraining training = DenoiserTraining.open(template, points(), small(seed))) {
      for (int i = 0; i < 25; i++) {
        training.step();
      }
      return training.averagedWeights();
    }
  }

  private static TrainingSettings small(long seed) {
    return new TrainingSettings(seed, 32, 1e-3, 0.999);
  }

  private static TrainingPoints points() {
    SplittableRandom random = new SplittableRandom(4);
    float[] values = new float[20 * SIZE];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextInt(17) / 8.0 - 1);
    }
    return new TrainingPoints(values, 20, SIZE);
  }

  private static FloatArray get(Map<String, FloatArray> arrays, String name) {
    FloatArray array = arrays.get(name);
    if (array == null) {
      throw new AssertionError("no tensor " + name);
    }
    return array;
  }

  /** Rewrites the archive, uncompressed as TorchScript wants it. */
  private void replaceSettings(String json) throws IOException {
    Path source = DemoResource.NETWORK.copyTo(folder.resolve("source.pt"));
    try (ZipInputStream in = new ZipInputStream(Files.newInputStream(source));
        ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(template))) {
      for (ZipEntry entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
        byte[] content = in.readAllBytes();
        if (entry.getName().endsWith("diffuscope.json")) {
          content = json.getBytes(StandardCharsets.UTF_8);
        }
        CRC32 checksum = new CRC32();
        checksum.update(content);
        ZipEntry copy = new ZipEntry(entry.getName());
        copy.setMethod(ZipEntry.STORED);
        copy.setSize(content.length);
        copy.setCrc(checksum.getValue());
        out.putNextEntry(copy);
        out.write(content);
      }
    }
  }
}
