package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import io.diffuscope.model.Devices;
import io.diffuscope.model.GaussianDenoiser;
import io.diffuscope.signal.DenoisingGap;
import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.signal.Statistic;
import io.diffuscope.statistics.Estimate;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DenoisingTaskTest {
  private static final int D = 8;
  private static final int IMAGES = 400;
  private static final double VARIANCE = .5;

  @TempDir private Path folder;
  private ProbeFiles files;

  @BeforeEach
  void configure() {
    Devices.configure(1);
    files = new ProbeFiles(folder);
  }

  /**
   * Under the true denoiser of N(0, v I) the expected loss is E|D(y + s e) - y|^2 / (d s^2) = v /
   * (v + s^2). 400 images of 8 elements, 3 draws each: within four standard errors.
   */
  @Test
  void theTrueDenoiserOfAGaussianHasItsExpectedLoss() throws Exception {
    Path train = files.write("train.npy", TensorShape.of(D), gaussians(1));
    Path holdout = files.write("holdout.npy", TensorShape.of(D), gaussians(2));
    for (double sigma : new double[] {.05, .5, 3, 40}) {
      DenoisingGap gap = measured(train, holdout, sigma);
      double expected = VARIANCE / (VARIANCE + sigma * sigma);
      for (Statistic side : new Statistic[] {Statistic.TRAIN_LOSS, Statistic.HOLDOUT_LOSS}) {
        Estimate loss = value(gap, side);
        assertThat(loss.samples()).isEqualTo(IMAGES);
        assertThat(loss.standardError()).isPositive().isLessThan(.1 * expected);
        assertThat(loss.value()).isCloseTo(expected, within(4 * loss.standardError()));
      }
      Estimate difference = value(gap, Statistic.GAP);
      assertThat(difference.value()).isCloseTo(0, within(4 * difference.standardError()));
    }
  }

  /** The i-th image of either set has the same noises: equal sets have a gap of exactly 0. */
  @Test
  void theNoisesOfBothSetsArePaired() throws Exception {
    Path train = files.write("train.npy", TensorShape.of(D), gaussians(1));
    Path same = files.write("same.npy", TensorShape.of(D), gaussians(1));
    assertThat(value(measured(train, same, .5), Statistic.GAP).value()).isZero();
  }

  @Test
  void imagesAreSpreadOverTheirSet() throws Exception {
    Path train = files.write("train.npy", TensorShape.of(D), gaussians(1));
    Path holdout = files.write("holdout.npy", TensorShape.of(D), gaussians(2));
    try (Probe probe = Probe.open(spec(train, holdout, 1))) {
      DenoisingPlan plan =
          new DenoisingPlan(
              probe.train(),
              Objects.requireNonNull(probe.holdout()),
              new DenoisingSettings(List.of(1.0), 3, 40));
      assertThat(plan.rows()).isEqualTo(240);
      assertThat(plan.row(0)).isEqualTo(new DenoisingPlan.Row(probe.train(), 0, 0));
      assertThat(plan.row(5)).isEqualTo(new DenoisingPlan.Row(probe.train(), 10, 5));
      assertThat(plan.row(119)).isEqualTo(new DenoisingPlan.Row(probe.train(), 390, 119));
      assertThat(plan.row(125).set()).isSameAs(probe.holdout());
      assertThat(plan.row(125).image()).isEqualTo(10);
      assertThat(plan.row(125).noise()).as("that of the training image").isEqualTo(5);
    }
  }

  private DenoisingGap measured(Path train, Path holdout, double sigma) throws Exception {
    DenoisingGap gap = new DenoisingGap(sigma, IMAGES, IMAGES, 3);
    double[][] basis = new double[D][D];
    double[] variances = new double[D];
    for (int i = 0; i < D; i++) {
      basis[i][i] = 1;
      variances[i] = VARIANCE;
    }
    ProbeSpec spec = spec(train, holdout, sigma);
    try (NDManager manager = NDManager.newBaseManager(Device.cpu());
        GaussianDenoiser denoiser =
            GaussianDenoiser.create(manager, new double[D], basis, variances);
        Probe probe = Probe.open(spec)) {
      DenoisingPlan plan =
          new DenoisingPlan(
              probe.train(), Objects.requireNonNull(probe.holdout()), spec.denoising());
      assertThat(plan.rows()).isEqualTo(2400);
      for (int block = 0; block * spec.batchSize() < plan.rows(); block++) {
        gap.observe(
            Tasks.run(
                new DenoisingTask(
                    manager, new KeptArrays(manager), denoiser, probe, plan, sigma, block)));
      }
    }
    return gap;
  }

  private ProbeSpec spec(Path train, Path holdout, double sigma) throws Exception {
    ProbeSpec base =
        files.spec(files.resource("/io/diffuscope/model/memorizer.pt"), train, holdout);
    return new ProbeSpec(
        base.template(),
        base.network(),
        base.train(),
        base.holdout(),
        null,
        null,
        5,
        2,
        500,
        base.flow(),
        new DenoisingSettings(List.of(sigma), 3, IMAGES),
        base.cacheDirectory(),
        base.residentBytes());
  }

  private static Estimate value(DenoisingGap gap, Statistic statistic) {
    return gap.estimates(true).stream()
        .filter(estimate -> estimate.statistic() == statistic)
        .map(SignalEstimate::estimate)
        .findFirst()
        .orElseThrow();
  }

  private static float[] gaussians(long seed) {
    RandomGenerator random = ProbeFiles.random(seed);
    float[] values = new float[IMAGES * D];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (Math.sqrt(VARIANCE) * random.nextGaussian());
    }
    return values;
  }
}
