package io.diffuscope.tensorfile;

import java.util.Objects;

/** Values of single precision with a shape, in C order. The values are not copied. */
public final class FloatArray {
  private final TensorShape shape;
  private final float[] values;

  /**
   * Keeps the values, which the caller must not change.
   *
   * @throws IllegalArgumentException when the number of values is not the shape's
   */
  public FloatArray(TensorShape shape, float[] values) {
    if (shape.elements() != values.length) {
      throw new IllegalArgumentException(values.length + " values for the shape " + shape);
    }
    this.shape = Objects.requireNonNull(shape);
    this.values = values;
  }

  public TensorShape shape() {
    return shape;
  }

  public float[] values() {
    return values;
  }
}
