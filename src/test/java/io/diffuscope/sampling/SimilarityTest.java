package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.data.DataSet;
import io.diffuscope.feature.DescriptorFile;
import io.diffuscope.feature.FeatureMap;
import io.diffuscope.feature.PreprocessingKeys;
import io.diffuscope.feature.Preset;
import io.diffuscope.model.DevicePoints;
import io.diffuscope.model.Devices;
import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.sampling.Observation.SimilarityObservation;
import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.TensorShape;
import io.diffuscope.tensorfile.WeightsLocation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Against NumPy; {@code src/test/python/make_descriptor_fixtures.py}. */
class SimilarityTest {
  private static final String FILES = "/io/diffuscope/feature/";

  @TempDir private Path folder;
  private ProbeFiles files;

  @BeforeEach
  void configure() {
    Devices.configure(1);
    files = new ProbeFiles(folder);
  }

  @ParameterizedTest
  @EnumSource(Preset.class)
  void similaritiesAreThoseOfNumPy(Preset preset) throws Exception {
    Path file = files.resource(FILES + "descriptor.pt");
    try (NDManager manager = NDManager.newBaseManager(Device.cpu());
        FeatureMap map =
            DescriptorFile.open(file, preset.label(), PreprocessingKeys.NONE)
                .load(manager, FeatureMap.identity(768), TensorShape.of(3, 16, 16))) {
      float[] bank = map.apply(manager.create(points("train"), new Shape(24, 768))).toFloatArray();
      float[] pairs = points("pairs");
      DataSet train = new UnitFeatures(DataSet.of("bank", TensorShape.of(16), bank));
      DevicePoints onDevice = DevicePoints.load(manager, train, new double[16], 10, 1 << 20);
      SimilarityObservation found =
          Tasks.run(
              new SimilarityTask(
                  manager,
                  map,
                  "descriptor.pt",
                  new DescribedSets(train, onDevice, null),
                  2,
                  24,
                  manager.create(points("samples"), new Shape(12, 768)),
                  List.of(Reference.TEACHER),
                  (reference, from, count, owner) ->
                      map.apply(
                          owner
                              .create(pairs, new Shape(12, 768))
                              .get("%d:%d".formatted(from, from + count))),
                  IntStream.range(0, 24).toArray(),
                  features -> {}));
      double[] nearest = numbers(preset.label() + "_nearest");
      double[] toTrain = numbers(preset.label() + "_to_train");
      double[] toPairs = numbers(preset.label() + "_pairs");
      double[] authentic = numbers(preset.label() + "_authentic");
      double[] theirs = Objects.requireNonNull(found.pairs().get(Reference.TEACHER));
      assertThat(found.first()).isEqualTo(24);
      for (int i = 0; i < 12; i++) {
        assertThat(found.trainNeighbour()[i]).isEqualTo((int) nearest[i]);
        assertThat(found.toTrain()[i]).isCloseTo(toTrain[i], within(1e-4));
        assertThat(theirs[i]).isCloseTo(toPairs[i], within(1e-4));
        assertThat(found.authentic()[i]).isEqualTo(authentic[i] == 1);
      }
    }
  }

  /** Where training images are there twice, no sample would be a copy otherwise. */
  @Test
  void authenticityLooksOutsideOfTheDuplicates() throws Exception {
    float[][] bank = {{1, 0}, {1, 0}, {0, 1}, {0, -1}, {-1, 0}};
    float[][] samples = {{.999f, .0447f}, {.6f, .8f}, {.7f, -.714f}};
    int[] groups = {0, 0, 2, 3, 4};
    boolean[] expected = new boolean[samples.length];
    for (int i = 0; i < samples.length; i++) {
      int nearest = 0;
      for (int j = 1; j < bank.length; j++) {
        nearest = distance(samples[i], bank[j]) < distance(samples[i], bank[nearest]) ? j : nearest;
      }
      double apart = Double.POSITIVE_INFINITY;
      for (int j = 0; j < bank.length; j++) {
        if (groups[j] != groups[nearest]) {
          apart = Math.min(apart, distance(bank[nearest], bank[j]));
        }
      }
      expected[i] = distance(samples[i], bank[nearest]) > apart;
    }
    assertThat(expected).as("copies and near copies").containsOnly(false);
    assertThat(authentic(bank, samples, groups)).isEqualTo(expected);
    assertThat(authentic(bank, samples, new int[] {0, 1, 2, 3, 4}))
        .as("without groups the copy of an image that is there twice is called authentic")
        .containsExactly(true, false, false);
  }

  private static double distance(float[] a, float[] b) {
    return Math.hypot((double) a[0] - b[0], (double) a[1] - b[1]);
  }

  private static boolean[] authentic(float[][] bank, float[][] samples, int[] groups)
      throws Exception {
    try (NDManager manager = NDManager.newBaseManager(Device.cpu())) {
      DataSet train = DataSet.of("bank", TensorShape.of(2), manager.create(bank).toFloatArray());
      return Tasks.run(
              new SimilarityTask(
                  manager,
                  FeatureMap.identity(2),
                  "identity",
                  new DescribedSets(
                      train, DevicePoints.load(manager, train, new double[2], 10, 1 << 20), null),
                  0,
                  0,
                  manager.create(samples),
                  List.of(),
                  (reference, from, count, owner) -> owner.create(0f),
                  groups,
                  features -> {}))
          .authentic();
    }
  }

  /** Between vectors of length 1 a distance is sqrt(2 - 2 cos). */
  @Test
  void neighboursAreFoundInTheDescriptorsSpaceWhereAskedFor() throws Exception {
    ProbeSpec plain = described(files.smallSpec(), "pixels-descriptor.pt");
    ProbeSpec points =
        plain.withDescriptor(
            new DescriptorSettings(
                plain.descriptor().file(),
                plain.descriptor().preset(),
                new PreprocessingKeys("{\"l2_norm\": true}"),
                DescriptorSettings.DEFAULT_THRESHOLD));
    ProbeSpec under = points.withNeighbours(space(ComparisonSpace.DESCRIPTOR));
    List<Observation> seen = measure(under);
    SampleObservation samples = (SampleObservation) seen.get(0);
    SimilarityObservation similarity = (SimilarityObservation) seen.get(1);
    for (int i = 0; i < samples.count(); i++) {
      assertThat(samples.trainDistance()[i])
          .isCloseTo(Math.sqrt(2 - 2 * similarity.toTrain()[i]), within(1e-3));
      assertThat(samples.secondDistance()[i]).isBetween(samples.trainDistance()[i], 2.0);
      assertThat(Objects.requireNonNull(samples.holdoutDistance())[i]).isBetween(0.0, 2.0);
    }
    double[] toFlow = Objects.requireNonNull(samples.squaredDistances().get(Reference.TRAIN));
    double[] toPairs = Objects.requireNonNull(similarity.pairs().get(Reference.TRAIN));
    for (int i = 0; i < toFlow.length; i++) {
      assertThat(toFlow[i]).as("pfd").isCloseTo(2 - 2 * toPairs[i], within(1e-3));
    }
    assertThat(id(under)).isNotEqualTo(id(points));
    assertThat(id(points.withNeighbours(space(ComparisonSpace.POINTS))))
        .as("small images are compared as points")
        .isEqualTo(id(points));
    SampleObservation asPoints = (SampleObservation) measure(points).get(0);
    assertThat(asPoints.trainDistance()).isNotEqualTo(samples.trainDistance());
  }

  @Test
  void aSpaceThatCannotBeIsRefused() {
    assertThatThrownBy(
            () -> id(files.smallSpec().withNeighbours(space(ComparisonSpace.DESCRIPTOR))))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("--descriptor");
    assertThatThrownBy(
            () ->
                new NeighbourSettings(
                    Augmentation.HFLIP, 1e13, SearchMethod.EXACT, ComparisonSpace.DESCRIPTOR))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("neighbours.augment");
  }

  private static NeighbourSettings space(ComparisonSpace space) {
    return new NeighbourSettings(
        Augmentation.NONE, NeighbourSettings.DEFAULT_OPERATIONS, SearchMethod.EXACT, space);
  }

  @Test
  void aRunDescribesItsSetsOnceAndItsSamplesEachTime() throws Exception {
    ProbeSpec spec = described(files.smallSpec(), "pixels-descriptor.pt");
    List<Observation> first = measure(spec);
    assertThat(first).hasSize(2);
    assertThat(first.get(0)).isInstanceOf(SampleObservation.class);
    SimilarityObservation similarity = (SimilarityObservation) first.get(1);
    assertThat(similarity.toTrain()).hasSize(16);
    assertThat(Arrays.stream(similarity.toTrain()).boxed()).allMatch(s -> s >= -1 && s <= 1);
    assertThat(similarity.pairs()).containsOnlyKeys(Reference.TRAIN, Reference.HOLDOUT);
    assertThat(similarity.authentic()).hasSize(16);
    List<Path> features = kept();
    assertThat(features).as("a shard and an index for each set").hasSize(4);
    for (Path file : features) {
      Files.setLastModifiedTime(file, FileTime.fromMillis(1000));
    }
    assertThat(measure(spec)).usingRecursiveComparison().isEqualTo(first);
    for (Path file : features) {
      assertThat(Files.getLastModifiedTime(file).toMillis()).as("not written anew").isEqualTo(1000);
    }
    // What is compared as it was does not move; without a descriptor there is nothing more.
    List<Observation> without = measure(files.smallSpec());
    assertThat(without).hasSize(1);
    assertThat(without.get(0)).usingRecursiveComparison().isEqualTo(first.get(0));
  }

  @Test
  void everythingThatMovesANumberMovesTheProbe() throws Exception {
    ProbeSpec plain = files.smallSpec();
    ProbeSpec spec = described(plain, "pixels-descriptor.pt");
    DescriptorSettings settings = spec.descriptor();
    ProbeSpec other =
        plain.withDescriptor(new DescriptorSettings(settings.file(), null, settings.keys(), .7));
    assertThat(List.of(id(plain), id(spec), id(other))).doesNotHaveDuplicates();
    assertThat(id(plain.withDescriptor(DescriptorSettings.OFF))).isEqualTo(id(plain));
  }

  @Test
  void setsThatADescriptorSeesNothingInAreNamed() throws Exception {
    float[] dark = new float[24 * 64];
    Arrays.fill(dark, -1);
    Path train = files.write("dark.npy", TensorShape.of(1, 8, 8), dark);
    ProbeSpec plain = files.spec(files.template(), train, null);
    assertThatThrownBy(() -> measure(described(plain, "zero-descriptor.pt")))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("dark.npy")
        .hasMessageContaining("zeros for point 0");
  }

  @Test
  void pointsThatAreNoImagesAreRefusedAtOnce() throws Exception {
    Path train = files.write("train.npy", TensorShape.of(8), ProbeFiles.blobs(20, 8, 1));
    Path template = files.resource("/io/diffuscope/model/memorizer.pt");
    ProbeSpec spec = described(files.spec(template, train, null), "descriptor.pt");
    assertThatThrownBy(() -> Probe.open(spec))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("descriptor.pt");
  }

  private ProbeSpec described(ProbeSpec spec, String name) throws IOException {
    Path file = files.resource(FILES + name);
    String preset = name.equals("descriptor.pt") ? "dinov2" : null;
    return spec.withDescriptor(
        new DescriptorSettings(
            file.toString(), preset, PreprocessingKeys.NONE, DescriptorSettings.DEFAULT_THRESHOLD));
  }

  private List<Observation> measure(ProbeSpec spec) throws IOException {
    try (Probe probe = Probe.open(spec);
        ProbeDevice device = ProbeDevice.load(probe, Device.cpu())) {
      device.useGeometry(Tasks.run(device.geometry()));
      device.useCheckpoint("a", WeightsLocation.of(files.checkpoint("a.safetensors", 3)));
      return Tasks.run(device.samples(1, EnumSet.allOf(SampleMeasurement.class), null, null));
    }
  }

  private static String id(ProbeSpec spec) throws IOException {
    try (Probe probe = Probe.open(spec)) {
      return probe.id();
    }
  }

  private List<Path> kept() throws IOException {
    try (Stream<Path> tree = Files.walk(folder.resolve("cache").resolve("features"))) {
      return tree.filter(Files::isRegularFile).sorted().toList();
    }
  }

  private float[] points(String name) throws IOException {
    double[] wide = numbers(name);
    float[] values = new float[wide.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) wide[i];
    }
    return values;
  }

  private double[] numbers(String name) throws IOException {
    try (ArrayFile array =
        ArrayFile.open(files.resource(FILES + "similarities.npz") + ":" + name)) {
      return array.readDoubles();
    }
  }
}
