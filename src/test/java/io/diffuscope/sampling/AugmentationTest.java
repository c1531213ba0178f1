package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
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
import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.sampling.ReferenceFlows.BlockReferences;
import io.diffuscope.statistics.Strata;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Map;
import java.util.Objects;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Neighbours among images and their mirror images, against all distances in plain Java. */
class AugmentationTest {
  private static final int WIDTH = 4;
  private static final TensorShape IMAGE = TensorShape.of(3, 2, WIDTH);
  private static final int D = 24;
  private static final NeighbourSettings MIRRORED =
      new NeighbourSettings(Augmentation.HFLIP, NeighbourSettings.DEFAULT_OPERATIONS);

  private NDManager manager;
  private Orbit orbit;

  @BeforeEach
  void open() throws Exception {
    Devices.configure(1);
    manager = NDManager.newBaseManager(Device.cpu());
    orbit = Orbit.of(Augmentation.HFLIP, IMAGE, "test");
  }

  @AfterEach
  void close() {
    manager.close();
  }

  @Test
  void mirrorsLeftToRight() throws Exception {
    Orbit small = Orbit.of(Augmentation.HFLIP, TensorShape.of(1, 2, 3), "test");
    float[] image = {1, 2, 3, 4, 5, 6};
    float[] mirrored = new float[6];
    small.mirror(image, mirrored);
    assertThat(mirrored).containsExactly(3, 2, 1, 6, 5, 4);
    NDArray points = manager.create(image, new Shape(1, 6));
    assertThat(small.of(points, manager).get(1).toFloatArray()).isEqualTo(mirrored);
  }

  @Test
  void theDistanceIsTheSmallestOverTheOrbit() throws Exception {
    float[] points = images(60, 1);
    float[] queries = images(25, 2);
    // Mirrored copies, and a point beside its own mirror image.
    copyMirrored(points, 7, queries, 0);
    copyMirrored(points, 7, points, 8);
    int[] labels = IntStream.range(0, 60).map(i -> i % 5).toArray();
    int[] queryLabels = IntStream.range(0, 25).map(i -> i % 6).toArray();
    for (Exclusion exclusion : new Exclusion[] {null, new Exclusion(labels, queryLabels)}) {
      for (int blockRows : new int[] {3, 64}) {
        try (DevicePoints onDevice = onDevice(points, blockRows)) {
          Nearest found =
              new NeighbourSearch(onDevice, orbit)
                  .nearestTwo(manager.create(queries, new Shape(25, D)), exclusion);
          for (int i = 0; i < 25; i++) {
            int query = i;
            Integer[] order =
                IntStream.range(0, 60)
                    .filter(p -> exclusion == null || labels[p] != queryLabels[query])
                    .boxed()
                    .sorted(Comparator.comparingDouble(p -> overOrbit(queries, query, points, p)))
                    .toArray(Integer[]::new);
            for (int rank = 0; rank < 2; rank++) {
              assertThat(found.distance()[i][rank])
                  .isCloseTo(overOrbit(queries, i, points, order[rank]), within(1e-5));
            }
            assertThat(found.index()[i][0]).isNotEqualTo(found.index()[i][1]);
          }
        }
      }
    }
  }

  /**
   * A model that gives back training images in 70 of 100 samples, mirrored or not at random as it
   * was shown them: half of the copies are invisible without their orbits.
   */
  @Test
  void affinitySeesMirroredCopies() throws Exception {
    int n = 400;
    int count = 2000;
    float[] train = images(n, 1);
    float[] holdout = images(n, 2);
    float[] samples = images(count, 3);
    RandomGenerator random = ProbeFiles.random(4);
    for (int i = 0; i < count * 7 / 10; i++) {
      int from = random.nextInt(n);
      if (random.nextBoolean()) {
        copyMirrored(train, from, samples, i);
      } else {
        System.arraycopy(train, from * D, samples, i * D, D);
      }
    }
    // Standard errors of .03 by the number of samples.
    assertThat(excess(train, holdout, samples, Orbit.SINGLE)).isCloseTo(.35, within(.09));
    assertThat(excess(train, holdout, samples, orbit)).isCloseTo(.70, within(.09));
  }

  private double excess(float[] train, float[] holdout, float[] samples, Orbit theirs)
      throws Exception {
    int n = train.length / D;
    int[] alone = IntStream.range(0, n).toArray();
    SetGeometry geometry =
        new SetGeometry(
            0,
            alone,
            alone,
            DuplicateCounts.NONE,
            alone,
            alone,
            Strata.one(n, n),
            0,
            0,
            0,
            new double[0],
            null,
            n);
    try (DevicePoints trainPoints = onDevice(train, 64);
        DevicePoints holdoutPoints = onDevice(holdout, 64)) {
      int count = samples.length / D;
      SampleObservation seen =
          new Samples(trainPoints, theirs, geometry, holdoutPoints)
              .observe(
                  0,
                  0,
                  manager.create(samples, new Shape(count, D)),
                  new BlockReferences(Map.of(), null, null));
      double[] holdoutDistance = Objects.requireNonNull(seen.holdoutDistance());
      int nearestInTrain = 0;
      for (int i = 0; i < count; i++) {
        if (seen.trainDistance()[i] < holdoutDistance[i]) {
          nearestInTrain++;
        }
      }
      // Sets of one size: by chance half of them.
      return ((double) nearestInTrain / count - .5) / .5;
    }
  }

  @Test
  void mirroredDuplicatesAreOneGroup() throws Exception {
    float[] train = images(40, 1);
    float[] holdout = images(30, 2);
    copyMirrored(train, 3, train, 20);
    copyMirrored(train, 5, train, 21);
    train[21 * D] += .001f;
    copyMirrored(train, 9, holdout, 4);
    copyMirrored(holdout, 6, holdout, 7);
    SetGeometry plain = geometry(train, holdout, Orbit.SINGLE, NeighbourSettings.DEFAULT);
    assertThat(plain.hasTrainDuplicates()).isFalse();
    SetGeometry mirrored = geometry(train, holdout, orbit, MIRRORED);
    assertThat(mirrored.trainGroups()[20]).isEqualTo(3);
    assertThat(mirrored.trainGroups()[21]).isEqualTo(5);
    assertThat(mirrored.duplicates().trainNear()).isEqualTo(4);
    assertThat(Objects.requireNonNull(mirrored.comparedHoldout())).contains(6).doesNotContain(4, 7);
    assertThat(Objects.requireNonNull(plain.comparedHoldout())).contains(4, 6, 7);
  }

  private SetGeometry geometry(
      float[] train, float[] holdout, Orbit theirs, NeighbourSettings settings) throws Exception {
    DataSet set = DataSet.of("train", IMAGE, train);
    DataSet other = DataSet.of("holdout", IMAGE, holdout);
    try (DevicePoints points = onDevice(train, 16);
        GeometryTask task =
            new GeometryTask(
                manager,
                new ComparedSets(set, points, other, theirs),
                set,
                other,
                16,
                0,
                settings,
                1,
                Split.BY_POINTS)) {
      while (task.advance()) {}
      return task.result();
    }
  }

  @Test
  void itIsPartOfTheProbe(@TempDir Path folder) throws Exception {
    ProbeSpec spec = new ProbeFiles(folder).smallSpec();
    try (Probe plain = Probe.open(spec);
        Probe mirrored = Probe.open(spec.withNeighbours(MIRRORED))) {
      assertThat(mirrored.id()).isNotEqualTo(plain.id());
      assertThat(mirrored.geometryKey()).isNotEqualTo(plain.geometryKey());
      assertThat(mirrored.endpointKey(Reference.TRAIN))
          .isEqualTo(plain.endpointKey(Reference.TRAIN));
    }
  }

  @Test
  void vectorsAndLatentsAreRefused() {
    for (TensorShape shape :
        new TensorShape[] {TensorShape.of(64), TensorShape.of(4, 32, 32), TensorShape.of(8, 8)}) {
      BadInputException refused =
          catchThrowableOfType(
              BadInputException.class, () -> Orbit.of(Augmentation.HFLIP, shape, "net.pt"));
      assertThat(refused.reason()).isEqualTo(Reason.UNSUPPORTED);
      assertThat(refused).hasMessageContaining("net.pt").hasMessageContaining("--augment hflip");
    }
  }

  private DevicePoints onDevice(float[] points, int blockRows) throws Exception {
    DataSet set = DataSet.of("points", IMAGE, points);
    return DevicePoints.load(manager, set, DevicePoints.meanOf(set), blockRows, 0);
  }

  private static float[] images(int n, long seed) {
    return ProbeFiles.gaussians(n * D, seed);
  }

  private static float mirroredElement(float[] images, int image, int element) {
    int x = element % WIDTH;
    return images[image * D + element - x + WIDTH - 1 - x];
  }

  private static void copyMirrored(float[] source, int from, float[] target, int to) {
    float[] copy = new float[D];
    for (int i = 0; i < D; i++) {
      copy[i] = mirroredElement(source, from, i);
    }
    System.arraycopy(copy, 0, target, to * D, D);
  }

  private static double overOrbit(float[] a, int i, float[] b, int j) {
    double plain = 0;
    double mirrored = 0;
    for (int k = 0; k < D; k++) {
      plain += Math.pow((double) a[i * D + k] - b[j * D + k], 2);
      mirrored += Math.pow((double) mirroredElement(a, i, k) - b[j * D + k], 2);
    }
    return Math.sqrt(Math.min(plain, mirrored));
  }
}
