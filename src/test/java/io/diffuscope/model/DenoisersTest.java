package io.diffuscope.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.data.DataSet;
import io.diffuscope.data.MixtureParameters;
import io.diffuscope.model.BruteForce.Component;
import io.diffuscope.model.BruteForce.Posterior;
import io.diffuscope.tensorfile.TensorShape;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The closed forms against brute force in plain Java. */
class DenoisersTest {
  private static final double[] SIGMAS = {.002, .01, .1, .5, 2, 10, 80};

  private NDManager manager;
  private final RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(5);

  @BeforeEach
  void open() {
    Devices.configure(1);
    manager = NDManager.newBaseManager(Device.cpu());
  }

  @AfterEach
  void close() {
    manager.close();
  }

  @Test
  void gaussianIsThePosteriorMean() {
    int d = 5;
    double[][] basis = BruteForce.basis(d, d, random);
    double[] variances = {4, 1, .25, 1e-4, 0};
    double[] mean = gaussians(d, 3);
    Component[] same = {
      new Component(1, mean, BruteForce.covariance(basis, variances, 0)),
    };
    try (GaussianDenoiser denoiser = GaussianDenoiser.create(manager, mean, basis, variances)) {
      for (double sigma : SIGMAS) {
        double[][] x = around(mean, 2 + sigma, 7);
        assertMatches(denoiser, x, sigma, row -> BruteForce.mixture(same, row, sigma), 1e-9);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 2, 5})
  void mixtureIsThePosteriorMeanAtEveryRank(int rank) {
    int components = 3;
    int d = 5;
    double[] weights = {.5, .3, .2};
    double[] residual = {1e-4, .01, .3};
    double[] means = new double[components * d];
    double[] bases = new double[components * d * rank];
    double[] variances = new double[components * rank];
    Component[] brute = new Component[components];
    for (int k = 0; k < components; k++) {
      double[] mean = gaussians(d, 1);
      double[][] basis = BruteForce.basis(d, rank, random);
      double[] along = new double[rank];
      for (int c = 0; c < rank; c++) {
        along[c] = c == 0 ? 0 : 2.0 / c;
      }
      System.arraycopy(mean, 0, means, k * d, d);
      System.arraycopy(along, 0, variances, k * rank, rank);
      for (int i = 0; i < d; i++) {
        System.arraycopy(basis[i], 0, bases, (k * d + i) * rank, rank);
      }
      brute[k] = new Component(weights[k], mean, BruteForce.covariance(basis, along, residual[k]));
    }
    MixtureParameters parameters =
        new MixtureParameters(components, d, rank, weights, means, bases, variances, residual);
    try (MixtureDenoiser denoiser = MixtureDenoiser.create(manager, parameters)) {
      for (double sigma : SIGMAS) {
        double[][] x = around(Arrays.copyOf(means, d), 1 + sigma, 9);
        assertMatches(denoiser, x, sigma, row -> BruteForce.mixture(brute, row, sigma), 1e-8);
      }
    }
  }

  @Test
  void mixtureOfOneIsTheGaussian() {
    int d = 4;
    double[][] basis = BruteForce.basis(d, d, random);
    double[] flat = Arrays.stream(basis).flatMapToDouble(Arrays::stream).toArray();
    double[] variances = {3, 1, .1, .01};
    double[] mean = gaussians(d, 2);
    MixtureParameters parameters =
        new MixtureParameters(1, d, d, new double[] {1}, mean, flat, variances, new double[] {1});
    try (MixtureDenoiser mixture = MixtureDenoiser.create(manager, parameters);
        GaussianDenoiser gaussian = GaussianDenoiser.create(manager, mean, basis, variances)) {
      for (double sigma : SIGMAS) {
        NDArray x = manager.create(flat(around(mean, sigma, 6)), new Shape(6, d));
        double[] difference =
            mixture.denoise(x, sigma).sub(gaussian.denoise(x, sigma)).abs().toDoubleArray();
        assertThat(Arrays.stream(difference).max().orElseThrow()).isLessThan(1e-9);
      }
    }
  }

  @Test
  void empiricalIsTheSoftmaxWeightedMean() throws Exception {
    double[][] points = new double[37][];
    for (int i = 0; i < points.length; i++) {
      points[i] = gaussians(6, 1);
    }
    assertEmpirical(points);
  }

  @Test
  void empiricalOfPointsCloseTogetherFarFromTheOrigin() throws Exception {
    double[][] points = new double[21][3];
    for (int i = 0; i < points.length; i++) {
      for (int j = 0; j < 3; j++) {
        points[i][j] = 100 + 1e-3 * random.nextInt(-4, 5);
      }
    }
    assertEmpirical(points);
  }

  @Test
  void empiricalOfTwoDistantCloudsOfClosePoints() throws Exception {
    double[][] points = new double[30][3];
    for (int i = 0; i < points.length; i++) {
      for (int j = 0; j < 3; j++) {
        points[i][j] = (i % 2 == 0 ? 100 : -100) + 1e-3 * random.nextInt(-4, 5);
      }
    }
    assertEmpirical(points);
  }

  @Test
  void empiricalOfOnePointIsThatPoint() throws Exception {
    assertEmpirical(new double[][] {{3, -4}});
  }

  /** Row by row the points of one class against enumeration, in blocks that may hold none of it. */
  @Test
  void empiricalGivenClassesGoesOverTheirPointsAlone() throws Exception {
    int d = 3;
    double[][] points = new double[40][];
    int[] classes = new int[points.length];
    float[] flat = new float[points.length * d];
    for (int i = 0; i < points.length; i++) {
      // Class 7 fills the first blocks alone; 2 has one point, the last.
      classes[i] = i < 20 ? 7 : i == points.length - 1 ? 2 : i % 2;
      points[i] = gaussians(d, 1);
      for (int j = 0; j < d; j++) {
        flat[i * d + j] = (float) (points[i][j] + classes[i]);
        points[i][j] = flat[i * d + j];
      }
    }
    DataSet set = DataSet.of("points", TensorShape.of(d), flat).withLabels(classes);
    int[] asked = {7, 2, 0, 1, -1, 7, -1, 0};
    for (int blockRows : new int[] {1, 8, 64}) {
      for (long residentBytes : new long[] {0, 1 << 20}) {
        try (DevicePoints onDevice =
            DevicePoints.load(manager, set, DevicePoints.meanOf(set), blockRows, residentBytes)) {
          assertThat(onDevice.classes()).containsExactly(0, 1, 2, 7);
          EmpiricalDenoiser denoiser = EmpiricalDenoiser.create(onDevice);
          Denoiser given = denoiser.given(asked);
          for (double sigma : SIGMAS) {
            double[][] x = noisy(points, sigma, asked.length);
            double[][] found = denoise(given, x, sigma);
            for (int i = 0; i < x.length; i++) {
              int label = asked[i];
              double[][] own =
                  IntStream.range(0, points.length)
                      .filter(p -> label == -1 || classes[p] == label)
                      .mapToObj(p -> points[p])
                      .toArray(double[][]::new);
              Posterior expected = BruteForce.empirical(own, x[i], sigma);
              assertThat(distance(found[i], expected.mean()))
                  .as("class %d, sigma %s, blocks of %d", label, sigma, blockRows)
                  .isLessThanOrEqualTo(2e-3 * expected.spread() + 0x1p-20);
            }
          }
          assertThat(denoiser.given(new int[] {-1, -1})).isSameAs(denoiser);
          assertThatThrownBy(() -> denoiser.given(new int[] {0, 3}))
              .isInstanceOf(IllegalArgumentException.class)
              .hasMessageContaining("class 3")
              .hasMessageContaining("[0, 1, 2, 7]");
        }
      }
    }
  }

  @Test
  void aSetWithoutLabelsHasNoClasses() throws Exception {
    DataSet set = DataSet.of("points", TensorShape.of(1), new float[] {1, 2});
    try (DevicePoints onDevice = DevicePoints.load(manager, set, new double[1], 2, 1 << 20)) {
      EmpiricalDenoiser denoiser = EmpiricalDenoiser.create(onDevice);
      assertThatThrownBy(() -> denoiser.given(new int[] {0})).hasMessageContaining("no labels");
    }
  }

  /**
   * Every way of holding the points against enumeration. The denoiser promises logits to 1e-3 and
   * float32 points, so a mean may be off by 1e-3 posterior deviations for each of the weights (2e-3
   * allowed) and by the rounding of the points (2^-22 of their radius allowed).
   */
  private void assertEmpirical(double[][] values) throws Exception {
    int d = values[0].length;
    float[] flat = new float[values.length * d];
    double[][] points = new double[values.length][d];
    for (int i = 0; i < values.length; i++) {
      for (int j = 0; j < d; j++) {
        flat[i * d + j] = (float) values[i][j];
        points[i][j] = flat[i * d + j];
      }
    }
    DataSet set = DataSet.of("points", TensorShape.of(d), flat);
    double[] centre = DevicePoints.meanOf(set);
    double radius = 0;
    for (double[] point : points) {
      double squared = 0;
      for (int j = 0; j < d; j++) {
        squared += Math.pow(point[j] - centre[j], 2);
      }
      radius = Math.max(radius, Math.sqrt(squared));
    }
    for (int blockRows : new int[] {8, 37, 4096}) {
      for (long residentBytes : new long[] {0, 300, 1 << 20}) {
        try (DevicePoints onDevice =
            DevicePoints.load(manager, set, centre, blockRows, residentBytes)) {
          EmpiricalDenoiser denoiser = EmpiricalDenoiser.create(onDevice);
          for (double sigma : SIGMAS) {
            double[][] x = noisy(points, sigma, 12);
            double[][] found = denoise(denoiser, x, sigma);
            for (int i = 0; i < x.length; i++) {
              Posterior expected = BruteForce.empirical(points, x[i], sigma);
              double tolerance = 2e-3 * expected.spread() + 0x1p-22 * radius + 1e-12;
              assertThat(distance(found[i], expected.mean()))
                  .as("sigma %s, blocks of %d, %d bytes", sigma, blockRows, residentBytes)
                  .isLessThanOrEqualTo(tolerance);
            }
          }
        }
      }
    }
  }

  private double[][] noisy(double[][] points, double sigma, int count) {
    double[][] x = new double[count][];
    for (int i = 0; i < x.length; i++) {
      x[i] = points[random.nextInt(points.length)].clone();
      for (int j = 0; j < x[i].length; j++) {
        x[i][j] += sigma * random.nextGaussian();
      }
    }
    return x;
  }

  private interface Oracle {
    double[] at(double[] x);
  }

  /** Compares to {@code relative} times the size of x. */
  private void assertMatches(
      Denoiser denoiser, double[][] x, double sigma, Oracle oracle, double relative) {
    double[][] found = denoise(denoiser, x, sigma);
    for (int i = 0; i < x.length; i++) {
      double size = 1 + distance(x[i], new double[x[i].length]);
      assertThat(found[i])
          .as("sigma %s", sigma)
          .containsExactly(oracle.at(x[i]), within(relative * size));
    }
  }

  private double[][] denoise(Denoiser denoiser, double[][] x, double sigma) {
    int d = x[0].length;
    assertThat(denoiser.dimension()).isEqualTo(d);
    try (NDManager scratch = manager.newSubManager()) {
      NDArray input = scratch.create(flat(x), new Shape(x.length, d));
      NDArray output = denoiser.denoise(input, sigma);
      assertThat(output.getManager()).isSameAs(scratch);
      double[] values = output.toDoubleArray();
      double[][] rows = new double[x.length][];
      for (int i = 0; i < x.length; i++) {
        rows[i] = Arrays.copyOfRange(values, i * d, (i + 1) * d);
      }
      assertThat(input.toDoubleArray()).as("the input is left alone").containsExactly(flat(x));
      return rows;
    }
  }

  private double[][] around(double[] centre, double scale, int count) {
    double[][] x = new double[count][];
    for (int i = 0; i < count; i++) {
      x[i] = gaussians(centre.length, scale);
      for (int j = 0; j < centre.length; j++) {
        x[i][j] += centre[j];
      }
    }
    return x;
  }

  private double[] gaussians(int length, double scale) {
    return random.doubles(length).map(u -> scale * random.nextGaussian()).toArray();
  }

  private static double[] flat(double[][] rows) {
    return Arrays.stream(rows).flatMapToDouble(Arrays::stream).toArray();
  }

  private static double distance(double[] a, double[] b) {
    double squared = 0;
    for (int i = 0; i < a.length; i++) {
      squared += (a[i] - b[i]) * (a[i] - b[i]);
    }
    return Math.sqrt(squared);
  }
}
