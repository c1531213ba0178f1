package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.data.DataSet;
import io.diffuscope.sampling.Observation.FidelityObservation;
import io.diffuscope.statistics.KernelDistance;
import io.diffuscope.statistics.PrecisionRecall;
import io.diffuscope.tensorfile.BadInputException;
import java.nio.FloatBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The hold-out set as fidelity is judged against it, in float64 on the device: its points, the
 * radius of each one's ball (distance to its fifth neighbour among them), and the mean kernel of
 * two of them. Made in pieces, once.
 *
 * <p>Of a large set the first points are taken, at most {@value #MOST_POINTS} and {@value
 * #MOST_ELEMENTS} numbers (64 MiB).
 */
final class FidelityReference implements AutoCloseable {
  static final int NEIGHBOURS = PrecisionRecall.DEFAULT_NEIGHBOURS;

  private static final int MOST_POINTS = 10_000;
  private static final int MOST_ELEMENTS = 8 << 20;

  /** Multiplications of one piece. */
  private static final long PIECE = 2_000_000_000L;

  private static final int[] ELEMENTS = {1};

  private final NDManager manager;
  private final NDArray points;
  private final NDArray transposed;
  private final NDArray squaredNorms;
  private final double[] squaredRadii;
  private final int count;
  private final int dimension;
  private @Nullable NDArray radii;
  private double kernels;
  private int row;

  private FidelityReference(NDManager manager, NDArray points, NDArray squaredNorms) {
    this.manager = manager;
    this.points = points;
    this.transposed = points.transpose();
    this.squaredNorms = squaredNorms;
    this.count = Math.toIntExact(points.getShape().get(0));
    this.dimension = Math.toIntExact(points.getShape().get(1));
    this.squaredRadii = new double[count];
  }

  /** Points that are taken of a set. */
  static int points(int size, int dimension) {
    return Math.min(size, Math.min(MOST_POINTS, MOST_ELEMENTS / dimension));
  }

  /** Whether a set has enough points. */
  static boolean isEnough(int size, int dimension) {
    return points(size, dimension) >= FidelityObservation.LEAST_POINTS;
  }

  /**
   * Reads a set onto the device.
   *
   * @param features in the space that is judged in
   */
  static FidelityReference load(NDManager parent, DataSet features) throws BadInputException {
    int dimension = Math.toIntExact(features.pointShape().elements());
    int count = points(Math.toIntExact(features.size()), dimension);
    FloatBuffer values = FloatBuffer.allocate(Math.multiplyExact(count, dimension));
    features.read(0, count, values);
    NDManager manager = parent.newSubManager();
    try (NDManager scratch = manager.newSubManager()) {
      NDArray narrow = scratch.create(values.array(), new Shape(count, dimension));
      NDArray points = narrow.toType(DataType.FLOAT64, true);
      NDArray norms = points.square().sum(ELEMENTS).expandDims(0);
      points.attach(manager);
      norms.attach(manager);
      return new FidelityReference(manager, points, norms);
    }
  }

  /** Radii and kernels of some of the points; false when all are known. */
  boolean advance() {
    if (row == count) {
      return false;
    }
    int rows = pieceRows(count, count - row);
    try (NDManager scratch = manager.newSubManager()) {
      NDArray some = points.get("%d:%d".formatted(row, row + rows));
      some.attach(scratch);
      NDArray products = products(some);
      kernels += kernel(products).sum().getDouble() - Arrays.stream(ownKernels(some)).sum();
      NDArray nearest =
          squaredDistances(some, products).topK(NEIGHBOURS + 1, 1, false, true).get(0);
      // The nearest is the point itself; rounding may put a duplicate before it, at the same 0.
      double[] kth = nearest.get(":,%d".formatted(NEIGHBOURS)).toDoubleArray();
      System.arraycopy(kth, 0, squaredRadii, row, rows);
    }
    row += rows;
    if (row == count) {
      radii = manager.create(squaredRadii, new Shape(1, count));
    }
    return true;
  }

  /** Rows of a piece of products with so many columns. */
  int pieceRows(int columns, int left) {
    return (int) Math.clamp(PIECE / ((long) columns * dimension), 1L, left);
  }

  /** Share of its points whose radius is known. */
  double progress() {
    return (double) row / count;
  }

  int count() {
    return count;
  }

  /** Radii squared, {@code [1, N]}. */
  NDArray squaredRadii() {
    NDArray known = radii;
    if (known == null) {
      throw new IllegalStateException("the radii are not known yet");
    }
    return known;
  }

  /** The mean kernel of two different points. */
  double meanKernel() {
    return kernels / ((double) count * (count - 1));
  }

  /** Inner products with all points, {@code [n, N]}, owned by the rows' manager. */
  NDArray products(NDArray rows) {
    return rows.matMul(transposed);
  }

  /**
   * Squared distances to all points, {@code [n, N]}.
   *
   * @param products of the same rows
   */
  NDArray squaredDistances(NDArray rows, NDArray products) {
    return products
        .mul(-2)
        .add(rows.square().sum(ELEMENTS).expandDims(1))
        .add(squaredNorms)
        .maximum(0);
  }

  /** The cubic kernel of inner products (Binkowski et al. 2018). */
  NDArray kernel(NDArray products) {
    return products.div(dimension).add(1).pow(3);
  }

  /** The kernel of each row with itself, {@code [n]}. */
  double[] ownKernels(NDArray rows) {
    return Arrays.stream(rows.square().sum(ELEMENTS).toDoubleArray())
        .map(square -> KernelDistance.kernel(square, dimension))
        .toArray();
  }

  @Override
  public void close() {
    manager.close();
  }
}
