package io.diffuscope.sampling;

import io.diffuscope.model.NetworkSettings;
import io.diffuscope.model.SigmaGrid;
import io.diffuscope.tensorfile.FloatArray;
import io.diffuscope.tensorfile.NpyWriter;
import io.diffuscope.tensorfile.SafetensorsWriter;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.jspecify.annotations.Nullable;

/**
 * The files of a small probe in a folder: the demo's network, 8x8 points drawn from two Gaussian
 * blobs, and checkpoints with random weights.
 */
public final class ProbeFiles {
  /** Elements of a point of the demo's network. */
  public static final int D = 64;

  private static final TensorShape POINT = TensorShape.of(1, 8, 8);
  private static final Map<String, TensorShape> PARAMETERS = parameters();

  private final Path folder;

  public ProbeFiles(Path folder) {
    this.folder = folder;
  }

  private static Map<String, TensorShape> parameters() {
    Map<String, TensorShape> shapes = new LinkedHashMap<>();
    shapes.put("input.weight", TensorShape.of(256, 102));
    shapes.put("input.bias", TensorShape.of(256));
    for (int i = 0; i < 3; i++) {
      shapes.put("blocks.%d.linear.weight".formatted(i), TensorShape.of(256, 256));
      shapes.put("blocks.%d.linear.bias".formatted(i), TensorShape.of(256));
    }
    shapes.put("output.weight", TensorShape.of(64, 256));
    shapes.put("output.bias", TensorShape.of(64));
    return shapes;
  }

  /** The demo's network. */
  public Path template() throws IOException {
    return resource("/io/diffuscope/demo/demo-network.pt");
  }

  /** Copies a resource of the class path into the folder. */
  public Path resource(String name) throws IOException {
    Path target = folder.resolve(name.substring(name.lastIndexOf('/') + 1));
    try (InputStream in =
        Objects.requireNonNull(ProbeFiles.class.getResourceAsStream(name), name)) {
      Files.copy(in, target, StandardCopyOption.REPLACE_EXISTING);
    }
    return target;
  }

  /** {@code n} points around two centres, as an array file. */
  public Path points(String name, int n, long seed) throws IOException {
    return write(name, POINT, blobs(n, D, seed));
  }

  /** Points of any shape as an array file. */
  public Path write(String name, TensorShape point, float[] values) throws IOException {
    Path file = folder.resolve(name);
    int n = Math.toIntExact(values.length / point.elements());
    NpyWriter.write(file, point.withFirst(n), values);
    return file;
  }

  /** {@code n} points in d dimensions around two centres. */
  public static float[] blobs(int n, int d, long seed) {
    RandomGenerator random = random(seed);
    float[] values = new float[n * d];
    for (int i = 0; i < n; i++) {
      double centre = i % 2 == 0 ? 0.5 : -0.5;
      for (int j = 0; j < d; j++) {
        values[i * d + j] = (float) (centre + 0.3 * random.nextGaussian());
      }
    }
    return values;
  }

  /** A generator whose numbers are fixed by the Java specification. */
  public static RandomGenerator random(long seed) {
    return RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
  }

  /** Standard normal numbers, one after the other. */
  static float[] gaussians(int count, long seed) {
    RandomGenerator random = random(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  /** A checkpoint of the demo's network with random weights of a trained one's size. */
  public Path checkpoint(String name, long seed) throws IOException {
    Path file = folder.resolve(name);
    SafetensorsWriter.write(file, weights(seed), Map.of());
    return file;
  }

  /** Random weights of the demo's network by parameter name. */
  public static Map<String, FloatArray> weights(long seed) {
    RandomGenerator random = random(seed);
    Map<String, FloatArray> tensors = new LinkedHashMap<>();
    PARAMETERS.forEach(
        (parameter, shape) -> {
          float[] values = new float[Math.toIntExact(shape.elements())];
          double scale = shape.rank() == 2 ? 1 / Math.sqrt((double) shape.dimension(1)) : 0.1;
          for (int i = 0; i < values.length; i++) {
            values[i] = (float) (scale * random.nextGaussian());
          }
          tensors.put(parameter, new FloatArray(shape, values));
        });
    return tensors;
  }

  /** A probe over these files: 40 samples in blocks of 16, 6 Heun steps. */
  public ProbeSpec spec(Path template, Path train, @Nullable Path holdout) {
    return new ProbeSpec(
        template.toString(),
        NetworkSettings.Overrides.NONE,
        train.toString(),
        holdout == null ? null : holdout.toString(),
        null,
        null,
        7,
        40,
        16,
        new FlowSettings(FlowSettings.Solver.HEUN, SigmaGrid.edm(6)),
        new DenoisingSettings(List.of(0.1, 1.0), 2, 20),
        folder.resolve("cache").toString(),
        1 << 26);
  }

  /** The probe that most tests need: 24 training and 20 hold-out points. */
  public ProbeSpec smallSpec() throws IOException {
    return spec(template(), points("train.npy", 24, 1), points("holdout.npy", 20, 2));
  }
}
