package io.diffuscope.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.data.DataSet;
import io.diffuscope.tensorfile.BadInputException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A data set on a device, in blocks of rows: float32 {@code [n, d]}, shifted by a common centre.
 *
 * <p>Blocks stay on the device while they fit into {@code residentBytes}; the rest is read from
 * disk each time round, so that the number of points is bounded by the disk alone. Only their norms
 * and classes, three numbers a point, are always kept. The centre (any fixed vector; the training
 * set's mean is a good one) keeps float32 inner products small; distances and softmax weights do
 * not depend on it.
 */
public final class DevicePoints implements AutoCloseable {
  private static final long MOST_BLOCK_ROWS = 4096;
  private static final long MOST_BLOCK_BYTES = 64L << 20;

  /** What is done with each block. */
  @FunctionalInterface
  public interface BlockVisitor {
    /**
     * One block of consecutive points, valid until this method returns.
     *
     * @param first index of the block's first point
     */
    void visit(long first, Block block) throws BadInputException;
  }

  /**
   * A block of n consecutive points. What is computed from it must have another array on its left
   * side: results belong to the manager of their first operand, and this one lives long.
   *
   * @param points float32 {@code [n, d]}, centred
   * @param transposed a view of the points, {@code [d, n]}
   * @param halfSquaredNorms {@code [1, n]}, {@code |y|^2 / 2} of the centred points, of their type
   * @param exactHalfSquaredNorms the same in float64
   * @param labels class of every point, int32 {@code [1, n]}; null for a set without labels
   */
  public record Block(
      NDArray points,
      NDArray transposed,
      NDArray halfSquaredNorms,
      NDArray exactHalfSquaredNorms,
      @Nullable NDArray labels) {
    private static Block of(NDArray points, PointNumbers numbers) {
      return new Block(points, points.transpose(), numbers.rounded, numbers.exact, numbers.labels);
    }

    /** The same block in float64, on another manager. */
    public Block toDouble(NDManager manager) {
      NDArray wide = points.toType(DataType.FLOAT64, true);
      wide.attach(manager);
      return of(wide, new PointNumbers(exactHalfSquaredNorms, exactHalfSquaredNorms, labels));
    }
  }

  /** Half the squared norms of a block's points, float32 and float64, and their classes. */
  private record PointNumbers(NDArray rounded, NDArray exact, @Nullable NDArray labels) {
    static PointNumbers of(NDArray points, @Nullable NDArray labels) {
      NDArray wide = points.toType(DataType.FLOAT64, true);
      NDArray exact = wide.square().sum(new int[] {1}).muli(0.5).expandDims(0);
      return new PointNumbers(exact.toType(DataType.FLOAT32, true), exact, labels);
    }

    void attach(NDManager manager) {
      rounded.attach(manager);
      exact.attach(manager);
      if (labels != null) {
        labels.attach(manager);
      }
    }
  }

  private final NDManager manager;
  private final DataSet set;
  private final double[] centre;
  private final int blockRows;
  private final List<Block> resident = new ArrayList<>();
  private final List<PointNumbers> numbers = new ArrayList<>();
  private final Set<Integer> classes = new TreeSet<>();
  private double largestSquaredNorm;

  private DevicePoints(NDManager manager, DataSet set, double[] centre, int blockRows) {
    this.manager = manager;
    this.set = set;
    // Rounded, so that what is subtracted in float32 here is exactly what centre() says.
    this.centre = Arrays.stream(centre).map(value -> (float) value).toArray();
    this.blockRows = blockRows;
  }

  /**
   * Puts a set on the device of {@code parent}, around its own mean.
   *
   * @param residentBytes device memory that blocks may occupy for good
   */
  public static DevicePoints load(NDManager parent, DataSet set, long residentBytes)
      throws BadInputException {
    return load(parent, set, meanOf(set), blockRows(set), residentBytes);
  }

  /**
   * Puts a set on the device of {@code parent}, reading it once.
   *
   * @param centre subtracted from every point, {@code [d]}
   * @param blockRows rows in one block
   * @param residentBytes device memory that blocks may occupy for good
   */
  public static DevicePoints load(
      NDManager parent, DataSet set, double[] centre, int blockRows, long residentBytes)
      throws BadInputException {
    DevicePoints points = new DevicePoints(parent.newSubManager(), set, centre, blockRows);
    long bytesPerBlock = (long) blockRows * (centre.length + 1) * Float.BYTES;
    long keep = Math.max(0, residentBytes / bytesPerBlock);
    for (long first = 0; first < set.size(); first += blockRows) {
      try (NDManager scratch = points.manager.newSubManager()) {
        NDArray values = points.read(scratch, first);
        PointNumbers numbers = PointNumbers.of(values, points.labels(scratch, first));
        numbers.attach(points.manager);
        points.numbers.add(numbers);
        points.largestSquaredNorm =
            Math.max(points.largestSquaredNorm, 2 * numbers.exact.max().getDouble());
        if (points.resident.size() < keep) {
          values.attach(points.manager);
          points.resident.add(Block.of(values, numbers));
        }
      }
    }
    return points;
  }

  /**
   * Points in one block of a set on the device: enough for large matrix products, and bounded
   * memory whatever the dimension.
   */
  public static int blockRows(DataSet set) {
    long bytesPerPoint = Math.multiplyExact(set.pointShape().elements(), (long) Float.BYTES);
    return (int) Math.clamp(MOST_BLOCK_BYTES / bytesPerPoint, 1L, MOST_BLOCK_ROWS);
  }

  /** The mean of a set, {@code [d]}, by one pass over it. */
  public static double[] meanOf(DataSet set) throws BadInputException {
    int d = Math.toIntExact(set.pointShape().elements());
    double[] sum = new double[d];
    int rows = (int) Math.max(1, Math.min(set.size(), (1 << 20) / d));
    FloatBuffer buffer = FloatBuffer.allocate(rows * d);
    for (long first = 0; first < set.size(); first += rows) {
      int count = (int) Math.min(rows, set.size() - first);
      buffer.clear().limit(count * d);
      set.read(first, count, buffer);
      for (int i = 0; i < count * d; i++) {
        sum[i % d] += buffer.get(i);
      }
    }
    for (int i = 0; i < d; i++) {
      sum[i] /= set.size();
    }
    return sum;
  }

  /** Matrix products with these points that lose no digits to TF32. */
  public ExactProducts products() {
    return ExactProducts.on(manager.getDevice());
  }

  public long size() {
    return set.size();
  }

  public int dimension() {
    return centre.length;
  }

  /** The common shift, {@code [d]}, each element a float32. */
  public double[] centre() {
    return centre.clone();
  }

  /** The classes that at least one point has; empty for a set without labels. */
  public Set<Integer> classes() {
    return Collections.unmodifiableSet(classes);
  }

  /** Largest {@code |y|^2} of the centred points; bounds the rounding error of inner products. */
  public double largestSquaredNorm() {
    return largestSquaredNorm;
  }

  /**
   * Visits all blocks in order.
   *
   * @param parent where blocks that are not resident are put for the time of the visit
   */
  public void forEachBlock(NDManager parent, BlockVisitor visitor) throws BadInputException {
    long first = 0;
    for (Block block : resident) {
      visitor.visit(first, block);
      first += blockRows;
    }
    for (; first < set.size(); first += blockRows) {
      try (NDManager scratch = parent.newSubManager()) {
        PointNumbers known = numbers.get((int) (first / blockRows));
        visitor.visit(first, Block.of(read(scratch, first), known));
      }
    }
  }

  /**
   * Some points, read anew and not centred: float32 {@code [count, d]}.
   *
   * @param owner owns the array
   */
  public NDArray rows(NDManager owner, int[] rows) throws BadInputException {
    FloatBuffer values = FloatBuffer.allocate(Math.multiplyExact(rows.length, centre.length));
    for (int row : rows) {
      set.read(row, 1, values);
    }
    return owner.create(values.array(), new Shape(rows.length, centre.length));
  }

  private @Nullable NDArray labels(NDManager scratch, long first) {
    int[] labels = set.labels();
    if (labels == null) {
      return null;
    }
    int from = Math.toIntExact(first);
    int[] block = Arrays.copyOfRange(labels, from, Math.min(labels.length, from + blockRows));
    Arrays.stream(block).forEach(classes::add);
    return scratch.create(block, new Shape(1, block.length));
  }

  private NDArray read(NDManager scratch, long first) throws BadInputException {
    int count = (int) Math.min(blockRows, set.size() - first);
    int d = centre.length;
    ByteBuffer bytes =
        ByteBuffer.allocateDirect(Math.multiplyExact(Math.multiplyExact(count, d), Float.BYTES))
            .order(ByteOrder.nativeOrder());
    set.read(first, count, bytes.asFloatBuffer());
    // The array may alias the buffer; the subtraction makes a copy of its own before it is gone.
    NDArray raw = scratch.create(bytes, new Shape(count, d), DataType.FLOAT32);
    NDArray shift = scratch.create(centre, new Shape(1, d)).toType(DataType.FLOAT32, false);
    return raw.sub(shift);
  }

  @Override
  public void close() {
    manager.close();
  }
}
