package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.data.DataSet;
import io.diffuscope.model.DevicePoints;
import io.diffuscope.model.Devices;
import io.diffuscope.model.ExactProducts;
import io.diffuscope.model.Tf32;
import io.diffuscope.sampling.NeighbourSearch.Exclusion;
import io.diffuscope.sampling.NeighbourSearch.Nearest;
import io.diffuscope.tensorfile.TensorShape;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Against all distances in plain Java. */
class NeighbourSearchTest {
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

  @ParameterizedTest
  @CsvSource({
    "1,4,0",
    "2,4,0",
    "3,2,0",
    "50,8,0",
    "50,8,100000",
    "50,1,0",
    "50,64,0",
    "200,33,1000"
  })
  void findsTheTwoNearest(int n, int blockRows, long residentBytes) throws Exception {
    int d = 6;
    float[] points = ProbeFiles.blobs(n, d, 1);
    float[] queries = ProbeFiles.blobs(31, d, 2);
    assertNearest(points, queries, d, blockRows, residentBytes, null);
  }

  @Test
  void leavesOutWhatIsExcluded() throws Exception {
    int d = 3;
    int n = 40;
    int[] labels = IntStream.range(0, n).map(i -> i % 7).toArray();
    int[] queryLabels = IntStream.range(0, 31).map(i -> i % 9).toArray();
    float[] points = ProbeFiles.blobs(n, d, 3);
    float[] queries = ProbeFiles.blobs(31, d, 4);
    for (int blockRows : new int[] {3, 16, 64}) {
      assertNearest(points, queries, d, blockRows, 0, new Exclusion(labels, queryLabels));
    }
  }

  /**
   * Points in a cloud around the query that is small beside its distance from the origin: TF32
   * ranks them nearly at random, and only four are compared exactly.
   */
  @Test
  void tf32DoesNotHideTheNearest() throws Exception {
    int d = 64;
    int n = 400;
    float[] query = ProbeFiles.blobs(1, d, 11);
    float[] points = new float[n * d];
    float[] noise = ProbeFiles.blobs(n, d, 12);
    for (int i = 0; i < n; i++) {
      double distance = 0.02 * (1 - 0.5 * i / n);
      for (int j = 0; j < d; j++) {
        points[i * d + j] = (float) (query[j] + distance * noise[i * d + j]);
      }
    }
    DataSet set = DataSet.of("points", TensorShape.of(d), points);
    int[] expected = nearestTwo(points, query, d);
    try (DevicePoints onDevice =
        DevicePoints.load(manager, set, new double[d], n, Long.MAX_VALUE)) {
      NDArray queries = queries(query, d);
      assertThat(
              new NeighbourSearch(onDevice, ExactProducts.plain(Tf32::matMul))
                  .nearestTwo(queries, null)
                  .index()[0])
          .isNotEqualTo(expected);
      assertThat(
              new NeighbourSearch(onDevice, ExactProducts.split(Tf32::matMul))
                  .nearestTwo(queries, null)
                  .index()[0])
          .isEqualTo(expected);
    }
  }

  /** By all distances in float64. */
  private static int[] nearestTwo(float[] points, float[] query, int d) {
    double[] squared = new double[points.length / d];
    for (int i = 0; i < points.length; i++) {
      double difference = (double) points[i] - query[i % d];
      squared[i / d] += difference * difference;
    }
    return IntStream.range(0, squared.length)
        .boxed()
        .sorted(Comparator.comparingDouble(i -> squared[i]))
        .limit(2)
        .mapToInt(Integer::intValue)
        .toArray();
  }

  @Test
  void findsNothingWhereAllIsExcluded() throws Exception {
    float[] points = {1, 2, 3};
    try (DevicePoints onDevice = onDevice(points, 1, 2, 0)) {
      Nearest nearest =
          new NeighbourSearch(onDevice)
              .nearestTwo(
                  queries(new float[] {1, 9}, 1),
                  new Exclusion(new int[] {5, 5, 5}, new int[] {5, 6}));
      assertThat(nearest.index()[0]).containsExactly(-1, -1);
      assertThat(nearest.distance()[0])
          .containsExactly(Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY);
      assertThat(nearest.index()[1]).containsExactly(2, 1);
      assertThat(nearest.distance()[1]).containsExactly(6, 7);
    }
  }

  /** A copy is at distance 0 exactly, whatever the centre; equal points tie. */
  @Test
  void copiesAreAtDistanceZero() throws Exception {
    int d = 5;
    float[] points = ProbeFiles.blobs(30, d, 5);
    for (int i = 0; i < points.length; i++) {
      points[i] += 12.345f;
    }
    // Points 3, 10, 17, 24 and 29 are equal: more than the search's candidates.
    for (int copy : new int[] {10, 17, 24, 29}) {
      System.arraycopy(points, 3 * d, points, copy * d, d);
    }
    for (int blockRows : new int[] {4, 64}) {
      try (DevicePoints onDevice = onDevice(points, d, blockRows, 0)) {
        Nearest nearest = new NeighbourSearch(onDevice).nearestTwo(queries(points, d), null);
        for (int i = 0; i < 30; i++) {
          assertThat(nearest.distance()[i][0]).isZero();
        }
        assertThat(Set.of(3, 10, 17, 24, 29))
            .contains(nearest.index()[17][0], nearest.index()[17][1]);
        assertThat(nearest.distance()[17][1]).isZero();
        assertThat(nearest.index()[17][0]).isNotEqualTo(nearest.index()[17][1]);
        assertThat(nearest.index()[4][0]).isEqualTo(4);
        assertThat(nearest.distance()[4][1]).isPositive();
      }
    }
  }

  /**
   * Points a hundredth apart at a distance of a hundred from each other's centre: ranks by an inner
   * product in float32 alone confuse them.
   */
  @Test
  void isExactWhereSinglePrecisionRanksAreNot() throws Exception {
    int d = 4;
    int n = 40;
    float[] points = new float[n * d];
    float[] queries = new float[n * d];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < d; j++) {
        points[i * d + j] = (i % 2 == 0 ? 30f : -30f) + (j == i % d ? .01f * i : 0);
        queries[i * d + j] = points[i * d + j] + .001f;
      }
    }
    assertNearest(points, queries, d, 64, 0, null);
  }

  @ParameterizedTest
  @CsvSource({"0.2", "0.5", "0.9", "5"})
  void findsAllPairsCloserThanARadius(double radius) throws Exception {
    int d = 3;
    float[] points = ProbeFiles.blobs(45, d, 6);
    float[] queries = ProbeFiles.blobs(20, d, 7);
    Set<Integer> expected = new HashSet<>();
    for (int q = 0; q < 20; q++) {
      for (int p = 0; p < 45; p++) {
        if (distance(queries, q, points, p, d) < radius) {
          expected.add(q * 1000 + p);
        }
      }
    }
    for (int blockRows : new int[] {7, 64}) {
      try (DevicePoints onDevice = onDevice(points, d, blockRows, 0)) {
        Set<Integer> found = new HashSet<>();
        new NeighbourSearch(onDevice)
            .closerThan(
                queries(queries, d),
                radius,
                (query, point) ->
                    assertThat(found.add(query * 1000 + point)).as("each pair once").isTrue());
        assertThat(found).isEqualTo(expected);
      }
    }
    assertThat(expected.isEmpty()).isEqualTo(radius < .1);
  }

  private void assertNearest(
      float[] points,
      float[] queries,
      int d,
      int blockRows,
      long residentBytes,
      @Nullable Exclusion exclusion)
      throws Exception {
    int n = points.length / d;
    try (DevicePoints onDevice = onDevice(points, d, blockRows, residentBytes)) {
      Nearest found = new NeighbourSearch(onDevice).nearestTwo(queries(queries, d), exclusion);
      for (int q = 0; q < queries.length / d; q++) {
        int query = q;
        int[] order =
            IntStream.range(0, n)
                .filter(
                    p ->
                        exclusion == null
                            || exclusion.pointLabels()[p] != exclusion.queryLabels()[query])
                .boxed()
                .sorted(
                    (a, b) ->
                        Double.compare(
                            distance(queries, query, points, a, d),
                            distance(queries, query, points, b, d)))
                .mapToInt(Integer::intValue)
                .toArray();
        for (int rank = 0; rank < 2; rank++) {
          if (rank < order.length) {
            assertThat(found.index()[q][rank]).isEqualTo(order[rank]);
            assertThat(found.distance()[q][rank])
                .isCloseTo(distance(queries, q, points, order[rank], d), within(1e-5));
          } else {
            assertThat(found.index()[q][rank]).isEqualTo(-1);
            assertThat(found.distance()[q][rank]).isInfinite();
          }
        }
      }
    }
  }

  private DevicePoints onDevice(float[] points, int d, int blockRows, long residentBytes)
      throws Exception {
    DataSet set = DataSet.of("points", TensorShape.of(d), points);
    return DevicePoints.load(manager, set, DevicePoints.meanOf(set), blockRows, residentBytes);
  }

  private NDArray queries(float[] values, int d) {
    return manager.create(Arrays.copyOf(values, values.length), new Shape(values.length / d, d));
  }

  private static double distance(float[] a, int i, float[] b, int j, int d) {
    double squared = 0;
    for (int k = 0; k < d; k++) {
      squared += Math.pow((double) a[i * d + k] - b[j * d + k], 2);
    }
    return Math.sqrt(squared);
  }
}
