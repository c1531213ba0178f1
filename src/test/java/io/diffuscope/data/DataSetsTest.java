package io.diffuscope.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.DoubleArray;
import io.diffuscope.tensorfile.NpyWriter;
import io.diffuscope.tensorfile.NpzWriter;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.net.URI;
import java.net.URL;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataSetsTest {
  private static final TensorShape IMAGE = TensorShape.of(1, 8, 8);

  @TempDir private Path folder;

  @Test
  void imagesAreBroughtToTheRangeOfTheModel() throws Exception {
    try (DataSet data = open("images-u1.npy", IMAGE)) {
      assertThat(data.size()).isEqualTo(4);
      assertThat(data.pointShape()).isEqualTo(IMAGE);
      float[] values = all(data);
      // The fixture counts 0, 1, ..., 255.
      assertThat(values[0]).isEqualTo(-1f);
      assertThat(values[255]).isEqualTo(1f);
      assertThat(values[51]).isEqualTo(-0.6f);
      assertThat(values[204]).isEqualTo(0.6f);
      try (DataSet scaled = open("images-u1-scaled.npy", IMAGE)) {
        assertThat(values).isEqualTo(all(scaled));
      }
    }
  }

  @Test
  void flatPointsTakeTheShapeOfTheModel() throws Exception {
    try (DataSet shaped = open("images-flat.npy", IMAGE);
        DataSet flat = open("images-flat.npy", null)) {
      assertThat(shaped.pointShape()).isEqualTo(IMAGE);
      assertThat(flat.pointShape()).isEqualTo(TensorShape.of(64));
      assertThat(all(shaped)).isEqualTo(all(flat)).startsWith(-3f, -1.75f, -0.5f);
      assertThat(shaped.contentKey()).isNotEqualTo(flat.contentKey());
    }
  }

  @Test
  void channelsLastIsRefusedWithTheTranspose() {
    fails(
        () -> open("images-channels-last.npy", TensorShape.of(3, 8, 8)),
        Reason.WRONG_SHAPE,
        "the training set",
        "[4, 8, 8, 3]",
        "[3, 8, 8]",
        "numpy.transpose(x, (0, 3, 1, 2))");
  }

  @Test
  void otherShapesAreRefusedWithBoth() {
    fails(
        () -> open("images-u1.npy", TensorShape.of(3, 32, 32)),
        Reason.WRONG_SHAPE,
        "images-u1.npy",
        "[4, 1, 8, 8]",
        "[3, 32, 32]");
    fails(() -> open("images-u1.npy", TensorShape.of(64)), Reason.WRONG_SHAPE, "x.reshape(-1, 64)");
    fails(() -> open("images-flat.npy", TensorShape.of(63)), Reason.WRONG_SHAPE, "[4, 64]", "[63]");
  }

  @Test
  void pointsNeedCoordinatesAndRows() throws IOException {
    Path file = folder.resolve("a.npy");
    NpyWriter.write(file, TensorShape.of(5), new float[5]);
    fails(() -> open(file, null), Reason.WRONG_SHAPE, "[5]", "[N, ...]");
    fails(() -> open(file, TensorShape.of(1)), Reason.WRONG_SHAPE, "x.reshape(-1, 1)");
    NpyWriter.write(file, TensorShape.of(), new float[1]);
    fails(() -> open(file, null), Reason.WRONG_SHAPE, "single number");
    NpyWriter.write(file, TensorShape.of(5, 0), new float[0]);
    fails(() -> open(file, null), Reason.WRONG_SHAPE, "[5, 0]");
    NpyWriter.write(file, TensorShape.of(0, 64), new float[0]);
    fails(() -> open(file, IMAGE), Reason.EMPTY, "has no rows");
  }

  @Test
  void integersAreRefused() throws IOException {
    Path integers = Files.write(folder.resolve("a.safetensors"), integerTensor());
    fails(() -> open(integers, null), Reason.UNSUPPORTED, "I64", "float32");
  }

  @Test
  void valuesThatAreNotFiniteAreRefusedWithTheirRow() throws Exception {
    fails(() -> open("with-nan.npy", null), Reason.NON_FINITE, "row 2", "NaN");
    fails(() -> open("overflows-f4.npy", null), Reason.NON_FINITE, "row 3", "Infinity");
    try (FileDataSet data = fromDisk(path("with-nan.npy"), TensorShape.of(3))) {
      data.read(0, 2, FloatBuffer.allocate(6));
      fails(() -> data.read(1, 2, FloatBuffer.allocate(6)), Reason.NON_FINITE, "row 2");
    }
  }

  @Test
  void setsAreTheSameFromDiskAndInMemory() throws Exception {
    try (FileDataSet disk = fromDisk(path("images-u1.npy"), IMAGE);
        DataSet memory = open("images-u1.npy", IMAGE);
        DataSet given = DataSet.of("given", IMAGE, all(memory))) {
      assertThat(all(disk)).isEqualTo(all(memory));
      assertThat(disk.contentKey())
          .isEqualTo(memory.contentKey())
          .isEqualTo(given.contentKey())
          .matches("[0-9a-f]{64}");
      FloatBuffer target = FloatBuffer.allocate(3 * 64 + 2).position(1);
      disk.read(1, 3, target);
      assertThat(target.position()).isEqualTo(1 + 3 * 64);
      assertThat(target.get(1)).isEqualTo(64 / 127.5f - 1);
      for (DataSet data : List.of(disk, memory)) {
        assertThatThrownBy(() -> data.read(3, 2, FloatBuffer.allocate(128)))
            .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> data.read(0, 2, FloatBuffer.allocate(127)))
            .isInstanceOf(IndexOutOfBoundsException.class);
      }
    }
  }

  @Test
  void contentKeysTellSetsApart() throws Exception {
    float[] values = {1, 2, 3, 4};
    float[] other = {1, 2, 3, 5};
    TensorShape pair = TensorShape.of(2);
    assertThat(DataSet.of("a", pair, values).contentKey())
        .isEqualTo(DataSet.of("b", pair, values.clone()).contentKey())
        .isNotEqualTo(DataSet.of("a", pair, other).contentKey())
        .isNotEqualTo(DataSet.of("a", TensorShape.of(4), values).contentKey())
        // sha256(b"points 2 [2] float32\n" + numpy.array([1, 2, 3, 4], "<f4").tobytes())
        .isEqualTo("b6e05d85ecc600b75ba8b73118b6903935ac90101abdd21e57ee776ae0e9cdd9");
  }

  @Test
  void archivesAndDoublesAreSetsToo() throws Exception {
    Path file = folder.resolve("a.npz");
    NpzWriter.write(
        file,
        Map.of(
            "train", new DoubleArray(TensorShape.of(2, 2), new double[] {0.1, 0.2, 0.3, 0.4}),
            "test", new DoubleArray(TensorShape.of(1, 2), new double[] {5, 6})));
    try (DataSet train = DataSets.open(file + ":train", "training set", TensorShape.of(2));
        DataSet test = DataSets.open(file + ":test", "hold-out set", TensorShape.of(2))) {
      assertThat(all(train)).containsExactly(0.1f, 0.2f, 0.3f, 0.4f);
      assertThat(all(test)).containsExactly(5, 6);
      assertThat(train.source()).isEqualTo(file + ":train");
      DataSets.requireSameShape(train, test);
    }
  }

  @Test
  void trainAndHoldOutMustHaveTheSameShape() {
    DataSet train = DataSet.of("train.npy", IMAGE, new float[64]);
    DataSet holdout = DataSet.of("holdout.npy", TensorShape.of(64), new float[64]);
    fails(
        () -> DataSets.requireSameShape(train, holdout),
        Reason.WRONG_SHAPE,
        "holdout.npy",
        "[64]",
        "train.npy",
        "[1, 8, 8]");
  }

  @Test
  void aSetInMemoryIsWholeAndFinite() {
    for (float[] values : new float[][] {{}, {1, 2, 3}, {1, Float.NaN}}) {
      assertThatThrownBy(() -> DataSet.of("a", TensorShape.of(2), values))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void aFileThatChangesUnderASetIsNoticed() throws Exception {
    Path file = folder.resolve("a.npy");
    NpyWriter.write(file, TensorShape.of(2, 2), new float[] {1, 2, 3, 4});
    try (FileDataSet data = fromDisk(file, TensorShape.of(2))) {
      data.read(0, 1, FloatBuffer.allocate(2));
      NpyWriter.write(file, TensorShape.of(2, 2), new float[] {5, 6, 7, 8});
      fails(() -> data.read(1, 1, FloatBuffer.allocate(2)), Reason.CHANGED, "changed");
    }
  }

  @Test
  void severalThreadsReadTheSameSet() throws Exception {
    int rows = 2000;
    float[] values = new float[rows * 300];
    for (int i = 0; i < values.length; i++) {
      values[i] = i;
    }
    Path file = folder.resolve("a.npy");
    NpyWriter.write(file, TensorShape.of(rows, 300), values);
    try (FileDataSet data = fromDisk(file, TensorShape.of(300));
        ExecutorService threads = Executors.newFixedThreadPool(4)) {
      List<Future<Boolean>> results = new ArrayList<>();
      for (int thread = 0; thread < 4; thread++) {
        SplittableRandom random = new SplittableRandom(thread);
        results.add(
            threads.submit(
                () -> {
                  FloatBuffer target = FloatBuffer.allocate(50 * 300);
                  boolean right = true;
                  for (int i = 0; i < 100; i++) {
                    int from = random.nextInt(rows - 50);
                    data.read(from, 50, target.clear());
                    right &= target.get(0) == from * 300f;
                    right &= target.get(50 * 300 - 1) == (from + 50) * 300f - 1;
                  }
                  return right;
                }));
      }
      for (Future<Boolean> result : results) {
        assertThat(result.get()).isTrue();
      }
    }
  }

  private static byte[] integerTensor() {
    String header = "{\"a\":{\"dtype\":\"I64\",\"shape\":[1,1],\"data_offsets\":[0,8]}}";
    return ByteBuffer.allocate(8 + header.length() + 8)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(header.length())
        .put(header.getBytes(StandardCharsets.US_ASCII))
        .array();
  }

  private static FileDataSet fromDisk(Path file, TensorShape pointShape) throws IOException {
    return new FileDataSet(ArrayFile.open(file.toString()), pointShape);
  }

  private static DataSet open(String fixture, @Nullable TensorShape model) throws IOException {
    return open(path(fixture), model);
  }

  private static DataSet open(Path file, @Nullable TensorShape model) throws IOException {
    return DataSets.open(file.toString(), "training set", model);
  }

  private static Path path(String fixture) {
    URL url = Objects.requireNonNull(DataSetsTest.class.getResource(fixture), fixture);
    return Path.of(URI.create(url.toString()));
  }

  private static float[] all(DataSet data) throws IOException {
    int size = (int) data.size();
    FloatBuffer values = FloatBuffer.allocate(size * (int) data.pointShape().elements());
    data.read(0, size, values);
    assertThat(values.hasRemaining()).isFalse();
    return values.array();
  }

  private static void fails(ThrowingCallable call, Reason reason, String... words) {
    assertThatExceptionOfType(BadInputException.class)
        .isThrownBy(call)
        .satisfies(e -> assertThat(e.reason()).isEqualTo(reason))
        .satisfies(e -> assertThat(e.getMessage()).contains(words));
  }
}
