package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import io.diffuscope.data.DataSet;
import io.diffuscope.data.MixtureParameters;
import io.diffuscope.model.Denoiser;
import io.diffuscope.model.DevicePoints;
import io.diffuscope.model.Devices;
import io.diffuscope.model.EmpiricalDenoiser;
import io.diffuscope.model.GaussianDenoiser;
import io.diffuscope.model.MixtureDenoiser;
import io.diffuscope.model.SigmaGrid;
import io.diffuscope.sampling.FlowSettings.Solver;
import io.diffuscope.statistics.Estimate;
import io.diffuscope.statistics.SquaredDistances;
import io.diffuscope.tensorfile.TensorShape;
import java.util.Arrays;
import org.apache.commons.statistics.distribution.NormalDistribution;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Probability flow distances that are known in closed form, or were computed by {@code
 * src/test/python/probability_flow_oracles.py} without our code.
 *
 * <p>In one dimension the noises are the midpoint quantiles of the normal distribution, 4,000 of
 * them: the integral over the noises then has no Monte-Carlo error, and 1e-3 is allowed for its
 * discretization. {@link #monteCarlo} draws the noises from the bank.
 */
class ProbabilityFlowOracleTest {
  private static final int QUANTILES = 4000;
  private static final double T = 80;

  /** Sixteen draws of numpy.random.default_rng(0).standard_normal(16), as float32. */
  private static final float[] SIXTEEN = {
    0.12573022f, -0.13210486f, 0.64042264f, 0.104900114f, -0.5356694f, 0.36159506f, 1.304f,
    0.94708097f, -0.70373523f, -1.2654215f, -0.62327445f, 0.04132598f, -2.3250308f, -0.21879166f,
    -1.245911f, -0.7322674f
  };

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
  @CsvSource({"HEUN,18,1.41570", "EULER,18,1.31832", "HEUN,40,1.39974", "HEUN,256,1.39632"})
  void twoGaussiansInOneDimension(Solver solver, int steps, double expected) {
    double found = distance(normal(0, 1), normal(1, 4), solver, steps, quantiles());
    assertThat(found).isCloseTo(expected, within(1e-3));
    if (steps == 256) {
      // The flow's own limit at T = 80, without a solver: Phi(x) = mu + s / sqrt(s^2 + T^2) (x -
      // mu).
      double a = 1 / Math.sqrt(1 + T * T);
      double b = 2 / Math.sqrt(4 + T * T);
      double closed = Math.sqrt(Math.pow(1 - b, 2) + T * T * Math.pow(a - b, 2));
      assertThat(closed).isCloseTo(1.3963, within(1e-4));
      assertThat(found).isCloseTo(closed, within(1e-3));
    }
  }

  @ParameterizedTest
  @CsvSource({"HEUN,18,1.22168", "EULER,18,1.17784", "HEUN,40,1.21567", "HEUN,256,1.21563"})
  void bimodalMixtureAgainstTheNormal(Solver solver, int steps, double expected) {
    double found = distance(bimodal(), normal(0, 1), solver, steps, quantiles());
    assertThat(found).isCloseTo(expected, within(1e-3));
    // In one dimension the distance is Wasserstein's, 1.2164, as T grows.
    assertThat(found).isCloseTo(1.2164, within(steps == 18 ? .04 : 2e-3));
  }

  @ParameterizedTest
  @CsvSource({"HEUN,18,.36146", "EULER,18,.31754", "HEUN,40,.35240", "HEUN,256,.35055"})
  void sixteenPointsAgainstTheNormal(Solver solver, int steps, double expected) throws Exception {
    try (DevicePoints points = sixteen()) {
      double found =
          distance(EmpiricalDenoiser.create(points), normal(0, 1), solver, steps, quantiles());
      assertThat(found).isCloseTo(expected, within(1e-3));
    }
  }

  /** W2 between the points and the normal by their quantile functions, T going to infinity. */
  @Test
  void sixteenPointsTendToTheirWassersteinDistance() throws Exception {
    double[] sorted = new double[16];
    Arrays.setAll(sorted, i -> SIXTEEN[i]);
    Arrays.sort(sorted);
    double squared = 0;
    for (int i = 0; i < QUANTILES; i++) {
      squared += Math.pow(sorted[16 * i / QUANTILES] - quantiles()[i], 2) / QUANTILES;
    }
    try (DevicePoints points = sixteen()) {
      double found =
          distance(EmpiricalDenoiser.create(points), normal(0, 1), Solver.HEUN, 256, quantiles());
      assertThat(found).isCloseTo(Math.sqrt(squared), within(3e-3));
    }
  }

  /** Flows of Gaussians are affine: three noises determine the distance, sqrt(|b|^2 + |A|_F^2). */
  @ParameterizedTest
  @CsvSource({"HEUN,18,1.83116", "EULER,18,1.64809", "HEUN,40,1.80042", "HEUN,256,1.79382"})
  void twoGaussiansInThePlane(Solver solver, int steps, double expected) {
    double[] squared =
        squaredDistances(straight(), rotated(), solver, steps, new double[] {0, 0, 1, 0, 0, 1});
    float[][] p = rows(endpoints(straight(), solver, steps, new double[] {0, 0, 1, 0, 0, 1}));
    float[][] q = rows(endpoints(rotated(), solver, steps, new double[] {0, 0, 1, 0, 0, 1}));
    double sum = squared[0];
    for (int axis = 1; axis <= 2; axis++) {
      for (int j = 0; j < 2; j++) {
        sum += Math.pow((p[axis][j] - q[axis][j]) - (p[0][j] - q[0][j]), 2);
      }
    }
    assertThat(Math.sqrt(sum)).isCloseTo(expected, within(1e-4));
    if (steps == 256) {
      assertThat(Math.sqrt(sum)).as("closed form at T = 80").isCloseTo(1.7937, within(1e-3));
    }
  }

  /** Noises from the bank, within four of the estimate's own standard errors. */
  @Test
  void monteCarlo() throws Exception {
    int n = 40_000;
    double[] line = NoiseBank.seeded(1, 1).read(0, n);
    assertWithinFourErrors(normal(0, 1), normal(1, 4), line, 1.41570);
    assertWithinFourErrors(bimodal(), normal(0, 1), line, 1.22168);
    assertWithinFourErrors(straight(), rotated(), NoiseBank.seeded(1, 2).read(0, n), 1.83116);
  }

  private void assertWithinFourErrors(Denoiser p, Denoiser q, double[] noise, double expected) {
    Estimate estimate =
        SquaredDistances.of(squaredDistances(p, q, Solver.HEUN, 18, noise)).rootMeanSquare();
    assertThat(estimate.standardError()).isLessThan(.01);
    assertThat(estimate.value()).isCloseTo(expected, within(4 * estimate.standardError()));
  }

  @Test
  void isAMetricOnEverySetOfNoises() throws Exception {
    double[] noise = NoiseBank.seeded(2, 1).read(0, 500);
    try (DevicePoints points = sixteen()) {
      Denoiser[] all = {
        normal(0, 1), normal(1, 4), bimodal(), EmpiricalDenoiser.create(points), normal(-3, .01)
      };
      double[][] d = new double[all.length][all.length];
      for (int i = 0; i < all.length; i++) {
        for (int j = 0; j < all.length; j++) {
          d[i][j] = distance(all[i], all[j], Solver.HEUN, 18, noise);
        }
      }
      for (int i = 0; i < all.length; i++) {
        assertThat(d[i][i]).as("to itself, exactly").isZero();
        for (int j = 0; j < all.length; j++) {
          assertThat(d[i][j]).as("symmetry, exactly").isEqualTo(d[j][i]);
          for (int k = 0; k < all.length; k++) {
            assertThat(d[i][j]).isLessThanOrEqualTo(d[i][k] + d[k][j] + 1e-12);
          }
        }
      }
      assertThat(d[0][1]).isPositive();
    }
  }

  @Test
  void goesStepByStep() {
    FlowSettings settings = new FlowSettings(Solver.HEUN, SigmaGrid.edm(3));
    try (ProbabilityFlow flow =
        ProbabilityFlow.start(manager, normal(0, 1), settings, new double[] {1, 2}, 2)) {
      assertThatThrownBy(() -> flow.endpoints(manager)).isInstanceOf(IllegalStateException.class);
      assertThat(flow.advance()).isTrue();
      assertThat(flow.advance()).isTrue();
      assertThat(flow.advance()).isFalse();
      assertThat(flow.isFinished()).isTrue();
      assertThat(flow.advance()).isFalse();
      assertThat(flow.step()).isEqualTo(3);
      assertThat(flow.endpoints(manager).toFloatArray()).hasSize(2);
    }
  }

  private double distance(Denoiser p, Denoiser q, Solver solver, int steps, double[] noise) {
    return SquaredDistances.of(squaredDistances(p, q, solver, steps, noise))
        .rootMeanSquare()
        .value();
  }

  private double[] squaredDistances(
      Denoiser p, Denoiser q, Solver solver, int steps, double[] noise) {
    float[] mine = endpoints(p, solver, steps, noise);
    float[] theirs = endpoints(q, solver, steps, noise);
    int d = p.dimension();
    double[] squared = new double[mine.length / d];
    for (int i = 0; i < mine.length; i++) {
      squared[i / d] += Math.pow((double) mine[i] - theirs[i], 2);
    }
    return squared;
  }

  private float[] endpoints(Denoiser denoiser, Solver solver, int steps, double[] noise) {
    FlowSettings settings = new FlowSettings(solver, SigmaGrid.edm(steps));
    int rows = noise.length / denoiser.dimension();
    try (ProbabilityFlow flow = ProbabilityFlow.start(manager, denoiser, settings, noise, rows)) {
      while (flow.advance()) {}
      return flow.endpoints(manager).toFloatArray();
    }
  }

  private static float[][] rows(float[] flat) {
    float[][] rows = new float[flat.length / 2][];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = Arrays.copyOfRange(flat, 2 * i, 2 * i + 2);
    }
    return rows;
  }

  private static double[] quantiles() {
    NormalDistribution normal = NormalDistribution.of(0, 1);
    double[] values = new double[QUANTILES];
    Arrays.setAll(values, i -> normal.inverseCumulativeProbability((i + .5) / QUANTILES));
    return values;
  }

  private Denoiser normal(double mean, double variance) {
    return GaussianDenoiser.create(
        manager, new double[] {mean}, new double[][] {{1}}, new double[] {variance});
  }

  private Denoiser bimodal() {
    return MixtureDenoiser.create(
        manager,
        new MixtureParameters(
            2,
            1,
            0,
            new double[] {.5, .5},
            new double[] {-2, 2},
            new double[0],
            new double[0],
            new double[] {.25, .25}));
  }

  private Denoiser straight() {
    return GaussianDenoiser.create(
        manager, new double[2], new double[][] {{1, 0}, {0, 1}}, new double[] {4, .25});
  }

  private Denoiser rotated() {
    double h = Math.sqrt(.5);
    return GaussianDenoiser.create(
        manager, new double[] {1, 0}, new double[][] {{h, -h}, {h, h}}, new double[] {4, .25});
  }

  private DevicePoints sixteen() throws Exception {
    DataSet set = DataSet.of("sixteen", TensorShape.of(1), SIXTEEN);
    return DevicePoints.load(manager, set, DevicePoints.meanOf(set), 5, 1 << 10);
  }
}
