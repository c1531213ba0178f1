package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.data.DataSet;
import io.diffuscope.data.DataSets;
import io.diffuscope.model.Devices;
import io.diffuscope.model.Pooling;
import io.diffuscope.sampling.Observation.DenoisingObservation;
import io.diffuscope.sampling.Observation.SpikinessObservation;
import io.diffuscope.statistics.SpikinessOracle;
import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.WeightsLocation;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.random.RandomGenerator;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The measures against NumPy, and the two-layer autoencoder of arXiv 2512.20963 with the weights of
 * its corollaries; {@code src/test/python/make_representation_fixtures.py}.
 */
class SpikinessTest {
  private static final String MODELS = "/io/diffuscope/model/";
  private static final double SIGMA = .2;
  private static final int WIDTH = 40;

  @TempDir private Path folder;

  @BeforeAll
  static void configure() {
    Devices.configure(1);
  }

  @ParameterizedTest
  @EnumSource(Pooling.class)
  void measuresAgreeWithNumPy(Pooling pooling) throws Exception {
    Path numbers = new ProbeFiles(folder).resource(MODELS + "representations.npz");
    float[] representations = read(numbers + ":" + pooling.label(), 7 * 5);
    float[] expected = read(numbers + ":" + pooling.label() + "_measures", 4 * 7);
    try (NDManager manager = NDManager.newBaseManager(Device.cpu())) {
      NDArray h = manager.create(representations, new Shape(7, 5));
      Map<SpikinessMeasure, double[]> found = SpikinessMeasure.of(h);
      int row = 0;
      for (SpikinessMeasure measure : SpikinessMeasure.values()) {
        double[] values = Objects.requireNonNull(found.get(measure));
        for (int i = 0; i < 7; i++) {
          double wanted = expected[7 * row + i];
          assertThat(values[i]).as("%s of %d", measure, i).isCloseTo(wanted, within(1e-5 * wanted));
        }
        row++;
      }
    }
  }

  /** The plain formulas, which are themselves tested against SciPy and the tables. */
  @Test
  void measuresAgreeWithThePlainFormulasAlsoAtTheEnds() {
    int p = 50;
    float[][] rows = new float[6][p];
    RandomGenerator random = ProbeFiles.random(9);
    for (int j = 0; j < p; j++) {
      rows[0][j] = (float) random.nextGaussian();
      rows[1][j] = (float) Math.max(0, random.nextGaussian());
      rows[2][j] = (float) Math.exp(3 * random.nextGaussian());
      rows[3][j] = .25f;
    }
    rows[4][7] = -3;
    try (NDManager manager = NDManager.newBaseManager(Device.cpu())) {
      Map<SpikinessMeasure, double[]> found = SpikinessMeasure.of(manager.create(rows));
      for (int i = 0; i < rows.length; i++) {
        double[] h = new double[p];
        for (int j = 0; j < p; j++) {
          h[j] = rows[i][j];
        }
        SpikinessOracle plain = SpikinessOracle.of(h);
        close(found, SpikinessMeasure.STD, i, plain.standardDeviation());
        close(found, SpikinessMeasure.L4_L2, i, plain.l4OverL2());
        close(found, SpikinessMeasure.HOYER, i, plain.hoyer());
        close(found, SpikinessMeasure.PARTICIPATION_RATIO, i, plain.participationRatio());
      }
    }
  }

  private static void close(
      Map<SpikinessMeasure, double[]> found, SpikinessMeasure measure, int row, double expected) {
    double value = Objects.requireNonNull(found.get(measure))[row];
    if (Double.isNaN(expected)) {
      assertThat(value).as("%s of %d", measure, row).isNaN();
    } else {
      assertThat(value).as("%s of %d", measure, row).isCloseTo(expected, within(1e-9));
    }
  }

  @Test
  void aStoredImageIsOneSpikeAndALearnedClusterIsBalanced() throws Exception {
    Map<SpikinessMeasure, double[]> stored = measured("memorizing").spikiness.measures();
    Map<SpikinessMeasure, double[]> learned = measured("generalizing").spikiness.measures();
    // Twenty-eight training images come first: one column each, or one block of sixteen.
    assertThat(mean(stored, SpikinessMeasure.PARTICIPATION_RATIO, 0, 28)).isBetween(1.0, 1.2);
    assertThat(mean(learned, SpikinessMeasure.PARTICIPATION_RATIO, 0, 28)).isBetween(10.0, 16.0);
    assertThat(mean(stored, SpikinessMeasure.HOYER, 0, 28)).isGreaterThan(.9);
    assertThat(mean(learned, SpikinessMeasure.HOYER, 0, 28)).isLessThan(.45);
    // Images that were not stored meet several columns; new ones of a cluster meet its block.
    assertThat(mean(stored, SpikinessMeasure.HOYER, 28, 56)).isLessThan(.8);
    assertThat(mean(learned, SpikinessMeasure.HOYER, 28, 56))
        .isCloseTo(mean(learned, SpikinessMeasure.HOYER, 0, 28), within(.05));
  }

  /** Corollary 3.2: sigma^2 |x|^2 / (sigma^2 + |x|^2) in all, here over d sigma^2. */
  @Test
  void theMemorizingResidualIsThatOfTheClosedForm() throws Exception {
    Measured memorizing = measured("memorizing");
    double energy = 144;
    double expected = energy / (energy + SIGMA * SIGMA) / WIDTH;
    double[] losses = Arrays.copyOf(memorizing.losses.losses(), 28 * 40);
    double mean = Arrays.stream(losses).average().orElseThrow();
    // One squared normal number a draw: a standard error of sqrt(2 / 1120) of it.
    assertThat(mean).isCloseTo(expected, within(4 * expected * Math.sqrt(2.0 / losses.length)));
  }

  private record Measured(SpikinessObservation spikiness, DenoisingObservation losses) {}

  private Measured measured(String which) throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    Path template = files.resource(MODELS + "autoencoder.pt");
    Path points = files.resource(MODELS + "autoencoder-%s.npz".formatted(which));
    Path weights = files.resource(MODELS + "autoencoder-%s.safetensors".formatted(which));
    ProbeSpec base = files.spec(template, Path.of(points + ":train"), Path.of(points + ":holdout"));
    ProbeSpec spec =
        new ProbeSpec(
                base.template(),
                base.network(),
                base.train(),
                base.holdout(),
                null,
                null,
                3,
                40,
                768,
                base.flow(),
                new DenoisingSettings(List.of(SIGMA), 40, 28),
                base.cacheDirectory(),
                base.residentBytes())
            .withSpikiness(new SpikinessSettings(SIGMA, Pooling.MAX, 28));
    try (Probe probe = Probe.open(spec);
        ProbeDevice device = ProbeDevice.load(probe, Device.cpu());
        DataSet train = DataSets.open(spec.train(), "training set", null)) {
      assertThat(train.size()).isEqualTo(28);
      device.useGeometry(Tasks.run(device.geometry()));
      device.useCheckpoint(which, WeightsLocation.of(weights));
      DenoisingObservation first = Tasks.run(device.denoisingBlock(SIGMA, 0));
      DenoisingObservation second = Tasks.run(device.denoisingBlock(SIGMA, 1));
      double[] losses =
          DoubleStream.concat(Arrays.stream(first.losses()), Arrays.stream(second.losses()))
              .toArray();
      return new Measured(
          Tasks.run(device.setSpikiness(0)), new DenoisingObservation(0, SIGMA, 0, losses));
    }
  }

  private static double mean(
      Map<SpikinessMeasure, double[]> measures, SpikinessMeasure measure, int from, int to) {
    return Arrays.stream(Objects.requireNonNull(measures.get(measure)), from, to)
        .average()
        .orElseThrow();
  }

  private static float[] read(String array, int size) throws Exception {
    try (ArrayFile file = ArrayFile.open(array)) {
      FloatBuffer values = FloatBuffer.allocate(size);
      file.readRows(0, Math.toIntExact(file.shape().dimension(0)), values);
      return values.array();
    }
  }
}
