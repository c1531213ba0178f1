package io.diffuscope.data;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.FloatBuffer;
import java.util.Objects;

/** A set whose points are all in memory, and all finite. */
final class MemoryDataSet implements DataSet {
  private final String source;
  private final TensorShape pointShape;
  private final float[] values;
  private final int width;
  private final ContentKey contentKey = new ContentKey();

  MemoryDataSet(String source, TensorShape pointShape, float[] values) {
    this.source = Objects.requireNonNull(source);
    this.pointShape = Objects.requireNonNull(pointShape);
    this.values = values;
    this.width = Math.toIntExact(pointShape.elements());
    if (width == 0 || values.length == 0 || values.length % width != 0) {
      throw new IllegalArgumentException(
          values.length + " values are no whole number of points of shape " + pointShape);
    }
    int flaw = FiniteCheck.firstNonFinite(FloatBuffer.wrap(values));
    if (flaw >= 0) {
      throw new IllegalArgumentException(source + ": point " + flaw / width + " is not finite");
    }
  }

  @Override
  public String source() {
    return source;
  }

  @Override
  public long size() {
    return values.length / width;
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
    Objects.checkFromIndexSize(0, Math.multiplyExact(count, width), target.remaining());
    target.put(values, (int) from * width, count * width);
  }

  @Override
  public void close() {}
}
