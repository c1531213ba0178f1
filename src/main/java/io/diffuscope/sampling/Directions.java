package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.data.DataSet;
import io.diffuscope.tensorfile.BadInputException;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * The directions in which points of a set vary most: an orthonormal basis of their span, {@code
 * [m][d]}, by subspace iteration over some points (Halko, Martinsson and Tropp 2011, algorithm
 * 4.4). Distances within the span are those of the principal components, whichever basis it has.
 */
final class Directions {
  /** Points that the directions are found with. */
  private static final int SAMPLE = 4096;

  private static final int ROUNDS = 3;

  private Directions() {}

  /**
   * Finds them.
   *
   * @param centre subtracted from every point, {@code [d]}
   * @param count m, less than d
   * @param seed of the points drawn and of the first directions
   */
  static float[][] of(NDManager manager, DataSet set, float[] centre, int count, long seed)
      throws BadInputException {
    int d = centre.length;
    int n = Math.toIntExact(set.size());
    Random random = new Random(seed);
    int[] rows =
        n <= SAMPLE
            ? IntStream.range(0, n).toArray()
            : random.ints(0, n).distinct().limit(SAMPLE).sorted().toArray();
    float[] first = new float[count * d];
    for (int i = 0; i < first.length; i++) {
      first[i] = (float) random.nextGaussian();
    }
    try (NDManager scratch = manager.newSubManager()) {
      NDArray points =
          HostArrays.points(scratch, RowSubset.of(set, rows), 0, rows.length)
              .sub(scratch.create(centre, new Shape(1, d)));
      points.attach(scratch);
      double[][] basis = orthonormal(first, count, d);
      for (int round = 0; round < ROUNDS; round++) {
        try (NDManager local = scratch.newSubManager()) {
          NDArray directions = local.create(flat(basis), new Shape(count, d));
          NDArray along = directions.matMul(points.transpose());
          basis = orthonormal(along.matMul(points).toFloatArray(), count, d);
        }
      }
      float[][] result = new float[count][d];
      for (int i = 0; i < count; i++) {
        for (int j = 0; j < d; j++) {
          result[i][j] = (float) basis[i][j];
        }
      }
      return result;
    }
  }

  static float[] flat(double[][] rows) {
    int d = rows[0].length;
    float[] flat = new float[rows.length * d];
    for (int i = 0; i < rows.length; i++) {
      for (int j = 0; j < d; j++) {
        flat[i * d + j] = (float) rows[i][j];
      }
    }
    return flat;
  }

  /**
   * Modified Gram-Schmidt; rows that depend on those before become 0, as where a set has fewer
   * directions than were asked for.
   */
  private static double[][] orthonormal(float[] values, int count, int d) {
    double[][] rows = new double[count][d];
    for (int i = 0; i < count; i++) {
      double[] row = rows[i];
      for (int j = 0; j < d; j++) {
        row[j] = values[i * d + j];
      }
      double before = Math.sqrt(product(row, row));
      for (int k = 0; k < i; k++) {
        double along = product(row, rows[k]);
        for (int j = 0; j < d; j++) {
          row[j] -= along * rows[k][j];
        }
      }
      double norm = Math.sqrt(product(row, row));
      // float32 holds seven digits: less than this is rounding.
      double scale = norm > 1e-5 * before && norm > 0 ? 1 / norm : 0;
      for (int j = 0; j < d; j++) {
        row[j] *= scale;
      }
    }
    return rows;
  }

  private static double product(double[] a, double[] b) {
    double sum = 0;
    for (int j = 0; j < a.length; j++) {
      sum += a[j] * b[j];
    }
    return sum;
  }
}
