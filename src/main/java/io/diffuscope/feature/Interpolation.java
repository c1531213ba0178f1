package io.diffuscope.feature;

import java.util.Locale;

/**
 * How an image is resized along one axis, with antialiasing: the filter is widened by the factor
 * that the image shrinks by. The weights are those of {@code torch.nn.functional.interpolate(...,
 * antialias=True, align_corners=False)}, which torchvision calls for tensors, and of Pillow.
 */
public enum Interpolation {
  /** A triangle. */
  BILINEAR(1) {
    @Override
    double filter(double x) {
      return Math.max(0, 1 - Math.abs(x));
    }
  },
  /** Keys' cubic with a = -1/2. */
  BICUBIC(2) {
    @Override
    double filter(double distance) {
      double x = Math.abs(distance);
      if (x < 1) {
        return ((CUBIC + 2) * x - (CUBIC + 3)) * x * x + 1;
      }
      return x < 2 ? CUBIC * (((x - 5) * x + 8) * x - 4) : 0;
    }
  };

  private static final double CUBIC = -0.5;

  private final double support;

  Interpolation(double support) {
    this.support = support;
  }

  abstract double filter(double x);

  /** The word used in the configuration. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * The matrix that resizes one axis, some of its rows.
   *
   * @param in size before
   * @param out size after
   * @param from first row that is wanted: what is cropped is not computed
   * @param rows number of rows
   * @return {@code [rows, in]} in C order; each row sums to 1
   */
  float[] weights(int in, int out, int from, int rows) {
    float[] matrix = new float[Math.multiplyExact(rows, in)];
    double scale = (double) in / out;
    double width = Math.max(scale, 1);
    for (int row = 0; row < rows; row++) {
      double centre = scale * (from + row + 0.5);
      int first = Math.max(0, (int) (centre - support * width + 0.5));
      int end = Math.min(in, (int) (centre + support * width + 0.5));
      double[] weights = new double[end - first];
      double sum = 0;
      for (int i = 0; i < weights.length; i++) {
        weights[i] = filter((first + i - centre + 0.5) / width);
        sum += weights[i];
      }
      for (int i = 0; i < weights.length; i++) {
        matrix[row * in + first + i] = (float) (weights[i] / sum);
      }
    }
    return matrix;
  }
}
