package io.diffuscope.model;

import java.util.random.RandomGenerator;

/** Posterior means by enumeration and by solving with the explicit covariance; plain doubles. */
final class BruteForce {
  private BruteForce() {}

  /** One Gaussian of a mixture. */
  record Component(double weight, double[] mean, double[][] covariance) {}

  /** A posterior mean and the root of the posterior covariance's trace. */
  record Posterior(double[] mean, double spread) {}

  /**
   * E[x0 | x] under a mixture of Gaussians: sum_k gamma_k (m_k + S_k (S_k + s^2 I)^-1 (x - m_k)).
   */
  static double[] mixture(Component[] components, double[] x, double sigma) {
    int d = x.length;
    double[] logs = new double[components.length];
    double[][] means = new double[components.length][];
    for (int k = 0; k < components.length; k++) {
      Component c = components[k];
      double[][] noisy = new double[d][d];
      double[] centred = new double[d];
      for (int i = 0; i < d; i++) {
        noisy[i] = c.covariance[i].clone();
        noisy[i][i] += sigma * sigma;
        centred[i] = x[i] - c.mean[i];
      }
      Solution solution = solve(noisy, centred);
      double quadratic = 0;
      means[k] = c.mean.clone();
      for (int i = 0; i < d; i++) {
        quadratic += centred[i] * solution.x[i];
        for (int j = 0; j < d; j++) {
          means[k][i] += c.covariance[i][j] * solution.x[j];
        }
      }
      logs[k] = Math.log(c.weight) - quadratic / 2 - solution.logDeterminant / 2;
    }
    double[] gamma = softmax(logs);
    double[] mean = new double[d];
    for (int k = 0; k < components.length; k++) {
      for (int i = 0; i < d; i++) {
        mean[i] += gamma[k] * means[k][i];
      }
    }
    return mean;
  }

  /** E[x0 | x] under the uniform distribution on some points. */
  static Posterior empirical(double[][] points, double[] x, double sigma) {
    double[] logs = new double[points.length];
    for (int i = 0; i < points.length; i++) {
      for (int j = 0; j < x.length; j++) {
        double difference = x[j] - points[i][j];
        logs[i] -= difference * difference / (2 * sigma * sigma);
      }
    }
    double[] weights = softmax(logs);
    double[] mean = new double[x.length];
    double trace = 0;
    for (int i = 0; i < points.length; i++) {
      for (int j = 0; j < x.length; j++) {
        mean[j] += weights[i] * points[i][j];
      }
    }
    for (int i = 0; i < points.length; i++) {
      for (int j = 0; j < x.length; j++) {
        trace += weights[i] * Math.pow(points[i][j] - mean[j], 2);
      }
    }
    return new Posterior(mean, Math.sqrt(trace));
  }

  /** Orthonormal columns, {@code [d][r]}, by Gram and Schmidt. */
  static double[][] basis(int d, int r, RandomGenerator random) {
    double[][] columns = new double[r][d];
    for (int c = 0; c < r; c++) {
      for (int i = 0; i < d; i++) {
        columns[c][i] = random.nextGaussian();
      }
      // Twice is enough for orthogonality to rounding.
      for (int pass = 0; pass < 2; pass++) {
        for (int b = 0; b < c; b++) {
          double inner = 0;
          for (int i = 0; i < d; i++) {
            inner += columns[c][i] * columns[b][i];
          }
          for (int i = 0; i < d; i++) {
            columns[c][i] -= inner * columns[b][i];
          }
        }
      }
      double norm = 0;
      for (double v : columns[c]) {
        norm += v * v;
      }
      for (int i = 0; i < d; i++) {
        columns[c][i] /= Math.sqrt(norm);
      }
    }
    double[][] basis = new double[d][r];
    for (int i = 0; i < d; i++) {
      for (int c = 0; c < r; c++) {
        basis[i][c] = columns[c][i];
      }
    }
    return basis;
  }

  /** U diag(v) U^T + s (I - U U^T). */
  static double[][] covariance(double[][] basis, double[] variances, double residual) {
    int d = basis.length;
    double[][] covariance = new double[d][d];
    for (int i = 0; i < d; i++) {
      covariance[i][i] = variances.length == d ? 0 : residual;
      for (int j = 0; j < d; j++) {
        for (int c = 0; c < variances.length; c++) {
          double rest = variances.length == d ? 0 : residual;
          covariance[i][j] += (variances[c] - rest) * basis[i][c] * basis[j][c];
        }
      }
    }
    return covariance;
  }

  private static double[] softmax(double[] logs) {
    double top = Double.NEGATIVE_INFINITY;
    for (double value : logs) {
      top = Math.max(top, value);
    }
    double sum = 0;
    double[] weights = new double[logs.length];
    for (int i = 0; i < logs.length; i++) {
      weights[i] = Math.exp(logs[i] - top);
      sum += weights[i];
    }
    for (int i = 0; i < logs.length; i++) {
      weights[i] /= sum;
    }
    return weights;
  }

  private record Solution(double[] x, double logDeterminant) {}

  /** Gaussian elimination with partial pivoting. */
  private static Solution solve(double[][] matrix, double[] right) {
    int d = right.length;
    double[] x = right.clone();
    double logDeterminant = 0;
    for (int column = 0; column < d; column++) {
      int pivot = column;
      for (int row = column + 1; row < d; row++) {
        if (Math.abs(matrix[row][column]) > Math.abs(matrix[pivot][column])) {
          pivot = row;
        }
      }
      double[] swappedRow = matrix[pivot];
      matrix[pivot] = matrix[column];
      matrix[column] = swappedRow;
      double swapped = x[pivot];
      x[pivot] = x[column];
      x[column] = swapped;
      logDeterminant += Math.log(Math.abs(matrix[column][column]));
      for (int row = column + 1; row < d; row++) {
        double factor = matrix[row][column] / matrix[column][column];
        for (int j = column; j < d; j++) {
          matrix[row][j] -= factor * matrix[column][j];
        }
        x[row] -= factor * x[column];
      }
    }
    for (int row = d - 1; row >= 0; row--) {
      for (int j = row + 1; j < d; j++) {
        x[row] -= matrix[row][j] * x[j];
      }
      x[row] /= matrix[row][row];
    }
    return new Solution(x, logDeterminant);
  }
}
