package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.data.DataSet;
import io.diffuscope.model.DevicePoints;
import io.diffuscope.model.Devices;
import io.diffuscope.sampling.NeighbourSearch.Exclusion;
import io.diffuscope.sampling.NeighbourSearch.Nearest;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What an index finds, against the search of all points. */
class IndexedSearchTest {
  private static final int N = 3000;
  private static final int QUERIES = 60;

  private NDManager manager;

  @BeforeEach
  void open() {
    Devices.configure(1);
    manager = NDManager.newBaseManager(Device.cpu());
  }

  @AfterEach
  void close() {
    manager.close();
  }

  /** Points of few directions and a little noise in all, as images are. */
  private static float[] points(int n, int d, long seed) {
    float[] directions = ProbeFiles.gaussians(12 * d, 99);
    RandomGenerator random = ProbeFiles.random(seed);
    float[] values = new float[n * d];
    for (int i = 0; i < n; i++) {
      for (int k = 0; k < 12; k++) {
        float along = (float) random.nextGaussian();
        for (int j = 0; j < d; j++) {
          values[i * d + j] += along * directions[k * d + j];
        }
      }
      for (int j = 0; j < d; j++) {
        values[i * d + j] += 0.1f * (float) random.nextGaussian() + 3;
      }
    }
    return values;
  }

  private static DataSet set(float[] points, TensorShape shape) {
    return DataSet.of("points", shape, points);
  }

  private NeighbourIndex build(DataSet set, double[] centre) throws Exception {
    return Tasks.run(new NeighbourIndexTask(manager, set, "points", centre, 5));
  }

  /** Points of 40 numbers are indexed whole, and of 500 along the directions they vary in. */
  @ParameterizedTest
  @ValueSource(ints = {40, 500})
  void findsWhatTheSearchOfAllPointsFinds(int d) throws Exception {
    DataSet set = set(points(N, d, 1), TensorShape.of(d));
    try (DevicePoints onDevice = DevicePoints.load(manager, set, Long.MAX_VALUE)) {
      NeighbourIndex index = build(set, onDevice.centre());
      assertThat(index.directions()).hasNumberOfRows(d == 40 ? 0 : 256);
      NeighbourSearch all = new NeighbourSearch(onDevice);
      NDArray queries = manager.create(points(QUERIES, d, 2), new Shape(QUERIES, d));
      Nearest exact = all.nearestTwo(queries, null);

      Nearest found = new IndexedSearch(set, index, all, Orbit.SINGLE).nearestTwo(queries, null);

      SearchRecall recall = SearchRecall.of(found, exact);
      assertThat(recall.queries()).isEqualTo(QUERIES);
      assertThat(recall.first()).isGreaterThan(QUERIES * 9 / 10);
      assertThat(recall.both()).isGreaterThan(QUERIES * 8 / 10);
      for (int i = 0; i < QUERIES; i++) {
        // What is missed is farther, never nearer.
        assertThat(found.distance()[i][0])
            .isGreaterThanOrEqualTo(exact.distance()[i][0] * (1 - 1e-9));
        if (found.index()[i][0] == exact.index()[i][0]) {
          assertThat(found.distance()[i][0])
              .isCloseTo(exact.distance()[i][0], within(1e-9 * exact.distance()[i][0]));
        }
      }
    }
  }

  @Test
  void aPointFindsItselfAtNoDistance() throws Exception {
    float[] points = points(N, 300, 1);
    DataSet set = set(points, TensorShape.of(300));
    try (DevicePoints onDevice = DevicePoints.load(manager, set, Long.MAX_VALUE)) {
      NeighbourIndex index = build(set, onDevice.centre());
      NDArray queries = HostArrays.points(manager, set, 1000, QUERIES);

      Nearest found =
          new IndexedSearch(set, index, new NeighbourSearch(onDevice), Orbit.SINGLE)
              .nearestTwo(queries, null);

      assertThat(found.firstIndex()).isEqualTo(IntStream.range(1000, 1000 + QUERIES).toArray());
      assertThat(found.firstDistance()).containsOnly(0);
    }
  }

  /** More duplicates than the index names: all points are looked at, and nothing is missed. */
  @Test
  void looksBeyondAGroupOfDuplicates() throws Exception {
    int d = 8;
    int copies = 2 * NeighbourIndex.CANDIDATES;
    float[] points = points(N, d, 1);
    for (int i = 1; i < copies; i++) {
      System.arraycopy(points, 0, points, i * d, d);
      points[i * d] += 1e-3f * i / copies;
    }
    int[] labels = IntStream.range(0, N).map(i -> i < copies ? 0 : i).toArray();
    DataSet set = set(points, TensorShape.of(d));
    try (DevicePoints onDevice = DevicePoints.load(manager, set, Long.MAX_VALUE)) {
      NeighbourSearch all = new NeighbourSearch(onDevice);
      IndexedSearch search =
          new IndexedSearch(set, build(set, onDevice.centre()), all, Orbit.SINGLE);
      NDArray queries = HostArrays.points(manager, set, copies - 3, 6);
      Exclusion exclusion = new Exclusion(labels, new int[] {0, 0, 0, copies, 1 + copies, 7});

      Nearest found = search.nearestTwo(queries, exclusion);
      Nearest exact = all.nearestTwo(queries, exclusion);

      // The first three are in the group.
      for (int i = 0; i < 3; i++) {
        assertThat(found.index()[i]).isEqualTo(exact.index()[i]);
        assertThat(found.index()[i][0]).isGreaterThanOrEqualTo(copies);
      }
      assertThat(pairs(search, queries, .01)).isEqualTo(pairs(all, queries, .01));
      assertThat(pairs(all, queries, .01)).hasSizeGreaterThan(3 * copies - 1);
    }
  }

  private static Set<List<Integer>> pairs(PointSearch search, NDArray queries, double radius)
      throws BadInputException {
    Set<List<Integer>> pairs =
        new TreeSet<>(
            (a, b) -> a.get(0) - b.get(0) != 0 ? a.get(0) - b.get(0) : a.get(1) - b.get(1));
    search.closerThan(queries, radius, (query, point) -> pairs.add(List.of(query, point)));
    return pairs;
  }

  @Test
  void findsMirrorImages() throws Exception {
    TensorShape image = TensorShape.of(1, 4, 6);
    int d = 24;
    float[] points = points(N, d, 1);
    Orbit orbit = Orbit.of(Augmentation.HFLIP, image, "test");
    float[] queries = new float[QUERIES * d];
    float[] one = new float[d];
    float[] mirrored = new float[d];
    for (int i = 0; i < QUERIES; i++) {
      System.arraycopy(points, 7 * i * d, one, 0, d);
      orbit.mirror(one, mirrored);
      System.arraycopy(mirrored, 0, queries, i * d, d);
    }
    DataSet set = set(points, image);
    try (DevicePoints onDevice = DevicePoints.load(manager, set, Long.MAX_VALUE)) {
      Nearest found =
          new IndexedSearch(
                  set, build(set, onDevice.centre()), new NeighbourSearch(onDevice, orbit), orbit)
              .nearestTwo(manager.create(queries, new Shape(QUERIES, d)), null);
      assertThat(found.firstIndex())
          .isEqualTo(IntStream.range(0, QUERIES).map(i -> 7 * i).toArray());
      assertThat(found.firstDistance()).containsOnly(0);
    }
  }

  /** Wherever a file is cut or changed, it is not used. */
  @Test
  void aDamagedFileIsNotUsed(@TempDir Path folder) throws Exception {
    int d = 270;
    DataSet set = set(points(1000, d, 1), TensorShape.of(d));
    NeighbourIndex index = build(set, new double[d]);
    NeighbourIndexStore store = new NeighbourIndexStore(folder);
    assertThat(store.find("key", 1000, d)).isEmpty();
    store.put("key", index);
    NeighbourIndex stored = store.find("key", 1000, d).orElseThrow();
    assertThat(stored).usingRecursiveComparison().isEqualTo(index);
    assertThat(stored.near(index.vectors()[17])).startsWith(17).hasSize(128);
    assertThat(store.find("key", 999, d)).isEmpty();
    assertThat(store.find("key", 1000, d + 1)).isEmpty();

    Path file = folder.resolve("neighbours").resolve("key.index");
    byte[] whole = Files.readAllBytes(file);
    List<Integer> places = new ArrayList<>(List.of(0, 8, 12, 16, whole.length - 1));
    RandomGenerator random = ProbeFiles.random(3);
    random.ints(8, 0, whole.length).forEach(places::add);
    // Where the links begin: the entry, a count, a link.
    int links = 16 + 4 * d + 4 * 256 * d + 4 * 256 * 1000;
    places.addAll(List.of(links, links + 4, links + 8));
    for (int place : places) {
      byte[] changed = whole.clone();
      changed[place] ^= (byte) 0x85;
      Files.write(file, changed);
      assertThat(store.find("key", 1000, d)).as("changed at %d", place).isEmpty();
      Files.write(file, Arrays.copyOf(whole, place));
      assertThat(store.find("key", 1000, d)).as("cut at %d", place).isEmpty();
    }
    // A count that nothing could hold.
    byte[] changed = whole.clone();
    ByteBuffer.wrap(changed).putInt(links + 4, Integer.MAX_VALUE);
    Files.write(file, changed);
    assertThat(store.find("key", 1000, d)).isEmpty();
    Files.write(file, whole);
    assertThat(store.find("key", 1000, d)).isPresent();
  }

  @Test
  void anIndexThatTheHeapCannotHoldIsRefused() {
    DataSet set = set(new float[2000], TensorShape.of(2));
    assertThatThrownBy(() -> NeighbourIndexTask.requireMemory(set, 2, 1000))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("1000 points")
        .hasMessageContaining("DIFFUSCOPE_JAVA_OPTIONS=-Xmx")
        .hasMessageContaining("neighbours.search");
  }

  /** Distances along directions are the whole distances where points vary in no others. */
  @Test
  void directionsSpanThePoints() throws Exception {
    int d = 300;
    float[] basis = ProbeFiles.gaussians(5 * d, 1);
    float[] along = ProbeFiles.gaussians(200 * 5, 2);
    float[] points = new float[200 * d];
    for (int i = 0; i < 200; i++) {
      for (int j = 0; j < d; j++) {
        for (int k = 0; k < 5; k++) {
          points[i * d + j] += along[i * 5 + k] * basis[k * d + j];
        }
      }
    }
    DataSet set = set(points, TensorShape.of(d));
    float[][] directions = Directions.of(manager, set, new float[d], 256, 1);
    float[][] projected =
        NeighbourIndexTask.project(
            manager.create(points, new Shape(200, d)), new float[d], directions);
    for (int i = 1; i < 200; i++) {
      double whole = 0;
      for (int j = 0; j < d; j++) {
        whole += Math.pow(points[i * d + j] - points[j], 2);
      }
      assertThat((double) NeighbourIndex.squaredDistance(projected[i], projected[0]))
          .isCloseTo(whole, within(1e-3 * whole));
    }
  }
}
