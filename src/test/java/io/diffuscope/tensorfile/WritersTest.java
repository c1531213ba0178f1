package io.diffuscope.tensorfile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WritersTest {
  private static final float[] VALUES = new float[24];

  static {
    for (int i = 0; i < VALUES.length; i++) {
      VALUES[i] = (float) Fixtures.value(ElementType.F32, i);
    }
  }

  @TempDir private Path folder;

  @Test
  void writesTheBytesThatNumpyWrites() throws IOException {
    Path file = folder.resolve("a.npy");
    NpyWriter.write(file, Fixtures.SHAPE, VALUES);
    assertThat(file).hasSameBinaryContentAs(Fixtures.path("c-f4.npy"));

    double[] doubles = new double[24];
    byte[] bytes = new byte[24];
    for (int i = 0; i < 24; i++) {
      doubles[i] = VALUES[i];
      bytes[i] = (byte) (255 - i);
    }
    NpyWriter.write(file, Fixtures.SHAPE, doubles);
    assertThat(file).hasSameBinaryContentAs(Fixtures.path("c-f8.npy"));
    NpyWriter.write(file, Fixtures.SHAPE, bytes);
    assertThat(file).hasSameBinaryContentAs(Fixtures.path("c-u1.npy"));
    NpyWriter.write(file, TensorShape.of(5), new float[] {-3, -1.75f, -.5f, .75f, 2});
    assertThat(file).hasSameBinaryContentAs(Fixtures.path("vector.npy"));
    NpyWriter.write(file, TensorShape.of(), new float[] {2.5f});
    assertThat(file).hasSameBinaryContentAs(Fixtures.path("scalar.npy"));
    NpyWriter.write(file, TensorShape.of(0, 3), new float[0]);
    assertThat(file).hasSameBinaryContentAs(Fixtures.path("no-rows.npy"));
  }

  @Test
  void writesTheBytesThatTheSafetensorsLibraryWrites() throws IOException {
    Path file = folder.resolve("a.safetensors");
    SafetensorsWriter.write(file, Map.of("only", new FloatArray(Fixtures.SHAPE, VALUES)), Map.of());
    assertThat(file).hasSameBinaryContentAs(Fixtures.path("one.safetensors"));
  }

  @Test
  void safetensorsComeBackInTheOrderWritten() throws IOException {
    Path file = folder.resolve("a.safetensors");
    Map<String, FloatArray> tensors = new LinkedHashMap<>();
    tensors.put("z.weight", new FloatArray(Fixtures.SHAPE, VALUES));
    tensors.put("a \"bias\"\n", new FloatArray(TensorShape.of(2), new float[] {7, Float.NaN}));
    tensors.put("none", new FloatArray(TensorShape.of(0, 4), new float[0]));
    SafetensorsWriter.write(file, tensors, Map.of("step", "100"));
    try (SafetensorsFile read = SafetensorsFile.open(file)) {
      assertThat(read.metadata()).containsExactly(Map.entry("step", "100"));
      assertThat(read.tensors().keySet()).containsExactlyElementsOf(tensors.keySet());
      FloatBuffer back = FloatBuffer.allocate(24);
      read.readFloats("z.weight", 0, back);
      assertThat(back.array()).isEqualTo(VALUES);
      FloatBuffer pair = FloatBuffer.allocate(2);
      read.readFloats("a \"bias\"\n", 0, pair);
      assertThat(pair.array()).containsExactly(7, Float.NaN);
    }
  }

  @Test
  void archivesComeBackAndAreTheSameForTheSameArrays() throws IOException {
    Path file = folder.resolve("a.npz");
    Path again = folder.resolve("b.npz");
    Map<String, DoubleArray> arrays = new LinkedHashMap<>();
    arrays.put("means", new DoubleArray(TensorShape.of(1, 3), new double[] {1e-300, Math.PI, -1}));
    arrays.put("bases", new DoubleArray(TensorShape.of(1, 3, 0), new double[0]));
    NpzWriter.write(file, arrays);
    NpzWriter.write(again, arrays);
    assertThat(file).hasSameBinaryContentAs(again);
    try (NpzFile archive = NpzFile.open(file);
        ArrayFile means = archive.array("means");
        ArrayFile bases = archive.array("bases")) {
      assertThat(archive.names()).containsExactly("means", "bases");
      assertThat(means.shape()).isEqualTo(TensorShape.of(1, 3));
      assertThat(means.readDoubles()).containsExactly(1e-300, Math.PI, -1);
      assertThat(bases.shape()).isEqualTo(TensorShape.of(1, 3, 0));
    }
  }

  @Test
  void valuesMustFillTheShape() {
    assertThatThrownBy(() -> NpyWriter.write(folder.resolve("a.npy"), Fixtures.SHAPE, new float[5]))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> NpyWriter.write(folder.resolve("a.npy"), Fixtures.SHAPE, new byte[5]))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void aFailureLeavesTheOldFileAndNothingElse() throws IOException {
    Path file = Files.writeString(folder.resolve("a.npy"), "old");
    assertThatThrownBy(
            () ->
                AtomicFile.write(
                    file,
                    channel -> {
                      new ElementOutput(channel).floats(VALUES);
                      throw new IOException("disk full");
                    }))
        .isInstanceOf(IOException.class)
        .hasMessageContainingAll(file.toString(), "disk full");
    assertThat(file).hasContent("old");
    assertThatThrownBy(
            () ->
                AtomicFile.write(
                    file,
                    channel -> {
                      throw new IllegalStateException("a fault of the caller");
                    }))
        .isInstanceOf(IllegalStateException.class);
    assertThat(names()).containsExactly("a.npy");
  }

  @Test
  void theTemporaryFileIsHiddenAndBesideTheTarget() throws IOException {
    AtomicFile.write(
        folder.resolve("a.npy"),
        channel -> assertThat(names()).singleElement().asString().startsWith(".a.npy."));
    assertThat(names()).containsExactly("a.npy");
  }

  @Test
  void namesTheFileThatCannotBeWritten() {
    Path file = folder.resolve("absent/a.npy");
    assertThatThrownBy(() -> NpyWriter.write(file, Fixtures.SHAPE, VALUES))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(file.toString());
  }

  private List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).toList();
    }
  }
}
