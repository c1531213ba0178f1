package io.diffuscope.model;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.data.DataSet;
import io.diffuscope.tensorfile.TensorShape;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BinaryOperator;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** TF32 as {@link Tf32} simulates it on the CPU, against float64. */
class ExactProductsTest {
  private static final int D = 64;

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

  @Test
  void tf32KeepsElevenBits() {
    assertThat(Tf32.round(1)).isEqualTo(1);
    assertThat(Tf32.round(1 + 0x1p-10f)).isEqualTo(1 + 0x1p-10f);
    assertThat(Tf32.round(1 + 0x1p-12f)).isEqualTo(1);
    assertThat(Tf32.round(-3.1415927f)).isEqualTo(-3.140625f);
  }

  @Test
  void tf32CutOffKeepsElevenBits() {
    assertThat(Tf32.truncate(1 + 0x1p-10f)).isEqualTo(1 + 0x1p-10f);
    assertThat(Tf32.truncate(1 + 0x1p-10f + 0x1.8p-11f)).isEqualTo(1 + 0x1p-10f);
    assertThat(Tf32.truncate(-3.1415927f)).isEqualTo(-3.140625f);
  }

  @Test
  void splitProductsLoseALittleOfWhatPlainOnesLose() {
    splitProductsLoseLittle(Tf32::matMul);
    splitProductsLoseLittle(Tf32::truncatingMatMul);
  }

  /** Every product of two of the numbers whose split loses most, each alone in its sum. */
  @Test
  void aTermLosesNoMoreThanIsSaid() {
    float[] values = new float[21 * 400];
    for (int i = 0; i < values.length; i++) {
      int distance = 4096 - i / 21 % 200; // of the high part, in units of the last bit
      values[i] = 1 + i % 21 * 0x1p-10f + (i < values.length / 2 ? 1 : -1) * distance * 0x1p-23f;
    }
    for (BinaryOperator<NDArray> rounding :
        List.<BinaryOperator<NDArray>>of(Tf32::matMul, Tf32::truncatingMatMul)) {
      ExactProducts split = ExactProducts.split(rounding);
      double worst = 0;
      for (int start = 0; start < values.length; start += 840) {
        try (NDManager scratch = manager.newSubManager()) {
          NDArray left =
              scratch.create(Arrays.copyOfRange(values, start, start + 840), new Shape(840, 1));
          NDArray right = scratch.create(values, new Shape(1, values.length));
          NDArray exact =
              left.toType(DataType.FLOAT64, true).matMul(right.toType(DataType.FLOAT64, true));
          NDArray lost = split.matMul(left, right).toType(DataType.FLOAT64, true).sub(exact);
          worst = Math.max(worst, lost.div(exact).abs().max().getDouble());
        }
      }
      assertThat(worst).isBetween(0x1p-21, split.rounding());
    }
  }

  private void splitProductsLoseLittle(BinaryOperator<NDArray> tf32) {
    NDArray left = normal(40, 300, 1);
    NDArray right = normal(300, 50, 2);
    NDArray exact =
        left.toType(DataType.FLOAT64, true).matMul(right.toType(DataType.FLOAT64, true));

    double plain = error(ExactProducts.plain(tf32).matMul(left, right), exact);
    double split = error(ExactProducts.split(tf32).matMul(left, right), exact);

    assertThat(plain).isGreaterThan(1e-4);
    assertThat(split).isLessThan(1e-6);
  }

  @Test
  void float64IsLeftAlone() {
    NDArray left = normal(3, 5, 1).toType(DataType.FLOAT64, true);
    NDArray right = normal(5, 4, 2).toType(DataType.FLOAT64, true);

    assertThat(ExactProducts.split((a, b) -> a.matMul(b)).matMul(left, right))
        .isEqualTo(left.matMul(right));
  }

  @Test
  void theProcessorComputesPlainProducts() {
    assertThat(ExactProducts.on(Device.cpu()).rounding()).isEqualTo(0x1p-24);
    NDArray left = normal(3, 5, 1);
    NDArray right = normal(5, 4, 2);
    assertThat(ExactProducts.on(Device.cpu()).matMul(left, right)).isEqualTo(left.matMul(right));
  }

  @ParameterizedTest
  @CsvSource({
    ",,false",
    "1,,true",
    "0,,false",
    "1,0,false",
    "0,1,true",
    ",1,true",
    ",0,false",
  })
  void theEnvironmentAllowsTf32(@Nullable String torch, @Nullable String nvidia, boolean allowed) {
    Map<String, String> environment = new HashMap<>();
    if (torch != null) {
      environment.put("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", torch);
    }
    if (nvidia != null) {
      environment.put("NVIDIA_TF32_OVERRIDE", nvidia);
    }
    assertThat(Devices.allowsTf32(environment)).isEqualTo(allowed);
    assertThat(Devices.usesTf32(Device.cpu())).isFalse();
  }

  /**
   * Points around one far from the origin of the centred set, at a noise level where float32 logits
   * are good enough: TF32 moves the weights by much more than they differ.
   */
  @Test
  void theDenoisersSoftmaxNeedsThem() throws Exception {
    int n = 200;
    double sigma = 0.35;
    RandomGenerator random = random(5);
    float[] values = new float[n * D];
    double[][] points = new double[n][D];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < D; j++) {
        values[i * D + j] = (float) ((i < n / 2 ? 1 : -1) + 0.3 * random.nextGaussian());
        points[i][j] = values[i * D + j];
      }
    }
    double[] x = new double[D];
    for (int j = 0; j < D; j++) {
      x[j] = 1 + 0.3 * random.nextGaussian();
    }
    double[] expected = BruteForce.empirical(points, x, sigma).mean();
    DataSet set = DataSet.of("points", TensorShape.of(D), values);
    try (DevicePoints device = DevicePoints.load(manager, set, new double[D], 64, 1 << 26)) {
      double plain = largest(device, ExactProducts.plain(Tf32::matMul), x, sigma, expected);
      double split = largest(device, ExactProducts.split(Tf32::matMul), x, sigma, expected);
      double float32 = largest(device, ExactProducts.plain(NDArray::matMul), x, sigma, expected);

      assertThat(plain).isGreaterThan(1e-3);
      assertThat(split).isLessThan(2e-5);
      assertThat(float32).isLessThan(2e-5);
    }
  }

  private double largest(
      DevicePoints points, ExactProducts products, double[] x, double sigma, double[] expected) {
    try (NDManager scratch = manager.newSubManager()) {
      double[] mean =
          EmpiricalDenoiser.create(points, products)
              .denoise(scratch.create(x, new Shape(1, D)), sigma)
              .toDoubleArray();
      double largest = 0;
      for (int j = 0; j < D; j++) {
        largest = Math.max(largest, Math.abs(mean[j] - expected[j]));
      }
      return largest;
    }
  }

  /** Largest difference over the largest element. */
  private static double error(NDArray found, NDArray exact) {
    return found.toType(DataType.FLOAT64, true).sub(exact).abs().max().getDouble()
        / exact.abs().max().getDouble();
  }

  private NDArray normal(int rows, int columns, long seed) {
    RandomGenerator random = random(seed);
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return manager.create(values, new Shape(rows, columns));
  }

  private static RandomGenerator random(long seed) {
    return RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
  }
}
