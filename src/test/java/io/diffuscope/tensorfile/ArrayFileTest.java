package io.diffuscope.tensorfile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ArrayFileTest {
  @ParameterizedTest
  @CsvSource({
    "f2,F16",
    "f4,F32",
    "f8,F64",
    "big-f4,F32",
    "big-f8,F64",
    "u1,U8",
    "i1,I8",
    "u2,U16",
    "i2,I16",
    "u4,U32",
    "i4,I32",
    "big-i4,I32",
    "u8,U64",
    "i8,I64",
    "b1,BOOL"
  })
  void readsWhatNumpyWroteInEitherOrder(String code, ElementType type) throws IOException {
    for (String order : new String[] {"c", "fortran"}) {
      try (ArrayFile file = open(order + "-" + code + ".npy")) {
        assertThat(file.shape()).isEqualTo(Fixtures.SHAPE);
        assertThat(file.type()).isEqualTo(type);
        float[] floats = floats(file, 0, 4);
        double[] doubles = file.readDoubles();
        assertThat(doubles).hasSize(24);
        for (int i = 0; i < 24; i++) {
          assertThat(doubles[i]).isEqualTo(Fixtures.value(type, i));
          assertThat(floats[i]).isEqualTo((float) Fixtures.value(type, i));
        }
        assertThat(floats(file, 1, 2)).containsExactly(Arrays.copyOfRange(floats, 6, 18));
        file.verifyUnchanged();
      }
    }
  }

  @Test
  void roundsLargeIntegersToFloatOnce() throws IOException {
    try (ArrayFile file = open("c-u4.npy")) {
      // 2^32 - 1 - 23 lies between 2^32 - 256 and 2^32; float32 has only those.
      assertThat(floats(file, 3, 1)).containsOnly(0x1p32f);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void readsEveryVersionOfTheFormat(int version) throws IOException {
    try (ArrayFile file = open("version-" + version + ".npy")) {
      assertThat(file.readDoubles()).startsWith(-3, -1.75, -0.5).endsWith(25.75).hasSize(24);
    }
  }

  @Test
  void widensHalvesAsNumpyDoes() throws IOException {
    try (ArrayFile halves = open("all-halves.npy");
        ArrayFile singles = open("all-halves-as-f4.npy")) {
      assertThat(halves.type()).isEqualTo(ElementType.F16);
      assertThat(halves.readDoubles()).hasSizeGreaterThan(1500).isEqualTo(singles.readDoubles());
    }
  }

  @Test
  void widensBfloat16() throws IOException {
    try (ArrayFile halves = open("bf16.safetensors", "b");
        ArrayFile singles = open("bf16-as-f4.npy")) {
      assertThat(halves.type()).isEqualTo(ElementType.BF16);
      assertThat(halves.shape()).isEqualTo(TensorShape.of(3, 4));
      assertThat(halves.readDoubles()).isEqualTo(singles.readDoubles());
      assertThat(floats(halves, 1, 2)).isEqualTo(floats(singles, 1, 2));
    }
  }

  @Test
  void readsShapesWithoutRows() throws IOException {
    try (ArrayFile scalar = open("scalar.npy");
        ArrayFile vector = open("vector.npy");
        ArrayFile empty = open("no-rows.npy")) {
      assertThat(scalar.shape()).isEqualTo(TensorShape.of());
      assertThat(scalar.readDoubles()).containsExactly(2.5);
      assertThat(floats(vector, 3, 2)).containsExactly(0.75f, 2f);
      assertThat(empty.shape()).isEqualTo(TensorShape.of(0, 3));
      assertThat(empty.readDoubles()).isEmpty();
      assertThat(floats(empty, 0, 0)).isEmpty();
    }
  }

  @Test
  void readsMembersOfArchives() throws IOException {
    for (String archive : new String[] {"stored.npz", "deflated.npz", "foreign-members.npz"}) {
      for (String name : new String[] {"points", "points.npy"}) {
        try (ArrayFile file = open(archive, name)) {
          assertThat(file.source()).endsWith(archive + ":" + name);
          assertThat(floats(file, 1, 2)).startsWith(4.5f).endsWith(18.25f);
        }
      }
    }
    try (ArrayFile only = open("deflated.npz");
        ArrayFile fortran = open("stored.npz", "other")) {
      assertThat(only.readDoubles()).isEqualTo(fortran.readDoubles());
    }
    try (ArrayFile zeros = open("zeros.npz")) {
      assertThat(zeros.shape()).isEqualTo(TensorShape.of(4096, 1024));
      assertThat(floats(zeros, 4000, 96)).containsOnly(0);
    }
  }

  @Test
  void readsTensors() throws IOException {
    try (ArrayFile only = open("one.safetensors");
        ArrayFile named = open("types.safetensors", "float64")) {
      assertThat(only.readDoubles()).isEqualTo(named.readDoubles());
    }
  }

  @Test
  void asksForTheNameOfOneOfSeveral() {
    fails(() -> open("stored.npz"), Reason.MISMATCH, "has 2 arrays", "stored.npz:NAME", "'points'");
    fails(() -> open("types.safetensors"), Reason.MISMATCH, "has 12 arrays", "and 2 more");
    fails(() -> open("stored.npz", "absent"), Reason.MISMATCH, "no array 'absent'", "'other'");
    fails(() -> open("one.safetensors", "absent"), Reason.MISMATCH, "no tensor 'absent'", "'only'");
    fails(() -> open("c-f4.npy", "points"), Reason.MISMATCH, "one array", "leave out ':points'");
    fails(() -> open("no-tensors.safetensors"), Reason.EMPTY, "has no arrays");
  }

  @Test
  void refusesWhatIsNoNumber() {
    fails(() -> open("objects.npy"), Reason.UNSUPPORTED, "pickled objects");
    fails(() -> open("complex.npy"), Reason.UNSUPPORTED, "'<c8'");
    fails(() -> open("text.npy"), Reason.UNSUPPORTED, "'<U1'");
    fails(() -> open("records.npy"), Reason.UNSUPPORTED, "[('x', '<f4'), ('y', '<i4')]");
    fails(
        () -> {
          try (ArrayFile file = open("bf16.safetensors", "f8")) {
            file.readRows(0, 1, FloatBuffer.allocate(1));
          }
        },
        Reason.UNSUPPORTED,
        "F8_E4M3",
        "convert");
  }

  @Test
  void refusesFilesThatAreNotThereOrNotArrays(@TempDir Path folder) throws IOException {
    String absent = folder.resolve("absent").toString();
    for (String suffix : new String[] {".npy", ".npz", ".safetensors"}) {
      fails(() -> ArrayFile.open(absent + suffix), Reason.VANISHED, absent, "check the path");
      Path directory = Files.createDirectory(folder.resolve("directory" + suffix));
      fails(() -> ArrayFile.open(directory.toString()), Reason.MALFORMED, "is a directory");
      Path text = Files.writeString(folder.resolve("text" + suffix), "x,y\n1,2\n3,4\n5,6\n");
      fails(() -> ArrayFile.open(text.toString()), Reason.MALFORMED, "text" + suffix);
    }
    fails(() -> ArrayFile.open("points.csv"), Reason.UNSUPPORTED, "points.csv", "numpy.save");
    fails(() -> ArrayFile.open("points\0.npy"), Reason.VANISHED, "not a file name");
  }

  @Test
  void checksTheRangeOfRows() throws IOException {
    try (ArrayFile file = open("c-f4.npy")) {
      assertThatThrownBy(() -> file.readRows(3, 2, FloatBuffer.allocate(12)))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> file.readRows(0, 2, FloatBuffer.allocate(11)))
          .isInstanceOf(IndexOutOfBoundsException.class);
      FloatBuffer target = FloatBuffer.allocate(14);
      file.readRows(0, 2, target.position(1));
      assertThat(target.position()).isEqualTo(13);
      assertThat(target.get(1)).isEqualTo(-3);
    }
  }

  @Test
  void readsArraysOfSeveralChunks(@TempDir Path folder) throws IOException {
    int rows = 1000;
    int width = 700;
    float[] values = new float[rows * width];
    for (int i = 0; i < values.length; i++) {
      values[i] = i;
    }
    Path file = folder.resolve("large.npy");
    NpyWriter.write(file, TensorShape.of(rows, width), values);
    try (ArrayFile array = ArrayFile.open(file.toString())) {
      assertThat(floats(array, 0, rows)).isEqualTo(values);
      assertThat(floats(array, 999, 1)).startsWith(999 * 700f).endsWith(699_999f);
    }
  }

  private static ArrayFile open(String fixture) throws BadInputException {
    return ArrayFile.open(Fixtures.path(fixture).toString());
  }

  private static ArrayFile open(String fixture, String name) throws BadInputException {
    return ArrayFile.open(Fixtures.path(fixture) + ":" + name);
  }

  private static float[] floats(ArrayFile file, long from, int rows) throws BadInputException {
    int width = (int) file.shape().withoutFirst().elements();
    FloatBuffer target = FloatBuffer.allocate(rows * width);
    file.readRows(from, rows, target);
    assertThat(target.hasRemaining()).isFalse();
    return target.array();
  }

  private static void fails(ThrowingCallable call, Reason reason, String... words) {
    assertThatExceptionOfType(BadInputException.class)
        .isThrownBy(call)
        .satisfies(failure -> assertThat(failure.reason()).isEqualTo(reason))
        .satisfies(failure -> assertThat(failure.getMessage()).contains(words));
  }
}
