package io.diffuscope.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.diffuscope.data.MixtureParameters;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The mixture is what {@code make_demo_resources.py} says: recomputed from the digits. */
class DemoMixtureTest {
  private static final int SIZE = Digits.SIZE;
  private static final int RANK = 8;

  @TempDir private Path folder = Path.of("");

  @Test
  void componentsAreTheClassesLeadingEigenpairs() throws IOException {
    MixtureParameters mixture =
        MixtureParameters.read(DemoResource.MIXTURE.copyTo(folder.resolve("teacher.npz")));
    Digits digits = Digits.read(folder);
    assertThat(mixture.components()).isEqualTo(10);
    assertThat(mixture.rank()).isEqualTo(RANK);
    for (int k = 0; k < 10; k++) {
      assertThat(mixture.weights()[k]).isCloseTo(0.1, within(1e-15));
      assertThat(mixture.residualVariance()[k]).isEqualTo(0.01);
      List<double[]> members = digits.ofClass(k);
      double[] mean = mean(members);
      for (int j = 0; j < SIZE; j++) {
        assertThat(mixture.means()[k * SIZE + j]).isCloseTo(mean[j], within(1e-12));
      }
      checkEigenpairs(covariance(members, mean), mixture, k);
    }
  }

  private static void checkEigenpairs(double[][] covariance, MixtureParameters mixture, int k) {
    double[] variances = mixture.variances();
    double[] bases = mixture.bases();
    double smallest = Double.POSITIVE_INFINITY;
    for (int r = 0; r < RANK; r++) {
      double[] vector = new double[SIZE];
      for (int j = 0; j < SIZE; j++) {
        vector[j] = bases[(k * SIZE + j) * RANK + r];
      }
      double variance = variances[k * RANK + r];
      double[] image = multiply(covariance, vector);
      for (int j = 0; j < SIZE; j++) {
        assertThat(image[j]).isCloseTo(variance * vector[j], within(1e-12));
      }
      for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) {
          covariance[i][j] -= variance * vector[i] * vector[j];
        }
      }
      smallest = Math.min(smallest, variance);
    }
    // What is left has no larger eigenvalue: by power iteration.
    assertThat(largestEigenvalue(covariance)).isBetween(1e-6, smallest);
  }

  @Test
  void drawsHaveTheCovarianceOfTheirComponent() {
    // One component in 3 dimensions: variance 4 along (0.6, 0.8, 0), 0.25 in every other direction.
    MixtureParameters mixture =
        new MixtureParameters(
            1,
            3,
            1,
            new double[] {1},
            new double[] {1, -2, 3},
            new double[] {0.6, 0.8, 0},
            new double[] {4},
            new double[] {0.25});
    int count = 40_000;
    float[] points = new MixtureDraws(mixture).draw(count, new SplittableRandom(1));
    double[] mean = {1, -2, 3};
    double[][] expected = {
      {0.25 + 3.75 * 0.36, 3.75 * 0.48, 0}, {3.75 * 0.48, 0.25 + 3.75 * 0.64, 0}, {0, 0, 0.25}
    };
    for (int i = 0; i < 3; i++) {
      for (int j = 0; j < 3; j++) {
        double sum = 0;
        for (int n = 0; n < count; n++) {
          sum += (points[n * 3 + i] - mean[i]) * (points[n * 3 + j] - mean[j]);
        }
        // Var(x_i x_j) = C_ii C_jj + C_ij^2 for a Gaussian; five standard errors.
        double deviation =
            Math.sqrt((expected[i][i] * expected[j][j] + Math.pow(expected[i][j], 2)) / count);
        assertThat(sum / count).isCloseTo(expected[i][j], within(5 * deviation));
      }
    }
  }

  @Test
  void componentsComeWithTheirWeights() {
    MixtureParameters mixture =
        new MixtureParameters(
            3,
            1,
            0,
            new double[] {0.2, 0.7, 0.1},
            new double[] {-10, 0, 10},
            new double[0],
            new double[0],
            new double[] {0.01, 0.01, 0.01});
    float[] points = new MixtureDraws(mixture).draw(10_000, new SplittableRandom(2));
    int[] counts = new int[3];
    for (float point : points) {
      counts[Math.round(point / 10) + 1]++;
    }
    // Five standard deviations of the binomial: at most 230.
    assertThat(counts[0]).isCloseTo(2000, within(200));
    assertThat(counts[1]).isCloseTo(7000, within(230));
    assertThat(counts[2]).isCloseTo(1000, within(150));
  }

  private static double[] mean(List<double[]> points) {
    double[] mean = new double[SIZE];
    for (double[] point : points) {
      for (int j = 0; j < SIZE; j++) {
        mean[j] += point[j] / points.size();
      }
    }
    return mean;
  }

  private static double[][] covariance(List<double[]> points, double[] mean) {
    double[][] covariance = new double[SIZE][SIZE];
    for (double[] point : points) {
      for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) {
          covariance[i][j] += (point[i] - mean[i]) * (point[j] - mean[j]) / (points.size() - 1);
        }
      }
    }
    return covariance;
  }

  private static double[] multiply(double[][] matrix, double[] vector) {
    double[] product = new double[SIZE];
    for (int i = 0; i < SIZE; i++) {
      for (int j = 0; j < SIZE; j++) {
        product[i] += matrix[i][j] * vector[j];
      }
    }
    return product;
  }

  private static double largestEigenvalue(double[][] matrix) {
    double[] vector = new double[SIZE];
    for (int j = 0; j < SIZE; j++) {
      vector[j] = 1 + j % 7;
    }
    double norm = 0;
    for (int iteration = 0; iteration < 200; iteration++) {
      double[] next = multiply(matrix, vector);
      norm = 0;
      for (double value : next) {
        norm += value * value;
      }
      norm = Math.sqrt(norm);
      for (int j = 0; j < SIZE; j++) {
        vector[j] = next[j] / norm;
      }
    }
    return norm;
  }
}
