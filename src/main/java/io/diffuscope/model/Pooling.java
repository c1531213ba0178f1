package io.diffuscope.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.Locale;

/**
 * What becomes of a representation {@code [B, C, H, W]}: one number a channel, over all positions.
 * A representation {@code [B, F]} stays as it is.
 */
public enum Pooling {
  /** The largest value of each channel; as in the detection experiments of arXiv 2512.20963. */
  MAX,
  /** The mean of each channel. */
  MEAN;

  private static final int[] POSITIONS = {2};

  /** The word used in the configuration. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * Pools, and closes what was pooled.
   *
   * @return float32 {@code [B, F]}
   */
  NDArray apply(NDArray representation) {
    NDArray values = representation.toType(DataType.FLOAT32, false);
    if (values.getShape().dimension() == 2) {
      return values;
    }
    Shape shape = values.getShape();
    NDArray maps = values.reshape(shape.get(0), shape.get(1), shape.get(2) * shape.get(3));
    NDArray pooled = this == MAX ? maps.max(POSITIONS) : maps.mean(POSITIONS);
    values.close();
    representation.close();
    return pooled;
  }
}
