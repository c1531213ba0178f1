package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.feature.FeatureMap;
import io.diffuscope.model.DevicePoints;
import io.diffuscope.model.Devices;
import io.diffuscope.model.NetworkSettings;
import io.diffuscope.model.SigmaGrid;
import io.diffuscope.sampling.Observation.DenoisingObservation;
import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.TensorShape;
import io.diffuscope.tensorfile.WeightsLocation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A model of latents whose decoder multiplies all distances by six ({@code
 * src/test/python/make_conditional_fixtures.py}): every statistic is known from that of the
 * latents.
 */
class LatentModelTest {
  private static final String MODELS = "/io/diffuscope/model/";
  private static final double FACTOR = 6;

  @TempDir private Path folder;
  private ProbeFiles files;
  private Path template;
  private Path train;
  private Path holdout;
  private Path decoder;

  @BeforeEach
  void write() throws IOException {
    Devices.configure(1);
    files = new ProbeFiles(folder);
    template = files.resource(MODELS + "memorizer.pt");
    decoder = files.resource(MODELS + "linear-decoder.pt");
    // Points 0 to 3 are there twice, and one of them in the hold-out set.
    float[] points = ProbeFiles.blobs(30, 8, 1);
    System.arraycopy(points, 0, points, 20 * 8, 4 * 8);
    float[] others = ProbeFiles.blobs(25, 8, 2);
    System.arraycopy(points, 8, others, 10 * 8, 8);
    train = files.write("train.npy", TensorShape.of(8), points);
    holdout = files.write("holdout.npy", TensorShape.of(8), others);
  }

  @Test
  void statisticsOfAnOrthogonalDecoderAreThoseOfTheLatents() throws Exception {
    Measured plain = measure(spec(null));
    Measured decoded = measure(spec(decoder));
    SetGeometry mine = decoded.geometry;
    SetGeometry theirs = plain.geometry;
    assertThat(mine.duplicates().trainNear()).isEqualTo(8);
    assertThat(mine.trainGroups()).isEqualTo(theirs.trainGroups());
    assertThat(mine.comparedHoldout()).isEqualTo(theirs.comparedHoldout()).hasSize(24);
    assertThat(mine.duplicateDistance())
        .isCloseTo(FACTOR * theirs.duplicateDistance(), within(1e-4));
    assertThat(mine.controlRatios())
        .as("the copy in the hold-out set is left out, rounded or not")
        .hasSize(24)
        .containsExactly(Objects.requireNonNull(theirs.controlRatios()), within(1e-4));
    assertThat(mine.holdoutCheck()).isEqualTo(theirs.holdoutCheck()).isNotNull();
    for (int block = 0; block < 3; block++) {
      SampleObservation a = decoded.samples.get(block);
      SampleObservation b = plain.samples.get(block);
      assertThat(a.first()).isEqualTo(b.first());
      assertThat(a.trainNeighbour()).isEqualTo(b.trainNeighbour());
      assertThat(a.holdoutNeighbour()).isEqualTo(b.holdoutNeighbour());
      assertThat(a.samePoint()).isEqualTo(b.samePoint());
      assertScaled(a.trainDistance(), b.trainDistance(), FACTOR);
      assertScaled(a.secondDistance(), b.secondDistance(), FACTOR);
      assertScaled(a.holdoutDistance(), b.holdoutDistance(), FACTOR);
      assertScaled(a.ruler(), b.ruler(), FACTOR * FACTOR);
      for (Reference reference : List.of(Reference.TRAIN, Reference.HOLDOUT)) {
        assertScaled(
            a.squaredDistances().get(reference),
            b.squaredDistances().get(reference),
            FACTOR * FACTOR);
      }
    }
    assertThat(decoded.loss.losses()).as("a loss of latents").containsExactly(plain.loss.losses());
    assertThat(decoded.id).isNotEqualTo(plain.id);
  }

  @Test
  void featuresAndEndpointsAreFoundAgain() throws Exception {
    Measured first = measure(spec(decoder));
    List<Path> features = kept("features");
    List<Path> endpoints = kept("endpoints");
    assertThat(features).as("a shard and an index for each set").hasSize(4);
    assertThat(endpoints).as("two references, three blocks").hasSize(6);
    for (Path file : features) {
      Files.setLastModifiedTime(file, FileTime.fromMillis(1000));
    }
    assertThat(measure(spec(decoder)).samples).usingRecursiveComparison().isEqualTo(first.samples);
    for (Path file : features) {
      assertThat(Files.getLastModifiedTime(file).toMillis()).as("not written anew").isEqualTo(1000);
    }
    // Flows are those of latents, so that the endpoints serve with and without a decoder.
    measure(spec(null));
    assertThat(kept("endpoints")).isEqualTo(endpoints);
    // Another decoder has other features.
    measure(spec(files.resource(MODELS + "zero-shift-decoder.pt")));
    assertThat(kept("features")).hasSize(8);
  }

  @Test
  void aDecoderThatReturnsNaNIsNamed() throws Exception {
    Path nan = files.resource(MODELS + "nan-decoder.pt");
    assertThatThrownBy(() -> measure(spec(nan)))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("decoder")
        .hasMessageContaining("training set");
  }

  /** Parts and groups of any size give the digits that all rows at once give. */
  @Test
  void partsAndGroupsChangeNothing() throws Exception {
    ProbeSpec spec = spec(null);
    try (Probe probe = Probe.open(spec);
        NDManager manager = NDManager.newBaseManager(Device.cpu());
        ProbeDevice device = ProbeDevice.load(probe, Device.cpu())) {
      SetGeometry geometry = Tasks.run(device.geometry());
      float[] values = ProbeFiles.blobs(16, 8, 3);
      List<SampleObservation> found = new ArrayList<>();
      for (int[] sizes : new int[][] {{100, 16}, {3, 16}, {3, 7}, {5, 5}, {1, 1}}) {
        FakeMap map = new FakeMap(8, sizes[0]);
        ComparedSets sets =
            Tasks.run(ComparedSets.find(probe, map, manager, points(probe, manager)));
        Samples samples = new Samples(sets.trainPoints(), Orbit.SINGLE, geometry, null);
        ReferenceFlows flows =
            new ReferenceFlows(
                probe, manager, new KeptArrays(manager), points(probe, manager), map);
        flows.load(0);
        for (int checkpoint = 0; checkpoint < 2; checkpoint++) {
          try (NDManager scratch = manager.newSubManager();
              BlockMeasurement measurement =
                  new BlockMeasurement(
                      scratch,
                      map,
                      samples,
                      flows,
                      probe,
                      0,
                      scratch.create(values, new Shape(16, 8)),
                      sizes[1])) {
            double before = 0;
            while (measurement.advance()) {
              assertThat(measurement.progress()).isBetween(before, 1.0);
              before = measurement.progress();
            }
            found.add(measurement.result());
          }
        }
        flows.close();
      }
      assertThat(found).hasSize(10);
      for (SampleObservation o : found) {
        assertThat(o).usingRecursiveComparison().isEqualTo(found.get(0));
      }
      assertThat(found.get(0).count()).isEqualTo(16);
      assertThat(found.get(0).samePoint()).hasSize(16);
      assertThat(found.get(0).ruler()).hasSize(16);
    }
  }

  private static DevicePoints points(Probe probe, NDManager manager) throws IOException {
    return DevicePoints.load(
        manager, probe.train(), new double[8], 100, probe.spec().residentBytes());
  }

  @Test
  void manyQueriesGoByGroups() {
    FeatureMap large = new FakeMap(3 * 256 * 256 / 2, 5);
    assertThat(ComparedSets.queryRows(large, 512)).isEqualTo(170);
    assertThat(ComparedSets.queryRows(new FakeMap(8, 5), 512)).isEqualTo(512);
    assertThat(ComparedSets.queryRows(new FakeMap(1 << 28, 1), 512)).isEqualTo(1);
    assertThat(ComparedSets.queryRows(FeatureMap.identity(1 << 28), 512)).isEqualTo(1);
  }

  private record Measured(
      String id,
      SetGeometry geometry,
      List<SampleObservation> samples,
      DenoisingObservation loss) {}

  private Measured measure(ProbeSpec spec) throws IOException {
    try (Probe probe = Probe.open(spec);
        ProbeDevice device = ProbeDevice.load(probe, Device.cpu())) {
      SetGeometry geometry = Tasks.run(device.geometry());
      device.useGeometry(geometry);
      Path weights = files.resource(MODELS + "memorizer.safetensors");
      device.useCheckpoint("a", WeightsLocation.of(weights));
      List<SampleObservation> samples = new ArrayList<>();
      for (int block = 0; block < probe.sampleBlocks(); block++) {
        samples.add(Tasks.run(device.sampleBlock(block)));
      }
      return new Measured(probe.id(), geometry, samples, Tasks.run(device.denoisingBlock(1.0, 0)));
    }
  }

  private static void assertScaled(
      double @Nullable [] found, double @Nullable [] latent, double factor) {
    double[] due =
        Arrays.stream(Objects.requireNonNull(latent)).map(value -> factor * value).toArray();
    double[] values = Objects.requireNonNull(found);
    assertThat(values).hasSameSizeAs(due);
    for (int i = 0; i < due.length; i++) {
      assertThat(values[i]).isCloseTo(due[i], within(1e-5 * factor * (1 + due[i] / factor)));
    }
  }

  private List<Path> kept(String kind) throws IOException {
    try (Stream<Path> tree = Files.walk(folder.resolve("cache").resolve(kind))) {
      return tree.filter(Files::isRegularFile).sorted().toList();
    }
  }

  private ProbeSpec spec(@Nullable Path decoderFile) {
    return new ProbeSpec(
        template.toString(),
        NetworkSettings.Overrides.NONE,
        decoderFile == null ? null : decoderFile.toString(),
        train.toString(),
        null,
        holdout.toString(),
        null,
        null,
        null,
        7,
        40,
        16,
        new FlowSettings(FlowSettings.Solver.HEUN, SigmaGrid.edm(10)),
        new DenoisingSettings(List.of(1.0), 2, 20),
        SpikinessSettings.OFF,
        RepresentationSettings.OFF,
        DescriptorSettings.OFF,
        NeighbourSettings.DEFAULT,
        GroupSettings.NONE,
        folder.resolve("cache").toString(),
        1 << 26,
        ReferenceChoice.WHERE_CHEAP);
  }
}
