package io.diffuscope.data;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.FloatBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Points in the model's own space: a training or a hold-out set.
 *
 * <pre>{@code
 * try (DataSet train = DataSets.open("train.npy", "training set", modelShape)) {
 *   FloatBuffer block = FloatBuffer.allocate(256 * (int) train.pointShape().elements());
 *   train.read(0, 256, block);
 * }
 * }</pre>
 *
 * <p>Implementations may be read by several threads.
 */
public interface DataSet extends AutoCloseable {
  /**
   * A set in memory.
   *
   * @param source what to call it in messages
   * @param pointShape the shape of one point
   * @param values all points in C order; not copied
   * @throws IllegalArgumentException when {@code values} does not hold a whole number of points, or
   *     none, or anything but finite numbers
   */
  static DataSet of(String source, TensorShape pointShape, float[] values) {
    return new MemoryDataSet(source, pointShape, values);
  }

  /** Where the points come from, as the user wrote it. */
  String source();

  /** Number of points; at least one. */
  long size();

  /** Shape of one point, for example {@code [1, 8, 8]}. */
  TensorShape pointShape();

  /**
   * Names the content: the SHA-256, in hexadecimal, of the number of points, their shape, and their
   * values as {@link #read} gives them. Sets with equal points have equal keys whatever the file's
   * format. The first call reads the whole set.
   */
  String contentKey() throws BadInputException;

  /**
   * Reads {@code count} points from point {@code from} on.
   *
   * @param target takes {@code [count, ...pointShape]} float32 values from its position on
   * @throws IndexOutOfBoundsException when the set has fewer points, or they do not fit into {@code
   *     target}
   * @throws BadInputException NON_FINITE (naming the point), CHANGED, VANISHED or UNREADABLE
   */
  void read(long from, int count, FloatBuffer target) throws BadInputException;

  /**
   * The class of every point, {@code [N]}, 0 or above; null where the set has no labels. Not part
   * of the {@link #contentKey()}.
   */
  default int @Nullable [] labels() {
    return null;
  }

  /**
   * What class i is called, where the names of folders are the classes; otherwise null. The numbers
   * of two sets' classes mean the same only where these lists are equal.
   */
  default @Nullable List<String> classNames() {
    return null;
  }

  /**
   * This set with the classes of its points. Closing it closes this one.
   *
   * @param labels {@code [N]}, 0 or above; they replace any that are there
   * @throws IllegalArgumentException when there is not one for each point, or one is negative
   */
  default DataSet withLabels(int[] labels) {
    return new LabelledDataSet(this, labels);
  }

  @Override
  void close();
}
