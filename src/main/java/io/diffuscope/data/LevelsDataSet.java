package io.diffuscope.data;

import io.diffuscope.tensorfile.TensorShape;
import java.nio.FloatBuffer;

/** A set of uint8 images in memory, a quarter of what they are as float32. */
final class LevelsDataSet extends PointsInMemory {
  private final byte[] levels;

  /**
   * Takes over the levels.
   *
   * @param levels a whole number of points, at least one, in C order
   */
  LevelsDataSet(String source, TensorShape pointShape, byte[] levels) {
    super(source, pointShape, levels.length);
    this.levels = levels;
  }

  @Override
  void put(int first, int count, FloatBuffer target) {
    for (int i = first; i < first + count; i++) {
      target.put(PointValues.ofLevel(Byte.toUnsignedInt(levels[i])));
    }
  }
}
