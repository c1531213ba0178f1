package io.diffuscope.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.FloatArray;
import io.diffuscope.tensorfile.NpzFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Compares with PyTorch: {@code src/test/python/make_training_fixture.py} makes the fixture. */
class DenoiserTrainingOracleTest {
  private static final double SIGMA_DATA = 0.5;
  private static final double LEARNING_RATE = 1e-3;
  private static final int STEPS = 3;

  @TempDir private Path folder = Path.of("");

  @Test
  void lossGradientsAndAdamAgreeWithPyTorch() throws Exception {
    Map<String, double[]> fixture = fixture();
    double[] sigma = values(fixture, "sigma");
    double[] noise = values(fixture, "noise");
    TrainingPoints points = new TrainingPoints(floats(values(fixture, "points")), 16, 64);
    TrainingBatch batch = new TrainingBatch(points, SIGMA_DATA, sigma.length);
    TrainingSettings settings = new TrainingSettings(1, sigma.length, LEARNING_RATE, 0.999);
    Path template = DemoResource.NETWORK.copyTo(folder.resolve("template.pt"));
    try (DenoiserTraining training = DenoiserTraining.open(template, points, settings)) {
      Replay replay = new Replay(noise);
      for (int step = 0; step < STEPS; step++) {
        for (int row = 0; row < sigma.length; row++) {
          batch.set(row, row, sigma[row], replay);
        }
        assertThat(training.backward(batch))
            .isCloseTo(values(fixture, "losses")[step], within(2e-6));
        if (step == 0) {
          checkGradients(training.gradients(), fixture);
        }
        training.update();
      }
      checkWeights(training.weights(), fixture);
    }
  }

  private static void checkGradients(
      Map<String, FloatArray> gradients, Map<String, double[]> fixture) {
    assertThat(gradients).hasSize(10);
    gradients.forEach(
        (name, gradient) -> {
          double[] index = values(fixture, name + ".index");
          double[] expected = values(fixture, name + ".gradient");
          double largest = Math.abs(expected[0]);
          for (int i = 0; i < index.length; i++) {
            assertThat((double) gradient.values()[(int) index[i]])
                .as("%s[%d]", name, (int) index[i])
                .isCloseTo(expected[i], within(1e-4 * largest));
          }
        });
  }

  private static void checkWeights(Map<String, FloatArray> weights, Map<String, double[]> fixture) {
    weights.forEach(
        (name, weight) -> {
          double[] index = values(fixture, name + ".index");
          double[] expected = values(fixture, name + ".weight");
          for (int i = 0; i < index.length; i++) {
            assertThat((double) weight.values()[(int) index[i]])
                .as("%s[%d]", name, (int) index[i])
                .isCloseTo(expected[i], within(0.01 * LEARNING_RATE));
          }
        });
  }

  private Map<String, double[]> fixture() throws IOException {
    Path file = folder.resolve("fixture.npz");
    try (var content = getClass().getResourceAsStream("training-fixture.npz")) {
      assertThat(content).isNotNull();
      if (content != null) {
        Files.copy(content, file);
      }
    }
    Map<String, double[]> arrays = new HashMap<>();
    try (NpzFile archive = NpzFile.open(file)) {
      for (String name : archive.names()) {
        try (ArrayFile array = archive.array(name)) {
          arrays.put(name, array.readDoubles());
        }
      }
    }
    return arrays;
  }

  private static double[] values(Map<String, double[]> fixture, String name) {
    double[] values = fixture.get(name);
    if (values == null) {
      throw new AssertionError("the fixture has no " + name);
    }
    return values;
  }

  private static float[] floats(double[] values) {
    float[] copy = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      copy[i] = (float) values[i];
    }
    return copy;
  }

  /** Gives back recorded Gaussian numbers, one after the other. */
  private static final class Replay implements RandomGenerator {
    private final double[] numbers;
    private int next;

    Replay(double[] numbers) {
      this.numbers = numbers;
    }

    @Override
    public double nextGaussian() {
      return numbers[next++];
    }

    @Override
    public long nextLong() {
      throw new AssertionError("only Gaussian numbers are recorded");
    }
  }
}
