package io.diffuscope.statistics;

/**
 * Means over the same images at several noise levels, with the covariances that compare them.
 *
 * @param images n
 * @param means mean at each level, {@code [levels]}
 * @param covariances sample covariances of the levels, {@code [levels][levels]}
 */
record PairedCurve(int images, double[] means, double[][] covariances) {

  static PairedCurve of(double[][] values) {
    int n = values.length;
    int levels = values[0].length;
    double[] means = new double[levels];
    for (double[] row : values) {
      for (int j = 0; j < levels; j++) {
        means[j] += row[j];
      }
    }
    for (int j = 0; j < levels; j++) {
      means[j] /= n;
    }
    double[][] covariances = new double[levels][levels];
    for (double[] row : values) {
      for (int j = 0; j < levels; j++) {
        for (int k = 0; k <= j; k++) {
          covariances[j][k] += (row[j] - means[j]) * (row[k] - means[k]) / (n - 1);
          covariances[k][j] = covariances[j][k];
        }
      }
    }
    return new PairedCurve(n, means, covariances);
  }

  int levels() {
    return means.length;
  }

  double mean(int j) {
    return means[j];
  }

  double meanError(int j) {
    return Math.sqrt(covariances[j][j] / images);
  }

  /** Mean at j minus mean at k; rounding is no difference. */
  double difference(int j, int k) {
    double difference = means[j] - means[k];
    return Math.abs(difference) <= 1e-12 * Math.abs(means[j]) ? 0 : difference;
  }

  /**
   * Standard error of the paired difference. Where every image has the same difference it is that
   * of one image among n, not zero.
   */
  double error(int j, int k) {
    double variance = variance(j, k);
    return variance > 0 ? Math.sqrt(variance / images) : Math.abs(difference(j, k)) / images;
  }

  /** Variance of the paired differences; what is left of rounding is zero. */
  private double variance(int j, int k) {
    double variance = covariances[j][j] + covariances[k][k] - 2 * covariances[j][k];
    double rounding =
        1e-12 * (covariances[j][j] + covariances[k][k])
            + 1e-24 * (means[j] * means[j] + means[k] * means[k]);
    return variance <= rounding ? 0 : variance;
  }

  /**
   * Lower Cholesky factor of the correlations of the differences to level 0, {@code [levels -
   * 1][levels - 1]}. A difference that does not vary, or that earlier ones determine, gets no
   * variance of its own.
   */
  double[][] correlationRoot() {
    int size = levels() - 1;
    double[][] root = new double[size][size];
    for (int j = 0; j < size; j++) {
      double deviation = Math.sqrt(variance(j + 1, 0));
      for (int k = 0; k <= j; k++) {
        double other = Math.sqrt(variance(k + 1, 0));
        double rest = deviation == 0 || other == 0 ? 0 : covariance(j, k) / (deviation * other);
        for (int i = 0; i < k; i++) {
          rest -= root[j][i] * root[k][i];
        }
        if (j == k) {
          root[j][j] = rest > 1e-10 ? Math.sqrt(rest) : 0;
        } else {
          root[j][k] = root[k][k] == 0 ? 0 : rest / root[k][k];
        }
      }
    }
    return root;
  }

  /** Covariance of the differences of levels j + 1 and k + 1 to level 0. */
  private double covariance(int j, int k) {
    return covariances[j + 1][k + 1]
        - covariances[j + 1][0]
        - covariances[0][k + 1]
        + covariances[0][0];
  }
}
