package io.diffuscope.tensorfile;

import java.util.Objects;

/** Values of double precision with a shape, in C order. The values are not copied. */
public final class DoubleArray {
  private final TensorShape shape;
  private final double[] values;

  /**
   * Keeps the values, which the caller must not change.
   *
   * @throws IllegalArgumentException when the number of values is not the shape's
   */
  public DoubleArray(TensorShape shape, double[] values) {
    if (shape.elements() != values.length) {
      throw new IllegalArgumentException(values.length + " values for the shape " + shape);
    }
    this.shape = Objects.requireNonNull(shape);
    this.values = values;
  }

  public TensorShape shape() {
    return shape;
  }

  public double[] values() {
    return values;
  }
}
