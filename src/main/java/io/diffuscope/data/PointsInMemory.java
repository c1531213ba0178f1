package io.diffuscope.data;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.FloatBuffer;
import java.util.Objects;

/** A set whose points are all in memory, in C order. */
abstract class PointsInMemory implements DataSet {
  private final String source;
  private final TensorShape pointShape;
  private final int width;
  private final int size;
  private final ContentKey contentKey = new ContentKey();

  /**
   * A set of this many elements in all.
   *
   * @throws IllegalArgumentException unless they are a whole number of points, at least one
   */
  PointsInMemory(String source, TensorShape pointShape, int elements) {
    this.source = Objects.requireNonNull(source);
    this.pointShape = Objects.requireNonNull(pointShape);
    this.width = Math.toIntExact(pointShape.elements());
    if (width == 0 || elements == 0 || elements % width != 0) {
      throw new IllegalArgumentException(
          elements + " values are no whole number of points of shape " + pointShape);
    }
    this.size = elements / width;
  }

  /** Puts elements into a buffer that has room for them. */
  abstract void put(int first, int count, FloatBuffer target);

  /** Elements of one point. */
  final int width() {
    return width;
  }

  @Override
  public final String source() {
    return source;
  }

  @Override
  public final long size() {
    return size;
  }

  @Override
  public final TensorShape pointShape() {
    return pointShape;
  }

  @Override
  public final String contentKey() throws BadInputException {
    return contentKey.of(this);
  }

  @Override
  public final void read(long from, int count, FloatBuffer target) {
    Objects.checkFromIndexSize(from, count, size());
    int elements = Math.multiplyExact(count, width);
    Objects.checkFromIndexSize(0, elements, target.remaining());
    put((int) from * width, elements, target);
  }

  @Override
  public final void close() {}
}
