package io.diffuscope.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.FloatBuffer;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class TrainingBatchTest {
  private static final double SIGMA_DATA = 0.5;
  private static final int SIZE = 4;
  private static final int ROWS = 5000;
  private static final float[] POINT = {-1, -0.25f, 0.5f, 1};

  @Test
  void targetGivesTheWeightedLossOfTheDenoiser() {
    TrainingBatch batch = drawn(1);
    FloatBuffer input = batch.input().asFloatBuffer();
    FloatBuffer target = batch.target().asFloatBuffer();
    SplittableRandom random = new SplittableRandom(9);
    for (int row = 0; row < 200; row++) {
      double sigma = sigma(batch, row);
      double variance = sigma * sigma + SIGMA_DATA * SIGMA_DATA;
      double weight = variance / Math.pow(sigma * SIGMA_DATA, 2);
      for (int i = 0; i < SIZE; i++) {
        double output = random.nextGaussian();
        double noisy = input.get(row * SIZE + i) * Math.sqrt(variance);
        double denoised =
            SIGMA_DATA * SIGMA_DATA / variance * noisy
                + sigma * SIGMA_DATA / Math.sqrt(variance) * output;
        double expected = weight * Math.pow(denoised - POINT[i], 2);
        double actual = Math.pow(output - target.get(row * SIZE + i), 2);
        // Float rounding of the input is magnified by 1 / c_out at small sigma.
        assertThat(actual).isCloseTo(expected, within(1e-4 * (1 + expected)));
      }
    }
  }

  @Test
  void noiseAndNoiseLevelsHaveTheirDistributions() {
    TrainingBatch batch = drawn(2);
    double sum = 0;
    double squares = 0;
    double noiseSum = 0;
    double noiseSquares = 0;
    for (int row = 0; row < ROWS; row++) {
      double sigma = sigma(batch, row);
      sum += Math.log(sigma);
      squares += Math.pow(Math.log(sigma) + 1.2, 2);
      for (int i = 0; i < SIZE; i++) {
        double noisy =
            batch.input().asFloatBuffer().get(row * SIZE + i)
                * Math.sqrt(sigma * sigma + SIGMA_DATA * SIGMA_DATA);
        double noise = (noisy - POINT[i]) / sigma;
        noiseSum += noise;
        noiseSquares += noise * noise;
      }
    }
    int elements = ROWS * SIZE;
    // Five standard errors each; the variance of a sample variance is 2 sigma^4 / n.
    assertThat(sum / ROWS).isCloseTo(-1.2, within(5 * 1.2 / Math.sqrt(ROWS)));
    assertThat(squares / ROWS).isCloseTo(1.44, within(5 * 1.44 * Math.sqrt(2.0 / ROWS)));
    assertThat(noiseSum / elements).isCloseTo(0, within(5 / Math.sqrt(elements)));
    assertThat(noiseSquares / elements).isCloseTo(1, within(5 * Math.sqrt(2.0 / elements)));
  }

  @Test
  void everyPointIsDrawn() {
    TrainingBatch batch =
        new TrainingBatch(new TrainingPoints(new float[] {0, 1, 2}, 3, 1), SIGMA_DATA, 3000);
    batch.draw(new SplittableRandom(3));
    int[] counts = new int[3];
    for (int row = 0; row < 3000; row++) {
      double sigma = sigma(batch, row);
      // From the two linear equations for y and the target: x = c_skip y + c_out target.
      double variance = sigma * sigma + SIGMA_DATA * SIGMA_DATA;
      double noisy = batch.input().asFloatBuffer().get(row) * Math.sqrt(variance);
      double x =
          SIGMA_DATA * SIGMA_DATA / variance * noisy
              + sigma * SIGMA_DATA / Math.sqrt(variance) * batch.target().asFloatBuffer().get(row);
      assertThat(x).isCloseTo(Math.rint(x), within(1e-3));
      counts[(int) Math.round(x)]++;
    }
    // 1000 each, standard deviation 26.
    for (int count : counts) {
      assertThat(count).isBetween(870, 1130);
    }
  }

  private static TrainingBatch drawn(long seed) {
    TrainingBatch batch = new TrainingBatch(new TrainingPoints(POINT, 1, SIZE), SIGMA_DATA, ROWS);
    batch.draw(new SplittableRandom(seed));
    return batch;
  }

  private static double sigma(TrainingBatch batch, int row) {
    return Math.exp(4.0 * batch.noiseLabel().asFloatBuffer().get(row));
  }
}
