package io.diffuscope.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;

/**
 * TF32 on the CPU: operands with 10 bits of mantissa, sums in float32, as a GPU does it.
 * Conversions round to the nearest; tensor cores that are given float32 cut the other bits off.
 */
public final class Tf32 {
  private static final int DROPPED = 23 - 10;

  private Tf32() {}

  /** The nearest TF32 number, ties away from zero. */
  static float round(float value) {
    int bits = Float.floatToRawIntBits(value) + (1 << (DROPPED - 1));
    return Float.intBitsToFloat(bits & -(1 << DROPPED));
  }

  /** The TF32 number towards zero. */
  static float truncate(float value) {
    return Float.intBitsToFloat(Float.floatToRawIntBits(value) & -(1 << DROPPED));
  }

  /** As {@link #matMul}, with operands that are cut off. */
  public static NDArray truncatingMatMul(NDArray left, NDArray right) {
    return left.getDataType() == DataType.FLOAT32
        ? converted(left, Tf32::truncate).matMul(converted(right, Tf32::truncate))
        : left.matMul(right);
  }

  /** The matrix product of rounded operands; the plain one of any other type than float32. */
  public static NDArray matMul(NDArray left, NDArray right) {
    return left.getDataType() == DataType.FLOAT32
        ? converted(left, Tf32::round).matMul(converted(right, Tf32::round))
        : left.matMul(right);
  }

  /** One float in place of another. */
  @FunctionalInterface
  private interface Conversion {
    float apply(float value);
  }

  private static NDArray converted(NDArray array, Conversion conversion) {
    float[] values = array.toFloatArray();
    for (int i = 0; i < values.length; i++) {
      values[i] = conversion.apply(values[i]);
    }
    return array.getManager().create(values, array.getShape());
  }
}
