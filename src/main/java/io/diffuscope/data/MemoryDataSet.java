package io.diffuscope.data;

import io.diffuscope.tensorfile.TensorShape;
import java.nio.FloatBuffer;

/** A set whose points are all in memory, and all finite. */
final class MemoryDataSet extends PointsInMemory {
  private final float[] values;

  MemoryDataSet(String source, TensorShape pointShape, float[] values) {
    super(source, pointShape, values.length);
    this.values = values;
    int flaw = FiniteCheck.firstNonFinite(FloatBuffer.wrap(values));
    if (flaw >= 0) {
      throw new IllegalArgumentException(source + ": point " + flaw / width() + " is not finite");
    }
  }

  @Override
  void put(int first, int count, FloatBuffer target) {
    target.put(values, first, count);
  }
}
