package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.data.DataSet;
import io.diffuscope.data.DataSets;
import io.diffuscope.model.Devices;
import io.diffuscope.sampling.Observation.FidelityObservation;
import io.diffuscope.signal.Fidelity;
import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.signal.Statistic;
import io.diffuscope.statistics.Estimate;
import io.diffuscope.statistics.KernelDistance;
import io.diffuscope.statistics.PrecisionRecall;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * On the device as by the plain formulas of {@link KernelDistance} and {@link PrecisionRecall},
 * which are tested against published implementations.
 */
class FidelityTest {
  private static final int DIMENSION = 6;
  private static final int HOLDOUT = 300;
  private static final int[] BLOCKS = {64, 64, 33};

  @TempDir private Path folder = Path.of("");
  private final RandomGenerator random = ProbeFiles.random(21);

  @BeforeAll
  static void configure() {
    Devices.configure(1);
  }

  @Test
  void kernelsAndBallsAreThoseOfThePlainFormulas() throws Exception {
    double[][] holdout = gaussians(HOLDOUT, 1, 0);
    List<double[][]> blocks = new ArrayList<>();
    for (int rows : BLOCKS) {
      blocks.add(gaussians(rows, .8, .3));
    }
    Map<Statistic, Estimate> found = fidelity(holdout, blocks);

    List<KernelDistance.Block> kernels =
        blocks.stream().map(rows -> KernelDistance.Block.of(rows, holdout)).toList();
    double mean = Arrays.stream(KernelDistance.within(holdout)).average().orElseThrow();
    assertClose(of(found, Statistic.KERNEL_DISTANCE), KernelDistance.of(kernels, mean));

    int k = PrecisionRecall.DEFAULT_NEIGHBOURS;
    double[] radii = new double[HOLDOUT];
    for (int i = 0; i < HOLDOUT; i++) {
      radii[i] = PrecisionRecall.radius(distances(holdout[i], holdout), i, k);
    }
    PrecisionRecall.Collector collector = new PrecisionRecall.Collector(radii, k);
    blocks.forEach(
        rows -> Arrays.stream(rows).forEach(row -> collector.add(distances(row, holdout), 0)));
    PrecisionRecall expected = collector.estimate();
    assertClose(of(found, Statistic.PRECISION), expected.precision());
    assertClose(of(found, Statistic.DENSITY), expected.density());
    assertClose(of(found, Statistic.COVERAGE), expected.coverage());
    assertThat(expected.precision().value()).isBetween(.05, .999);
    assertThat(expected.coverage().value()).isBetween(.05, .999);
  }

  /** Noise, blur and one mode that is repeated: none copies, and each is bad in its way. */
  @Test
  void whatIsBadShows() throws Exception {
    double[][] holdout = gaussians(HOLDOUT, 1, 0);
    Map<Statistic, Estimate> good = fidelity(holdout, List.<double[][]>of(gaussians(400, 1, 0)));
    assertThat(of(good, Statistic.KERNEL_DISTANCE)).matches(e -> e.lower() < 0 && e.upper() > 0);
    assertThat(value(good, Statistic.DENSITY)).isCloseTo(1, within(.15));
    assertThat(value(good, Statistic.COVERAGE)).isGreaterThan(.95);

    Map<Statistic, Estimate> noise = fidelity(holdout, List.<double[][]>of(gaussians(400, 4, 0)));
    assertThat(of(good, Statistic.PRECISION).lower())
        .isGreaterThan(of(noise, Statistic.PRECISION).upper());
    assertThat(of(noise, Statistic.KERNEL_DISTANCE).lower()).isPositive();

    Map<Statistic, Estimate> blur = fidelity(holdout, List.<double[][]>of(gaussians(400, .2, 0)));
    assertThat(value(blur, Statistic.PRECISION)).isGreaterThan(.99);
    assertThat(of(good, Statistic.COVERAGE).lower())
        .isGreaterThan(of(blur, Statistic.COVERAGE).upper());
    assertThat(of(blur, Statistic.KERNEL_DISTANCE).lower()).isPositive();
  }

  @Test
  void aSetThatIsTooSmallIsNone() {
    assertThat(FidelityReference.isEnough(49, DIMENSION)).isFalse();
    assertThat(FidelityReference.isEnough(50, DIMENSION)).isTrue();
    assertThat(FidelityReference.points(1_000_000, DIMENSION)).isEqualTo(10_000);
    assertThat(FidelityReference.points(10_000, 3 * 32 * 32)).isEqualTo((8 << 20) / 3072);
    assertThat(FidelityReference.isEnough(10_000, 3 * 512 * 512)).isFalse();
  }

  private Map<Statistic, Estimate> fidelity(double[][] holdout, List<double[][]> blocks)
      throws Exception {
    Fidelity signal = new Fidelity();
    try (NDManager manager = NDManager.newBaseManager(Device.cpu());
        DataSet set = set(holdout);
        FidelityReference reference = FidelityReference.load(manager, set)) {
      int first = 0;
      for (int block = 0; block < blocks.size(); block++) {
        double[][] rows = blocks.get(block);
        try (FidelityTask task =
            new FidelityTask(
                manager,
                reference,
                block,
                first,
                manager.create(flat(rows), new Shape(rows.length, DIMENSION)))) {
          while (task.advance()) {}
          FidelityObservation observation = task.result();
          signal.observe(observation);
          // One that comes twice counts once.
          signal.observe(observation);
        }
        first += rows.length;
      }
    }
    assertThat(signal.estimates(false))
        .extracting(SignalEstimate::statistic)
        .doesNotContain(Statistic.COVERAGE);
    Map<Statistic, Estimate> found = new EnumMap<>(Statistic.class);
    signal.estimates(true).forEach(e -> found.put(e.statistic(), e.estimate()));
    return found;
  }

  private DataSet set(double[][] rows) throws Exception {
    TensorShape shape = TensorShape.of(DIMENSION);
    Path file = new ProbeFiles(folder).write("holdout.npy", shape, flat(rows));
    return DataSets.open(file.toString(), "hold-out set", shape);
  }

  /** Rounded to float32, as features are. */
  private double[][] gaussians(int count, double spread, double shift) {
    double[][] rows = new double[count][DIMENSION];
    for (double[] row : rows) {
      Arrays.setAll(row, i -> (float) (spread * random.nextGaussian() + shift));
    }
    return rows;
  }

  private static float[] flat(double[][] rows) {
    float[] flat = new float[rows.length * DIMENSION];
    for (int i = 0; i < flat.length; i++) {
      flat[i] = (float) rows[i / DIMENSION][i % DIMENSION];
    }
    return flat;
  }

  private static double[] distances(double[] row, double[][] others) {
    return Arrays.stream(others)
        .mapToDouble(
            other -> {
              double sum = 0;
              for (int i = 0; i < DIMENSION; i++) {
                sum += (row[i] - other[i]) * (row[i] - other[i]);
              }
              return Math.sqrt(sum);
            })
        .toArray();
  }

  private static Estimate of(Map<Statistic, Estimate> all, Statistic statistic) {
    return Objects.requireNonNull(all.get(statistic));
  }

  private static double value(Map<Statistic, Estimate> all, Statistic statistic) {
    return of(all, statistic).value();
  }

  private static void assertClose(Estimate found, Estimate expected) {
    assertThat(found.value()).isCloseTo(expected.value(), within(1e-9));
    assertThat(found.standardError()).isCloseTo(expected.standardError(), within(1e-9));
    assertThat(found.samples()).isEqualTo(expected.samples());
  }
}
