package io.diffuscope.data;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.FloatBuffer;
import java.util.Objects;

/** A set of uint8 images in memory, a quarter of what they are as float32. */
final class LevelsDataSet implements DataSet {
  private final String source;
  private final TensorShape pointShape;
  private final byte[] levels;
  private final int width;
  private final ContentKey contentKey = new ContentKey();

  /**
   * Takes over the levels.
   *
   * @param levels a whole number of points, at least one, in C order
   */
  LevelsDataSet(String source, TensorShape pointShape, byte[] levels) {
    this.source = source;
    this.pointShape = pointShape;
    this.levels = levels;
    this.width = Math.toIntExact(pointShape.elements());
    if (width == 0 || levels.length == 0 || levels.length % width != 0) {
      throw new IllegalArgumentException(
          levels.length + " levels are no whole number of points of shape " + pointShape);
    }
  }

  @Override
  public String source() {
    return source;
  }

  @Override
  public long size() {
    return levels.length / width;
  }

  @Override
  public TensorShape pointShape() {
    return pointShape;
  }

  @Override
  public String contentKey() throws BadInputException {
    return contentKey.of(this);
  }

  @Override
  public void read(long from, int count, FloatBuffer target) {
    Objects.checkFromIndexSize(from, count, size());
    int elements = Math.multiplyExact(count, width);
    Objects.checkFromIndexSize(0, elements, target.remaining());
    int first = (int) from * width;
    for (int i = first; i < first + elements; i++) {
      target.put(PointValues.ofLevel(Byte.toUnsignedInt(levels[i])));
    }
  }

  @Override
  public void close() {}
}
