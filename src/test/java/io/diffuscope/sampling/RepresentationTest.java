package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.data.DataSet;
import io.diffuscope.model.Devices;
import io.diffuscope.model.NetworkDenoiser;
import io.diffuscope.model.NetworkSettings;
import io.diffuscope.model.Pooling;
import io.diffuscope.model.TorchScriptNetwork;
import io.diffuscope.sampling.Observation.RepresentationObservation;
import io.diffuscope.statistics.ClassSubspaces;
import io.diffuscope.statistics.Estimate;
import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.TensorShape;
import io.diffuscope.tensorfile.WeightsLocation;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Objects;
import java.util.function.IntUnaryOperator;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Class probes against NumPy and torch, the table of arXiv 2502.05743, and which images they take.
 */
class RepresentationTest {
  @TempDir private Path folder;

  @BeforeAll
  static void configure() {
    Devices.configure(1);
  }

  @Test
  void agreesWithAnIndependentProgram() throws Exception {
    ClassProbeFiles files = new ClassProbeFiles(folder);
    float[] accuracies = files.numbers("accuracies", 3);
    float[] ratios = files.numbers("ratios", 3);
    try (Probe probe = Probe.open(files.spec(true, true));
        ProbeDevice device = ready(probe, files.weights())) {
      for (int level = 0; level < 3; level++) {
        RepresentationObservation found = Tasks.run(device.representation(level));
        assertThat(found.testImages()).isEqualTo(100);
        assertThat(accuracy(found)).isCloseTo(accuracies[level], within(1e-3 * accuracies[level]));
        Estimate ratio = Objects.requireNonNull(found.snr());
        assertThat(ratio.value()).isCloseTo(ratios[level], within(1e-3 * ratios[level]));
        assertThat(ratio.samples()).isEqualTo(100);
        assertThat(ratio.lower()).isLessThan(ratio.value());
        assertThat(ratio.upper()).isGreaterThan(ratio.value());
      }
      float icr = files.numbers("icr", 1)[0];
      Estimate found = Objects.requireNonNull(Tasks.run(device.icr()).icr());
      assertThat(found.value()).isCloseTo(icr, within(1e-3 * icr));
      assertThat(found.standardError()).isGreaterThan(0);
    }
  }

  /** Every checkpoint meets the same images and noises. */
  @Test
  void sameCheckpointSameDigits() throws Exception {
    ClassProbeFiles files = new ClassProbeFiles(folder);
    try (Probe probe = Probe.open(files.spec(true, true));
        ProbeDevice device = ready(probe, files.weights());
        ProbeDevice other = ready(probe, files.weights())) {
      RepresentationObservation second = Tasks.run(device.representation(1));
      Tasks.run(device.representation(0));
      assertThat(Tasks.run(device.representation(1))).usingRecursiveComparison().isEqualTo(second);
      assertThat(Tasks.run(other.representation(1))).usingRecursiveComparison().isEqualTo(second);
    }
  }

  /**
   * Table 4 of arXiv 2502.05743 by its optimal denoiser, run as an exported network: the values of
   * an independent Monte-Carlo program, which the paper's trained networks follow within 2 %.
   */
  @ParameterizedTest
  @CsvSource({
    ".008, 25.06", ".023, 25.29", ".06, 27.26", ".14, 36.13",
    ".296, 58.51", ".585, 20.88", "1.088, 4.11", "1.923, 1.56"
  })
  void theMixturesTableComesOutOfAnExportedNetwork(double sigma, double expected) throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    double[][][] bases = bases(files.resource("/io/diffuscope/model/molrg.safetensors"));
    int n = 40_000;
    int[] labels = new int[n];
    Arrays.setAll(labels, i -> i % 2);
    float[] points = draw(bases, labels, 5);
    Path template = files.resource("/io/diffuscope/model/molrg.pt");
    try (NDManager manager = NDManager.newBaseManager(Device.cpu());
        NetworkDenoiser network =
            NetworkDenoiser.create(
                TorchScriptNetwork.load(template, Device.cpu(), NetworkSettings.Overrides.NONE))) {
      GaussianNoise noise = new GaussianNoise(3, GaussianNoise.Purpose.REPRESENTATION);
      Shape block = new Shape(500, 50);
      NoisyFeatures features =
          new NoisyFeatures(
              network,
              sigma,
              Pooling.MEAN,
              n,
              500,
              (b, scratch) -> {
                double[] wide = new double[500 * 50];
                Arrays.setAll(wide, i -> points[b * wide.length + i]);
                return scratch.create(wide, block);
              },
              (b, scratch) -> scratch.create(noise.rows(500, 500, 50, i -> 500L * b + i), block),
              null);
      double before = 0;
      while (features.advance(manager)) {
        assertThat(features.progress()).isGreaterThan(before);
        before = features.progress();
      }
      Estimate found = ClassSubspaces.given(bases).snr(features.rows(0, n), labels).orElseThrow();
      assertThat(found.standardError()).isLessThan(.02 * expected);
      // Five standard errors, and half a per cent for the other side's and rounding.
      assertThat(found.value())
          .isCloseTo(expected, within(5 * found.standardError() + .005 * expected));
    }
  }

  /** Own subspace with variance 1, the other with .04. */
  private static float[] draw(double[][][] bases, int[] labels, long seed) {
    RandomGenerator random = ProbeFiles.random(seed);
    float[] points = new float[labels.length * 50];
    for (int i = 0; i < labels.length; i++) {
      for (int k = 0; k < 2; k++) {
        for (double[] direction : bases[k]) {
          double part = (k == labels[i] ? 1 : .2) * random.nextGaussian();
          for (int j = 0; j < 50; j++) {
            points[i * 50 + j] += (float) (part * direction[j]);
          }
        }
      }
    }
    return points;
  }

  /** {@code [2][5][50]} of the fixture's {@code [2, 50, 5]}. */
  private static double[][][] bases(Path file) throws Exception {
    FloatBuffer values = FloatBuffer.allocate(500);
    try (ArrayFile array = ArrayFile.open(file + ":bases")) {
      array.readRows(0, 2, values);
    }
    double[][][] bases = new double[2][5][50];
    for (int i = 0; i < 500; i++) {
      bases[i / 250][i % 5][i / 5 % 50] = values.get(i);
    }
    return bases;
  }

  @Test
  void withoutLabelsOfTheHoldoutEveryOtherTrainingImageIsForTesting() throws Exception {
    ClassProbeFiles files = new ClassProbeFiles(folder);
    try (Probe probe = Probe.open(files.spec(true, false));
        ProbeDevice device = ready(probe, files.weights())) {
      assertThat(probe.testsClassesOnHoldout()).isFalse();
      RepresentationObservation found = Tasks.run(device.representation(0));
      assertThat(found.testImages()).isEqualTo(100);
      assertThat(accuracy(found)).isBetween(.3, .9);
    }
    try (Probe probe = Probe.open(files.spec(false, true))) {
      assertThat(probe.representation().sigmas()).isEmpty();
      assertThat(probe.allowsIcr()).as("needs no labels").isTrue();
    }
  }

  @Test
  void aCheckpointThatReturnsNoNumbersIsNoEngineFailure() throws Exception {
    ClassProbeFiles files = new ClassProbeFiles(folder);
    try (Probe probe = Probe.open(files.spec(true, true));
        ProbeDevice device = ready(probe, files.broken())) {
      assertThatThrownBy(() -> Tasks.run(device.representation(0)))
          .isInstanceOf(BadInputException.class)
          .hasMessageContaining("the training has diverged");
      assertThatThrownBy(() -> Tasks.run(device.icr())).isInstanceOf(BadInputException.class);
    }
  }

  /** Three images of each class to fit: nothing lies outside of five directions. */
  @Test
  void fewImagesGiveAnAccuracyAndNoRatios() throws Exception {
    ClassProbeFiles files = new ClassProbeFiles(folder);
    ProbeSpec few = files.spec(true, true).withRepresentation(ClassProbeFiles.settings(12));
    try (Probe probe = Probe.open(few);
        ProbeDevice device = ready(probe, files.weights())) {
      RepresentationObservation found = Tasks.run(device.representation(0));
      assertThat(found.testImages()).isEqualTo(12);
      assertThat(found.snr()).isNull();
      // Twenty features.
      assertThat(Tasks.run(device.icr()).icr()).isNull();
    }
    int[] labels = new int[25];
    Arrays.fill(labels, 3, 14, 1);
    Arrays.fill(labels, 14, 24, 2);
    assertThat(RepresentationTask.ofLargeClasses(labels))
        .isEqualTo(IntStream.range(3, 14).toArray());
  }

  @Test
  void theIdDependsOnLabelsAndLevels() throws Exception {
    ClassProbeFiles files = new ClassProbeFiles(folder);
    ProbeSpec spec = files.spec(true, true);
    String id = id(spec);
    assertThat(id(spec)).isEqualTo(id);
    assertThat(id(files.spec(true, false))).isNotEqualTo(id);
    assertThat(id(spec.withRepresentation(ClassProbeFiles.settings(50)))).isNotEqualTo(id);
    assertThat(id(spec.withRepresentation(RepresentationSettings.OFF))).isNotEqualTo(id);
  }

  private static String id(ProbeSpec spec) throws BadInputException {
    try (Probe probe = Probe.open(spec)) {
      return probe.id();
    }
  }

  @Test
  void imagesAreTakenClassByClassAndEvenly() {
    // The classes come in turn, so that every other point would be of one class alone.
    DataSet train = points(24, i -> i % 2 == 0 ? 7 : 2_000_000_000);
    ProbedImages split = Objects.requireNonNull(ProbedImages.of(train, null, 100, 4));
    assertThat(split.classes()).isEqualTo(2);
    assertThat(split.fit().rows()).containsExactly(0, 4, 8, 12, 16, 20, 1, 5, 9, 13, 17, 21);
    assertThat(split.test().rows()).containsExactly(2, 6, 10, 14, 18, 22, 3, 7, 11, 15, 19, 23);
    assertThat(split.test().labels()).containsExactly(0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1);

    DataSet holdout = points(9, i -> i < 6 ? 7 : i == 6 ? 5 : 2_000_000_000);
    ProbedImages both = Objects.requireNonNull(ProbedImages.of(train, holdout, 8, 4));
    assertThat(both.fit().rows()).containsExactly(0, 6, 12, 18, 1, 7, 13, 19);
    assertThat(both.test().rows()).containsExactly(0, 1, 2, 3, 4, 5, 7, 8);
    assertThat(both.test().labels()).containsExactly(0, 0, 0, 0, 0, 0, 1, 1);
  }

  @Test
  void longFeaturesAndManyClassesAreBounded() {
    DataSet many = points(3000, i -> i % 600);
    ProbedImages images = Objects.requireNonNull(ProbedImages.of(many, null, 1000, 64));
    assertThat(images.classes()).isEqualTo(ProbedImages.MOST_CLASSES);
    assertThat(images.fit().size()).isEqualTo(250);

    DataSet two = points(4000, i -> i % 2);
    ProbedImages some = Objects.requireNonNull(ProbedImages.of(two, null, 2000, 16_384));
    assertThat((long) some.count() * 16_384).isLessThanOrEqualTo(1 << 23);
    assertThat(ProbedImages.of(two, null, 2000, 1 << 20)).isNull();
    assertThat(ProbedImages.of(points(40, i -> i < 37 ? 0 : i), null, 40, 4)).isNull();
    assertThat(ProbedImages.of(points(40, null), null, 40, 4)).isNull();
  }

  private static DataSet points(int n, @Nullable IntUnaryOperator label) {
    DataSet plain = DataSet.of("points", TensorShape.of(1), new float[n]);
    if (label == null) {
      return plain;
    }
    int[] labels = new int[n];
    Arrays.setAll(labels, label);
    return plain.withLabels(labels);
  }

  private static ProbeDevice ready(Probe probe, Path weights) throws BadInputException {
    ProbeDevice device = ProbeDevice.load(probe, Device.cpu());
    device.useGeometry(Tasks.run(device.geometry()));
    device.useCheckpoint("fixture", WeightsLocation.of(weights));
    return device;
  }

  private static double accuracy(RepresentationObservation found) {
    return (double) BitSet.valueOf(found.correct()).cardinality() / found.testImages();
  }
}
