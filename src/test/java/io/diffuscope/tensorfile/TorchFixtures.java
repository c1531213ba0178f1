package io.diffuscope.tensorfile;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;

/** What PyTorch wrote; see src/test/python/make_torch_fixtures.py. */
public final class TorchFixtures {
  /** The releases that wrote the fixtures. */
  static final List<String> RELEASES = List.of("torch-1.13", "torch-2.13");

  private TorchFixtures() {}

  public static Path path(String release, String name) {
    return Fixtures.path(release + "/" + name);
  }

  /** Compares every tensor with what Python wrote beside, in one read and in many. */
  static void assertValues(Path weights, Path expected) throws IOException {
    try (TensorSource source = WeightFiles.open(weights)) {
      assertThat(source.tensors().keySet()).containsExactlyInAnyOrderElementsOf(names(expected));
      assertListed(source, expected);
      source.verifyUnchanged();
    }
  }

  /** As {@link #assertValues}; there may be more tensors than Python wrote values of. */
  public static void assertListed(TensorSource source, Path expected) throws IOException {
    try (NpzFile archive = NpzFile.open(expected)) {
      for (String name : archive.names()) {
        TensorInfo info = info(source, name);
        try (ArrayFile array = archive.array(name)) {
          assertThat(info.shape()).as(name).isEqualTo(array.shape());
          double[] values = array.readDoubles();
          Float[] floats = new Float[values.length];
          for (int i = 0; i < values.length; i++) {
            floats[i] = (float) values[i];
          }
          assertThat(read(source, name, values.length)).as(name).isEqualTo(List.of(floats));
          for (int chunk : new int[] {1, 7}) {
            assertThat(read(source, name, chunk)).as(name).isEqualTo(List.of(floats));
          }
        }
      }
    }
  }

  static TensorInfo info(TensorSource source, String name) {
    return Objects.requireNonNull(source.tensors().get(name), name);
  }

  private static List<Float> read(TensorSource source, String name, int chunk) throws IOException {
    long size = info(source, name).shape().elements();
    List<Float> values = new ArrayList<>();
    for (long from = 0; from < size; from += chunk) {
      FloatBuffer part = FloatBuffer.allocate((int) Math.min(chunk, size - from));
      source.readFloats(name, from, part);
      assertThat(part.hasRemaining()).isFalse();
      for (float value : part.array()) {
        values.add(value);
      }
    }
    return values;
  }

  private static Set<String> names(Path expected) throws IOException {
    try (NpzFile archive = NpzFile.open(expected)) {
      return new TreeSet<>(archive.names());
    }
  }
}
