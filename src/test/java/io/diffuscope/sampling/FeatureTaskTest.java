package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import io.diffuscope.data.DataSet;
import io.diffuscope.model.Devices;
import io.diffuscope.sampling.FeatureTask.Limits;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Features are computed once, whatever happens to the disk in between. */
class FeatureTaskTest {
  private static final int D = 4;
  private static final int SIZE = 20;

  /** Shards of two parts of three points, 8 float32 each. */
  private static final long SHARD_BYTES = 2 * 3 * 8 * Float.BYTES;

  private static final Limits ON_DISK = new Limits(SHARD_BYTES, 0);
  private static final Limits IN_MEMORY = new Limits(SHARD_BYTES, 1 << 20);

  @TempDir private Path folder;
  private Path cache;
  private NDManager manager;
  private DataSet points;
  private float[] expected;

  @BeforeEach
  void open() {
    Devices.configure(1);
    manager = NDManager.newBaseManager(Device.cpu());
    float[] values = ProbeFiles.blobs(SIZE, D, 1);
    points = DataSet.of("points", TensorShape.of(D), values);
    expected = new float[SIZE * 2 * D];
    for (int i = 0; i < SIZE; i++) {
      for (int j = 0; j < D; j++) {
        expected[i * 2 * D + j] = values[i * D + j];
        expected[i * 2 * D + D + j] = 2 * values[i * D + j];
      }
    }
    cache = folder.resolve("cache").resolve("key");
  }

  @AfterEach
  void close() {
    manager.close();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aSecondTimeTheyAreThereAndAfterDamageTheyAreMadeAgain(boolean inMemory) throws Exception {
    Limits limits = inMemory ? IN_MEMORY : ON_DISK;
    assertThat(rowsMapped(limits)).isEqualTo(SIZE);
    List<Path> kept = kept();
    assertThat(kept).as("four shards and their index").hasSize(5);
    assertThat(rowsMapped(limits)).isZero();
    try (RandomAccessFile shard = new RandomAccessFile(kept.get(1).toFile(), "rw")) {
      shard.setLength(100);
    }
    assertThat(rowsMapped(limits)).as("the one shard").isEqualTo(6);
    assertThat(rowsMapped(limits)).isZero();
    Files.delete(kept.get(3));
    assertThat(rowsMapped(limits)).as("the last shard").isEqualTo(2);
    Files.writeString(kept.get(4), "{}");
    assertThat(rowsMapped(limits)).as("the index").isZero();
    for (Path file : kept) {
      Files.delete(file);
    }
    assertThat(rowsMapped(limits)).isEqualTo(SIZE);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whatWasInterruptedGoesOn(boolean inMemory) throws Exception {
    Limits limits = inMemory ? IN_MEMORY : ON_DISK;
    FakeMap map = new FakeMap(D, 3);
    try (FeatureTask task = task(map, cache, limits)) {
      for (int piece = 0; piece < 3; piece++) {
        assertThat(task.advance()).isTrue();
      }
      assertThat(map.applied()).as("one piece is one part").isEqualTo(9);
    }
    assertThat(kept()).as("one whole shard").hasSize(1);
    assertThat(rowsMapped(limits)).isEqualTo(SIZE - 6);
  }

  @Test
  void aFullDiskCostsTheCacheAndNotTheRun() throws Exception {
    Path blocked = Files.writeString(folder.resolve("file"), "where a folder should be");
    FakeMap map = new FakeMap(D, 3);
    try (DataSet features = Tasks.run(task(map, blocked.resolve("key"), IN_MEMORY))) {
      assertThat(all(features)).isEqualTo(expected);
    }
    assertThatThrownBy(() -> Tasks.run(task(map, blocked.resolve("key"), ON_DISK)))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("training set")
        .hasMessageContaining("--data-dir");
  }

  private int rowsMapped(Limits limits) throws IOException {
    FakeMap map = new FakeMap(D, 3);
    try (DataSet features = Tasks.run(task(map, cache, limits))) {
      assertThat(features.size()).isEqualTo(SIZE);
      assertThat(all(features)).isEqualTo(expected);
    }
    return map.applied();
  }

  private FeatureTask task(FakeMap map, Path where, Limits limits) {
    return new FeatureTask(manager, points, "training set", map, where, limits);
  }

  private List<Path> kept() throws IOException {
    try (Stream<Path> files = Files.list(cache)) {
      return files.sorted().toList();
    }
  }

  private static float[] all(DataSet data) throws IOException {
    FloatBuffer values = FloatBuffer.allocate(SIZE * 2 * D);
    data.read(0, SIZE, values);
    return values.array();
  }
}
