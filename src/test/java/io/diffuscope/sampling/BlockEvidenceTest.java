package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.data.DataSet;
import io.diffuscope.model.DevicePoints;
import io.diffuscope.model.Devices;
import io.diffuscope.sampling.Observation.EvidenceObservation;
import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.sampling.ReferenceFlows.BlockReferences;
import io.diffuscope.tensorfile.TensorShape;
import io.diffuscope.tensorfile.WeightsLocation;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BlockEvidenceTest {
  private static final int D = 12;

  @TempDir private Path folder;

  @BeforeAll
  static void configure() {
    Devices.configure(1);
  }

  /** Against plain loops in double precision: points 0 to 3 are there twice, one of them thrice. */
  @Test
  void neighboursAreThePointsThatLoopsFind() throws Exception {
    float[] train = ProbeFiles.blobs(40, D, 1);
    System.arraycopy(train, 0, train, 20 * D, 4 * D);
    System.arraycopy(train, 0, train, 30 * D, D);
    int[] groups = IntStream.range(0, 40).toArray();
    for (int i = 0; i < 4; i++) {
      groups[20 + i] = i;
    }
    groups[30] = 0;
    float[] queries = ProbeFiles.blobs(25, D, 3);
    for (int i = 0; i < 4; i++) {
      for (int j = 0; j < D; j++) {
        queries[i * D + j] = train[i * D + j] + .01f * j;
      }
    }
    DataSet set = DataSet.of("train", TensorShape.of(D), train);
    try (NDManager manager = NDManager.newBaseManager(Device.cpu());
        DevicePoints points = DevicePoints.load(manager, set, new double[D], 16, 1 << 20);
        GeometryTask task =
            new GeometryTask(
                manager,
                new ComparedSets(set, points, null, Orbit.SINGLE),
                set,
                null,
                16,
                1 << 20,
                NeighbourSettings.DEFAULT,
                1,
                Split.BY_POINTS)) {
      SetGeometry geometry = Tasks.run(task);
      assertThat(geometry.trainGroups()).isEqualTo(groups);
      Samples.Measured measured =
          new Samples(points, Orbit.SINGLE, geometry, null)
              .measure(
                  0,
                  0,
                  manager.create(queries, new Shape(25, D)),
                  new BlockReferences(Map.of(), null, null));
      PointNeighbours found = measured.neighbours();
      for (int i = 0; i < 25; i++) {
        int query = i;
        int nearest = nearest(train, queries, query, j -> true);
        int second = nearest(train, queries, query, j -> groups[j] != groups[nearest]);
        assertThat(found.train()[i]).as("nearest of %d", i).isEqualTo(nearest);
        assertThat(found.secondTrain()[i]).as("second of %d", i).isEqualTo(second);
        assertThat(found.groupSize(i))
            .isEqualTo((int) IntStream.of(groups).filter(g -> g == groups[nearest]).count());
        assertThat(measured.observation().trainDistance()[i])
            .isCloseTo(distance(train, nearest, queries, i), within(1e-5));
        assertThat(measured.observation().secondDistance()[i])
            .isCloseTo(distance(train, second, queries, i), within(1e-5));
      }
      assertThat(found.groupSize(0)).isEqualTo(3);
      assertThat(found.groupSize(1)).isEqualTo(2);
      assertThat(found.holdout()).isNull();
    }
  }

  private static int nearest(
      float[] train, float[] queries, int query, java.util.function.IntPredicate counts) {
    int best = -1;
    for (int j = 0; j < train.length / D; j++) {
      boolean nearer =
          best < 0 || distance(train, j, queries, query) < distance(train, best, queries, query);
      if (counts.test(j) && nearer) {
        best = j;
      }
    }
    return best;
  }

  private static double distance(float[] train, int j, float[] queries, int i) {
    double sum = 0;
    for (int k = 0; k < D; k++) {
      double difference = (double) train[j * D + k] - queries[i * D + k];
      sum += difference * difference;
    }
    return Math.sqrt(sum);
  }

  /** Indices are those of the files, also of a hold-out set of which points are left out. */
  @Test
  void theWorstOfABlockAreToldWithThePointsOfTheSets() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    float[] train = ProbeFiles.blobs(24, 64, 1);
    float[] holdout = ProbeFiles.blobs(20, 64, 2);
    System.arraycopy(train, 0, holdout, 0, 64);
    ProbeSpec spec =
        files.spec(
            files.template(),
            files.write("train.npy", TensorShape.of(1, 8, 8), train),
            files.write("holdout.npy", TensorShape.of(1, 8, 8), holdout));
    Path checkpoint = files.checkpoint("step-1.safetensors", 3);
    try (Probe probe = Probe.open(spec);
        ProbeDevice device = ProbeDevice.load(probe, Device.cpu())) {
      device.useGeometry(Tasks.run(device.geometry()));
      device.useCheckpoint("1", WeightsLocation.of(checkpoint));
      List<Observation> told =
          Tasks.run(device.samples(1, Set.of(), null, new EvidenceRequest(5, true)));
      SampleObservation all = (SampleObservation) told.getFirst();
      List<WorstSample> worst = worst(told);

      List<Integer> expected =
          IntStream.range(0, all.count())
              .boxed()
              .sorted(
                  (a, b) ->
                      Double.compare(
                          all.trainDistance()[a] / all.secondDistance()[a],
                          all.trainDistance()[b] / all.secondDistance()[b]))
              .limit(5)
              .toList();
      assertThat(worst)
          .extracting(sample -> (int) (sample.sample() - all.first()))
          .isEqualTo(expected);
      for (WorstSample sample : worst) {
        int row = (int) (sample.sample() - all.first());
        assertThat(sample.trainDistance()).isEqualTo(all.trainDistance()[row]);
        assertThat(sample.secondDistance()).isEqualTo(all.secondDistance()[row]);
        assertThat(sample.holdoutDistance())
            .isEqualTo(Objects.requireNonNull(all.holdoutDistance())[row]);
        assertThat(sample.nearestTrain()).isEqualTo(all.trainNeighbour()[row]);
        // Hold-out point 0 is a copy of a training point and left out; the others keep their names.
        assertThat(sample.nearestHoldout())
            .isEqualTo(Objects.requireNonNull(all.holdoutNeighbour())[row] + 1);
        WorstSample.Trio pictures = Objects.requireNonNull(sample.pictures());
        float low = extreme(train, -1);
        float high = extreme(train, 1);
        assertThat(pictures.train().levels())
            .isEqualTo(levels(train, sample.nearestTrain(), low, high));
        assertThat(Objects.requireNonNull(pictures.holdout()).levels())
            .isEqualTo(levels(holdout, sample.nearestHoldout(), low, high));
        assertThat(pictures.sample().levels()).hasSize(64);
      }
      assertThat(worst(Tasks.run(device.samples(1, Set.of(), null, new EvidenceRequest(5, false)))))
          .as("numbers alone")
          .allMatch(sample -> sample.pictures() == null)
          .extracting(WorstSample::nearestTrain)
          .isEqualTo(worst.stream().map(WorstSample::nearestTrain).toList());
      assertThat(worst(Tasks.run(device.samples(2, Set.of(), null, new EvidenceRequest(16, true)))))
          .as("the last block has 8 samples")
          .hasSize(8);
      assertThat(Tasks.run(device.samples(1, Set.of(), null, null))).as("not asked for").hasSize(1);
    }
  }

  private static List<WorstSample> worst(List<Observation> told) {
    List<WorstSample> worst = new ArrayList<>();
    for (Observation observation : told) {
      if (observation instanceof EvidenceObservation evidence) {
        worst.addAll(evidence.worst());
      }
    }
    return worst;
  }

  private static float extreme(float[] values, int sign) {
    float extreme = values[0];
    for (float value : values) {
      extreme = sign * value > sign * extreme ? value : extreme;
    }
    return extreme;
  }

  private static byte[] levels(float[] set, int index, float low, float high) {
    byte[] levels = new byte[64];
    for (int i = 0; i < 64; i++) {
      double level = 255.0 * (set[index * 64 + i] - low) / (high - low);
      levels[i] = (byte) Math.max(0, Math.min(255, Math.round(level)));
    }
    return levels;
  }

  @Test
  void picturesKeepTheOrderOfChannelsAndTheScaleOfTheSet() throws Exception {
    TensorShape shape = TensorShape.of(3, 1, 2);
    DataSet signed = DataSet.of("x", shape, new float[] {-1, 1, 0, 0, .5f, -.5f});
    FloatBuffer point = FloatBuffer.allocate(6);
    signed.read(0, 1, point);
    Picture drawn = Pictures.of(shape, signed).of(point.array());
    assertThat(drawn.level(0, 0, 0)).as("red").isZero();
    assertThat(drawn.level(0, 0, 1)).isEqualTo(255);
    assertThat(drawn.level(1, 0, 0)).as("green").isEqualTo(128);
    assertThat(drawn.level(2, 0, 0)).as("blue").isEqualTo(191);
    assertThat(drawn.level(2, 0, 1)).isEqualTo(64);

    DataSet unit = DataSet.of("x", shape, new float[] {0, 1, .5f, 0, 0, 0});
    assertThat(Pictures.of(shape, unit).of(new float[] {0, 1, .5f, 2, -1, 0}).levels())
        .containsExactly(0, 255, 128, 255, 0, 0);
    DataSet wide = DataSet.of("x", shape, new float[] {-4, 4, 0, 0, 0, 0});
    assertThat(Pictures.of(shape, wide).of(new float[] {-4, 4, 0, 2, 0, 0}).levels())
        .containsExactly(0, 255, 128, 191, 128, 128);
  }

  @Test
  void largeImagesAreReducedByMeansAndKeepTheirProportions() throws Exception {
    TensorShape shape = TensorShape.of(1, 256, 128);
    float[] values = new float[256 * 128];
    // Stripes of one pixel: their mean is gray.
    for (int i = 0; i < values.length; i++) {
      values[i] = i % 2 == 0 ? -1 : 1;
    }
    Picture drawn = Pictures.of(shape, DataSet.of("x", shape, values)).of(values);
    assertThat(drawn.height()).isEqualTo(64);
    assertThat(drawn.width()).isEqualTo(32);
    assertThat(drawn.levels()).containsOnly(128);
  }

  @Test
  void latentsAndVectorsAreNoPictures() {
    assertThat(Pictures.areImages(TensorShape.of(4, 32, 32))).isFalse();
    assertThat(Pictures.areImages(TensorShape.of(3072))).isFalse();
    assertThat(Pictures.areImages(TensorShape.of(3, 32, 32))).isTrue();
    assertThat(Pictures.areImages(TensorShape.of(1, 28, 28))).isTrue();
  }
}
