package io.diffuscope.statistics;

/**
 * Features [n][F], each divided by its norm, minus a mean: the preparation of the class probes of
 * arXiv 2502.05743, appendix D.
 *
 * @param rows prepared features, {@code [n][F]}
 * @param mean what was subtracted after the division: the mean of the training features, {@code
 *     [F]}
 */
public record FeatureMatrix(double[][] rows, double[] mean) {

  /**
   * Prepares training features by their own mean. A feature of norm 0 has no direction and stays 0.
   *
   * @param features {@code [n][F]}; not changed
   * @throws IllegalArgumentException if there is none, if lengths differ or a norm is not finite
   */
  public static FeatureMatrix ofTrain(double[][] features) {
    double[][] unit = unit(features, features.length == 0 ? 0 : features[0].length);
    double[] mean = new double[unit[0].length];
    for (double[] row : unit) {
      for (int f = 0; f < mean.length; f++) {
        mean[f] += row[f];
      }
    }
    for (int f = 0; f < mean.length; f++) {
      mean[f] /= unit.length;
    }
    return centre(unit, mean);
  }

  /**
   * Prepares test features by the training features' mean.
   *
   * @param features {@code [n][F]}; not changed
   * @throws IllegalArgumentException as {@link #ofTrain}
   */
  public FeatureMatrix ofTest(double[][] features) {
    return centre(unit(features, mean.length), mean);
  }

  private static FeatureMatrix centre(double[][] unit, double[] mean) {
    for (double[] row : unit) {
      for (int f = 0; f < mean.length; f++) {
        row[f] -= mean[f];
      }
    }
    return new FeatureMatrix(unit, mean);
  }

  private static double[][] unit(double[][] features, int length) {
    if (features.length == 0 || length == 0) {
      throw new IllegalArgumentException("a class probe needs features: got none");
    }
    double[][] unit = new double[features.length][];
    for (int i = 0; i < features.length; i++) {
      if (features[i].length != length) {
        throw new IllegalArgumentException(
            "features of one layer have one length: got %d and %d"
                .formatted(length, features[i].length));
      }
      unit[i] = features[i].clone();
      double squares = 0;
      for (double x : unit[i]) {
        squares += x * x;
      }
      double norm = Math.sqrt(squares);
      if (!Double.isFinite(norm)) {
        throw new IllegalArgumentException(
            "feature %d is not finite: the checkpoint's representation cannot be probed"
                .formatted(i));
      }
      for (int f = 0; f < length && norm > 0; f++) {
        unit[i][f] /= norm;
      }
    }
    return unit;
  }

  /** Rows with this label, in their order. */
  static double[][] ofClass(double[][] rows, int[] labels, int label) {
    int count = 0;
    for (int other : labels) {
      count += other == label ? 1 : 0;
    }
    double[][] found = new double[count][];
    int next = 0;
    for (int i = 0; i < labels.length; i++) {
      if (labels[i] == label) {
        found[next++] = rows[i];
      }
    }
    return found;
  }

  static void checkLabels(double[][] rows, int[] labels, int classes) {
    if (rows.length != labels.length || rows.length == 0) {
      throw new IllegalArgumentException(
          "a class probe needs one label for each feature: got %d features and %d labels"
              .formatted(rows.length, labels.length));
    }
    for (int label : labels) {
      if (label < 0 || label >= classes) {
        throw new IllegalArgumentException(
            "label %d is outside of 0 to %d".formatted(label, classes - 1));
      }
    }
  }
}
