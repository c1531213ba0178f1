package io.diffuscope.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.FloatArray;
import io.diffuscope.tensorfile.SafetensorsWriter;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.io.InputStream;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Folders of export_data, and labels wherever they lie (fixtures by make_data_fixtures.py). */
class LabelledSetsTest {
  private static final TensorShape IMAGE = TensorShape.of(1, 2, 2);
  private static final int[] LABELS = {2, 0, 1, 2, 0, 1, 2};

  @TempDir private Path folder;

  @Test
  void aFolderIsOneSetWithItsLabels() throws Exception {
    String own;
    try (DataSet data = open(exported("exported-real").toString(), IMAGE)) {
      own = data.contentKey();
      assertThat(data.labels()).containsExactly(LABELS);
    }
    try (DataSet data = open(exported("exported-u8").toString(), IMAGE)) {
      assertThat(data.contentKey()).as("whatever the shards").isEqualTo(own);
      assertThat(data.size()).isEqualTo(7);
      assertThat(data.pointShape()).isEqualTo(IMAGE);
      assertThat(data.labels()).containsExactly(LABELS);
      float[] values = all(data);
      for (int i = 0; i < 28; i++) {
        assertThat(values[i]).isEqualTo(9 * i / 127.5f - 1);
      }
      DataSet same = DataSet.of("same", IMAGE, values);
      assertThat(data.contentKey()).isEqualTo(same.contentKey());
    }
    try (DataSet data = open(exported("exported-f16").toString(), null)) {
      assertThat(data.labels()).isNull();
      assertThat(all(data)).startsWith(0, .5f, 1).endsWith(6.5f, 7).hasSize(15);
    }
  }

  /** What does not fit into memory is read from the files, across their borders. */
  @Test
  void blocksCrossTheBordersOfShards() throws Exception {
    float[] expected;
    try (DataSet data = open(exported("exported-u8").toString(), IMAGE)) {
      expected = all(data);
    }
    try (ShardedDataSet data = ShardedDataSet.open(folder.resolve("exported-u8"), "set", IMAGE)) {
      assertThat(all(data)).isEqualTo(expected);
      assertThat(data.labels()).containsExactly(LABELS);
      for (int from = 0; from < 7; from++) {
        for (int count = 1; from + count <= 7; count++) {
          FloatBuffer target = FloatBuffer.allocate(count * 4 + 2).position(1);
          data.read(from, count, target);
          assertThat(target.position()).isEqualTo(1 + count * 4);
          for (int i = 0; i < count * 4; i++) {
            assertThat(target.get(1 + i)).isEqualTo(expected[from * 4 + i]);
          }
        }
      }
    }
  }

  @Test
  void manyShardsNeedFewOpenFiles() throws Exception {
    Path many = Files.createDirectory(folder.resolve("many"));
    List<String> shards = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      String file = "data-%05d-of-00050.safetensors".formatted(i);
      SafetensorsWriter.write(
          many.resolve(file),
          Map.of("points", new FloatArray(TensorShape.of(2, 3), filled(6, i))),
          Map.of());
      shards.add("{\"file\":\"" + file + "\",\"count\":2}");
    }
    writeIndex(many, index(100, "[3]", "F32", false, String.join(",", shards)));
    long before = openFiles();
    try (ShardedDataSet data = ShardedDataSet.open(many, "set", null)) {
      SplittableRandom random = new SplittableRandom(1);
      for (int round = 0; round < 200; round++) {
        int row = random.nextInt(99);
        FloatBuffer target = FloatBuffer.allocate(6);
        data.read(row, 2, target);
        assertThat(target.get(0)).isEqualTo((float) Math.floorDiv(row, 2));
        assertThat(target.get(5)).isEqualTo((float) Math.floorDiv(row + 1, 2));
      }
      assertThat(openFiles() - before).isLessThan(20);
    }
  }

  @Test
  void aShardThatIsReplacedIsNoticed() throws Exception {
    Path copy = exported("exported-f16");
    try (ShardedDataSet data = ShardedDataSet.open(copy, "set", null)) {
      data.read(0, 1, FloatBuffer.allocate(3));
      Path first = copy.resolve("data-00000-of-00002.safetensors");
      Path last = copy.resolve("data-00001-of-00002.safetensors");
      Files.move(last, first, StandardCopyOption.REPLACE_EXISTING);
      fails(() -> data.read(0, 1, FloatBuffer.allocate(3)), Reason.CHANGED, "00000-of-00002");
      fails(() -> data.read(4, 1, FloatBuffer.allocate(3)), Reason.VANISHED, "00001-of-00002");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"count\": 7|\"count\": 8|MALFORMED|8",
        "\"count\": 3|\"count\": 4|MALFORMED|count",
        "\"count\": 7|\"count\": 9223372036854775807|MALFORMED|count",
        "\"count\": 3|\"count\": 9223372036854775807|MALFORMED|index.json",
        "\"count\": 3|\"count\": -3|MALFORMED|count",
        "\"count\": 3|\"count\": 3.5|MALFORMED|count",
        "\"count\": 3|\"count\": 0|MALFORMED|no points",
        "data-00000|../exported-u8/data-00000|MALFORMED|shard 0",
        "data-00000|/data-00000|MALFORMED|shard 0",
        "data-00000|..|MALFORMED|shard 0",
        "data-00000|sub\\\\data-00000|MALFORMED|shard 0",
        "data-00001|data-00000|MALFORMED|shard 1",
        ".safetensors|.pkl|MALFORMED|shard 0",
        "diffuscope-data|other|MALFORMED|diffuscope-data",
        "\"version\": 1|\"version\": 2|UNSUPPORTED|version 2",
        "\"U8\"|\"F8_E4M3\"|UNSUPPORTED|F16",
        "\"U8\"|\"F32\"|WRONG_SHAPE|00000-of-00003",
        "\"labels\": true|\"labels\": 1|MALFORMED|labels",
        "\"labels\": true|\"labels\": true, \"labels\": false|MALFORMED|JSON",
        "\"shape\": [|\"shape\": [4294967296, 4294967296, |MALFORMED|overflow",
        "\"shape\": [|\"shape\": [-1, |MALFORMED|shape",
        "\"shape\": [|\"shape\": [0, |WRONG_SHAPE|[7, 0",
        "\"shape\": [|\"shape\": [2, |WRONG_SHAPE|[3, 2",
        "{|{{|MALFORMED|JSON",
      })
  void anIndexThatCannotBeIsRefused(String part, String other, Reason reason, String word)
      throws Exception {
    Path copy = exported("exported-u8");
    String text = Files.readString(copy.resolve("index.json"));
    assertThat(text).contains(part);
    writeIndex(copy, text.replaceFirst(quote(part), Matcher.quoteReplacement(other)));
    fails(() -> open(copy.toString(), null), reason, word);
  }

  @Test
  void whatIsNoFolderOfExportDataIsRefused() throws Exception {
    fails(() -> open(folder.toString(), null), Reason.VANISHED, "index.json", "export_data");
    writeIndex(folder, "");
    fails(() -> open(folder.toString(), null), Reason.MALFORMED, "index");
    writeIndex(folder, "[".repeat(100_000));
    fails(() -> open(folder.toString(), null), Reason.MALFORMED, "JSON");
    writeIndex(folder, " ".repeat((1 << 24) + 1));
    fails(() -> open(folder.toString(), null), Reason.MALFORMED, "longer");
    writeIndex(folder, index(0, "[3]", "F32", false, ""));
    fails(() -> open(folder.toString(), null), Reason.EMPTY, "no points");
    Path copy = exported("exported-u8");
    fails(
        () -> open(copy.toString(), TensorShape.of(3)), Reason.WRONG_SHAPE, "[3]", "[7, 1, 2, 2]");
    Files.delete(copy.resolve("data-00002-of-00003.safetensors"));
    fails(() -> open(copy.toString(), IMAGE), Reason.VANISHED, "data-00002");
    Path lacking = exported("exported-f16");
    String text = Files.readString(lacking.resolve("index.json"));
    writeIndex(lacking, text.replace("\"labels\": false", "\"labels\": true"));
    fails(() -> open(lacking.toString(), null), Reason.MISMATCH, "labels");
  }

  @Test
  void labelsLieBesideThePoints() throws Exception {
    for (String file : List.of("labelled.npz", "labelled-points.npz")) {
      try (DataSet data = open(resource(file), IMAGE)) {
        assertThat(data.labels()).containsExactly(LABELS);
        assertThat(all(data)).startsWith(-1, 9 / 127.5f - 1);
      }
    }
    try (DataSet data = open(resource("labelled.npz") + ":images", IMAGE)) {
      assertThat(data.labels()).containsExactly(LABELS);
    }
    try (DataSet data = open(resource("one-hot.npz") + ":images", IMAGE)) {
      assertThat(data.labels()).as("named points, and labels that are none").isNull();
    }
    try (DataSet data = open(resource("two-candidates.npz") + ":x", IMAGE)) {
      assertThat(data.labels()).as("whose labels?").isNull();
    }
    fails(() -> open(resource("two-candidates.npz"), IMAGE), Reason.MISMATCH, "images");
    fails(() -> open(resource("one-hot.npz"), IMAGE), Reason.WRONG_SHAPE, "[7, 3]", "labels");
    Path shard = exported("exported-u8").resolve("data-00001-of-00003.safetensors");
    try (DataSet data = open(shard.toString(), IMAGE)) {
      assertThat(data.labels()).containsExactly(2, 0, 1);
    }
  }

  @Test
  void labelsOfAFileOfTheirOwnReplaceAllOthers() throws Exception {
    String labels = resource("labels.npy");
    for (String points : List.of(resource("labelled.npz"), exported("exported-u8").toString())) {
      try (DataSet data = DataSets.open(points, "training set", IMAGE, labels)) {
        assertThat(data.labels()).containsExactly(2, 1, 0, 2, 1, 0, 2);
        DataSet relabelled = data.withLabels(LABELS);
        assertThat(relabelled.labels()).containsExactly(LABELS);
        assertThat(relabelled.contentKey()).isEqualTo(data.contentKey());
      }
    }
    String images = resource("labelled.npz");
    fails(
        () -> DataSets.open(images, "set", IMAGE, resource("labels-negative.npy")),
        Reason.MALFORMED,
        "row 3",
        "-1");
    fails(
        () -> DataSets.open(images, "set", IMAGE, resource("labels-float.npy")),
        Reason.UNSUPPORTED,
        "F32",
        "argmax");
    fails(
        () -> DataSets.open(exported("exported-f16").toString(), "set", null, labels),
        Reason.WRONG_SHAPE,
        "[7]",
        "5 points");
  }

  private static String quote(String text) {
    return Pattern.quote(text);
  }

  private static float[] filled(int count, float value) {
    float[] values = new float[count];
    Arrays.fill(values, value);
    return values;
  }

  private static String index(int count, String shape, String type, boolean labels, String shards) {
    return "{\"format\":\"diffuscope-data\",\"version\":1,\"count\":%d,\"shape\":%s,\"dtype\":\"%s\",\"labels\":%s,\"shards\":[%s]}"
        .formatted(count, shape, type, labels, shards);
  }

  private static void writeIndex(Path target, String text) throws IOException {
    Files.write(target.resolve("index.json"), text.getBytes(StandardCharsets.UTF_8));
  }

  private static long openFiles() throws IOException {
    try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
      return files.count();
    }
  }

  /** A copy of a folder among the fixtures. */
  private Path exported(String name) throws IOException {
    Path target = Files.createDirectories(folder.resolve(name));
    int shards =
        switch (name) {
          case "exported-u8" -> 3;
          case "exported-f16" -> 2;
          default -> 4;
        };
    List<String> files = new ArrayList<>(List.of("index.json"));
    for (int i = 0; i < shards; i++) {
      files.add("data-%05d-of-%05d.safetensors".formatted(i, shards));
    }
    for (String file : files) {
      copy(name + "/" + file, target.resolve(file));
    }
    return target;
  }

  private String resource(String name) throws IOException {
    Path target = folder.resolve(name);
    copy(name, target);
    return target.toString();
  }

  private static void copy(String name, Path target) throws IOException {
    try (InputStream in =
        Objects.requireNonNull(LabelledSetsTest.class.getResourceAsStream(name), name)) {
      Files.copy(in, target, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  private static DataSet open(String spec, @Nullable TensorShape model) throws IOException {
    return DataSets.open(spec, "training set", model);
  }

  private static float[] all(DataSet data) throws IOException {
    int size = (int) data.size();
    FloatBuffer values = FloatBuffer.allocate(size * (int) data.pointShape().elements());
    data.read(0, size, values);
    return values.array();
  }

  private static void fails(ThrowingCallable call, Reason reason, String... words) {
    assertThatExceptionOfType(BadInputException.class)
        .isThrownBy(call)
        .satisfies(e -> assertThat(e.reason()).isEqualTo(reason))
        .satisfies(e -> assertThat(e.getMessage()).contains(words));
  }
}
