package io.diffuscope.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;

/** TF32 on the CPU: operands rounded to 10 bits of mantissa, sums in float32, as a GPU does it. */
public final class Tf32 {
  private static final int DROPPED = 23 - 10;

  private Tf32() {}

  /** The nearest TF32 number, ties away from zero. */
  static float round(float value) {
    int bits = Float.floatToRawIntBits(value) + (1 << (DROPPED - 1));
    return Float.intBitsToFloat(bits & -(1 << DROPPED));
  }

  /** The matrix product of rounded operands; the plain one of any other type than float32. */
  public static NDArray matMul(NDArray left, NDArray right) {
    return left.getDataType() == DataType.FLOAT32
        ? rounded(left).matMul(rounded(right))
        : left.matMul(right);
  }

  private static NDArray rounded(NDArray array) {
    float[] values = array.toFloatArray();
    for (int i = 0; i < values.length; i++) {
      values[i] = round(values[i]);
    }
    return array.getManager().create(values, array.getShape());
  }
}
