package io.diffuscope.demo;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.random.RandomGenerator;

/**
 * One batch of the denoising loss of Karras et al. (2022), "Elucidating the design space of
 * diffusion-based generative models", section 5 and table 1.
 *
 * <p>A training point x and a noise level with ln sigma ~ N(-1.2, 1.2^2) give the noisy point y = x
 * + sigma * eps. The weighted loss (sigma^2 + s^2) / (sigma s)^2 * ||D(y; sigma) - x||^2, where s
 * is sigma_data and D = c_skip y + c_out F(c_in y; c_noise), equals ||F - target||^2 with
 *
 * <pre>
 *   input       = c_in y        = y / sqrt(sigma^2 + s^2)
 *   noise_label = c_noise       = ln(sigma) / 4
 *   target      = (x - c_skip y) / c_out = (x sigma / s - s eps) / sqrt(sigma^2 + s^2)
 * </pre>
 *
 * <p>so the network's raw output F is compared with the target directly. The arrays lie in direct
 * buffers that are written anew for each step.
 */
final class TrainingBatch {
  private static final double LOG_SIGMA_MEAN = -1.2;
  private static final double LOG_SIGMA_DEVIATION = 1.2;

  private final TrainingPoints points;
  private final double sigmaData;
  private final int rows;
  private final ByteBuffer input;
  private final ByteBuffer noiseLabel;
  private final ByteBuffer target;

  TrainingBatch(TrainingPoints points, double sigmaData, int rows) {
    this.points = points;
    this.sigmaData = sigmaData;
    this.rows = rows;
    this.input = floats(rows * points.size());
    this.noiseLabel = floats(rows);
    this.target = floats(rows * points.size());
  }

  private static ByteBuffer floats(int count) {
    return ByteBuffer.allocateDirect(count * Float.BYTES).order(ByteOrder.nativeOrder());
  }

  /** Fills the buffers with the next batch; the points are drawn with replacement. */
  void draw(RandomGenerator random) {
    for (int row = 0; row < rows; row++) {
      int point = random.nextInt(points.count());
      double sigma = Math.exp(LOG_SIGMA_MEAN + LOG_SIGMA_DEVIATION * random.nextGaussian());
      set(row, point, sigma, random);
    }
  }

  /**
   * Fills one row; draws {@code size} Gaussian numbers, the noise, in the order of the elements.
   */
  void set(int row, int point, double sigma, RandomGenerator random) {
    FloatBuffer inputs = input.asFloatBuffer();
    FloatBuffer targets = target.asFloatBuffer();
    double scale = 1 / Math.sqrt(sigma * sigma + sigmaData * sigmaData);
    int offset = row * points.size();
    for (int i = 0; i < points.size(); i++) {
      double x = points.value(point, i);
      double noise = random.nextGaussian();
      inputs.put(offset + i, (float) ((x + sigma * noise) * scale));
      targets.put(offset + i, (float) ((x * sigma / sigmaData - sigmaData * noise) * scale));
    }
    noiseLabel.asFloatBuffer().put(row, (float) (Math.log(sigma) / 4));
  }

  int rows() {
    return rows;
  }

  /** c_in y, {@code [rows, size]}, float32 of the machine's byte order. */
  ByteBuffer input() {
    return input;
  }

  /** c_noise, {@code [rows]}. */
  ByteBuffer noiseLabel() {
    return noiseLabel;
  }

  /** What the raw output is compared with, {@code [rows, size]}. */
  ByteBuffer target() {
    return target;
  }
}
