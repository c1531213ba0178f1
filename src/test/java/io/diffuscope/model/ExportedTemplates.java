package io.diffuscope.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.NpzFile;
import io.diffuscope.tensorfile.WeightsLocation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Compares what the monitor makes of exported networks with what Python made of them, for networks
 * whose sources may not be committed: run by hand on the folder that {@code
 * src/test/python/check_public_sources.py} wrote.
 *
 * <p>Exits with 1 where an output differs by more than 1e-4 of the largest one.
 */
public final class ExportedTemplates {
  private static final double TOLERANCE = 1e-4;

  private ExportedTemplates() {}

  /** Takes the folder. */
  public static void main(String... arguments) throws IOException {
    Devices.configure(1);
    List<Path> cases;
    try (Stream<Path> files = Files.list(Path.of(arguments[0]))) {
      cases = files.filter(f -> f.toString().endsWith(".npz")).sorted().toList();
    }
    boolean agreed = !cases.isEmpty();
    for (Path file : cases) {
      String name = file.toString().substring(0, file.toString().length() - ".npz".length());
      double difference = difference(name, file);
      System.out.printf("%-40s %.2g%n", Path.of(name).getFileName(), difference);
      agreed &= difference <= TOLERANCE;
    }
    System.exit(agreed ? 0 : 1);
  }

  private static double difference(String name, Path arrays) throws IOException {
    try (TorchScriptNetwork network =
            TorchScriptNetwork.load(
                Path.of(name + ".pt"), Device.cpu(), NetworkSettings.Overrides.NONE);
        NpzFile file = NpzFile.open(arrays);
        NDManager manager = NDManager.newBaseManager(Device.cpu())) {
      network.loadWeights(WeightsLocation.of(Path.of(name + ".safetensors")));
      double[] expected = values(file, "output");
      NDArray labels = manager.create(values(file, "noise_label"));
      Shape shape = new Shape(network.settings().shape().withFirst(labels.size()).toArray());
      NDArray input = manager.create(values(file, "input"), shape);
      double[] found =
          network
              .forward(
                  input.toType(DataType.FLOAT32, true),
                  labels.toType(DataType.FLOAT32, true),
                  classes(manager, network, file))
              .toType(DataType.FLOAT64, true)
              .toDoubleArray();
      double largest = Arrays.stream(expected).map(Math::abs).max().orElseThrow();
      double worst = 0;
      for (int i = 0; i < expected.length; i++) {
        worst = Math.max(worst, Math.abs(found[i] - expected[i]));
      }
      return found.length == expected.length ? worst / largest : Double.POSITIVE_INFINITY;
    }
  }

  private static @Nullable NDArray classes(
      NDManager manager, TorchScriptNetwork network, NpzFile file) throws IOException {
    if (network.settings().classes() == null) {
      return null;
    }
    return manager.create(
        Arrays.stream(values(file, "class_label")).mapToLong(v -> (long) v).toArray());
  }

  private static double[] values(NpzFile file, String name) throws IOException {
    try (ArrayFile array = file.array(name)) {
      return array.readDoubles();
    }
  }
}
