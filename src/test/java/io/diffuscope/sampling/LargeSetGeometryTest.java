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
import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.sampling.ReferenceFlows.BlockReferences;
import io.diffuscope.statistics.HoldoutCheck;
import io.diffuscope.tensorfile.TensorShape;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Sets of which all distances would cost more than is allowed, beside the same without a limit. */
class LargeSetGeometryTest {
  private static final int D = 4;
  private static final int N = 3000;
  private static final NeighbourSettings BOUNDED = new NeighbourSettings(Augmentation.NONE, 1);

  private NDManager manager;
  private float[] train;
  private float[] holdout;

  @BeforeEach
  void open() {
    Devices.configure(1);
    manager = NDManager.newBaseManager(Device.cpu());
    train = gaussians(N, 1);
    holdout = gaussians(900, 2);
    // Equal points, a near duplicate of each tenth point, and copies in the hold-out set.
    System.arraycopy(train, 11 * D, train, 2000 * D, D);
    for (int i = 0; i < 100; i++) {
      System.arraycopy(train, 10 * i * D, train, (N - 1 - i) * D, D);
      train[(N - 1 - i) * D] += 1e-4f;
    }
    System.arraycopy(train, 13 * D, holdout, 850 * D, D);
    System.arraycopy(holdout, 3 * D, holdout, 851 * D, D);
  }

  @AfterEach
  void close() {
    manager.close();
  }

  @Test
  void pointsDrawnAtRandomStandForTheOthers() throws Exception {
    SetGeometry all = find(NeighbourSettings.DEFAULT);
    SetGeometry some = find(BOUNDED);
    assertThat(all.searchedTrain()).isEqualTo(N);
    assertThat(all.isWhole()).isTrue();
    assertThat(some.searchedTrain()).isEqualTo(500);
    assertThat(some.isWhole()).isFalse();
    // A median of 500 has a standard error of about 4 % here.
    assertThat(some.duplicateDistance() / all.duplicateDistance()).isCloseTo(1, within(.2));
    // 500, without an exact copy that may be among them.
    assertThat(some.summary().controlPoints()).isBetween(498, 500);
    assertThat(share(some)).isCloseTo(share(all), within(.1));
    HoldoutCheck check = Objects.requireNonNull(some.holdoutCheck());
    assertThat(check.differs()).isFalse();
    assertThat(find(BOUNDED)).usingRecursiveComparison().isEqualTo(some);
  }

  /** Near duplicates that were not looked for at the start would make the control too low. */
  @Test
  void theControlKnowsTheDuplicatesAroundItsPoints() throws Exception {
    // Each hold-out point a hair beside a training point that has a near duplicate.
    for (int i = 0; i < 800; i++) {
      System.arraycopy(train, 10 * (i % 100) * D, holdout, i * D, D);
      holdout[i * D + 1] += 1e-3f + i * 1e-7f;
    }
    SetGeometry some = find(BOUNDED);
    SetGeometry all = find(NeighbourSettings.DEFAULT);
    assertThat(share(all)).isGreaterThan(.8);
    assertThat(share(some)).isCloseTo(share(all), within(.05));
  }

  @Test
  void equalPointsAreFoundAlways() throws Exception {
    SetGeometry some = find(BOUNDED);
    assertThat(some.trainGroups()[2000]).isEqualTo(some.trainGroups()[11]);
    int[] compared = Objects.requireNonNull(some.comparedHoldout());
    assertThat(compared).doesNotContain(850, 851);
    assertThat(compared.length).isGreaterThan(500);
  }

  /** Around what is nearest to a sample, near duplicates are looked for when they are needed. */
  @Test
  void theSecondNeighbourLiesOutsideOfTheFirstsDuplicates() throws Exception {
    SetGeometry some = find(BOUNDED);
    int missed =
        IntStream.range(0, 100)
            .filter(i -> some.trainGroups()[N - 1 - i] != some.trainGroups()[10 * i])
            .findFirst()
            .orElseThrow();
    float[] sample = new float[D];
    System.arraycopy(train, 10 * missed * D, sample, 0, D);
    SampleObservation seen = observe(some, sample);
    SampleObservation expected = observe(find(NeighbourSettings.DEFAULT), sample);
    assertThat(seen.trainDistance()[0]).isZero();
    assertThat(seen.secondDistance()[0])
        .isEqualTo(expected.secondDistance()[0])
        .isGreaterThan(some.duplicateDistance());
    assertThat(observe(some, sample).secondDistance()).isEqualTo(seen.secondDistance());
  }

  private SampleObservation observe(SetGeometry geometry, float[] sample) throws Exception {
    DataSet set = DataSet.of("train", TensorShape.of(D), train);
    try (DevicePoints points = DevicePoints.load(manager, set, new double[D], 256, 0)) {
      NDArray endpoints = manager.create(sample, new Shape(1, D));
      return new Samples(points, Orbit.SINGLE, geometry, null)
          .observe(0, 0, endpoints, new BlockReferences(Map.of(), null, null));
    }
  }

  @Test
  void onlyWhatABoundChangesHasAnotherKey() {
    NeighbourSettings other = new NeighbourSettings(Augmentation.NONE, 1e13);
    assertThat(NeighbourSettings.DEFAULT.key(1000, D)).isEqualTo(other.key(1000, D)).isEmpty();
    assertThat(NeighbourSettings.DEFAULT.key(1_000_000, 3072))
        .isNotEqualTo(other.key(1_000_000, 3072))
        .isNotEmpty();
  }

  private static double share(SetGeometry geometry) {
    GeometrySummary summary = geometry.summary();
    return (double) summary.controlCopies() / summary.controlPoints();
  }

  private SetGeometry find(NeighbourSettings settings) throws Exception {
    DataSet set = DataSet.of("train", TensorShape.of(D), train);
    DataSet other = DataSet.of("holdout", TensorShape.of(D), holdout);
    try (DevicePoints points =
            DevicePoints.load(manager, set, DevicePoints.meanOf(set), 256, Long.MAX_VALUE);
        GeometryTask task =
            new GeometryTask(
                manager,
                new ComparedSets(set, points, other, Orbit.SINGLE),
                set,
                other,
                256,
                Long.MAX_VALUE,
                settings,
                1,
                Split.BY_POINTS)) {
      while (task.advance()) {
        assertThat(task.progress()).isBetween(0.0, 1.0);
      }
      return task.result();
    }
  }

  private static float[] gaussians(int n, long seed) {
    return ProbeFiles.gaussians(n * D, seed);
  }
}
