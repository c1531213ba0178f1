package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.data.DataSet;
import io.diffuscope.tensorfile.BadInputException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Rows of data sets as arrays on a device. */
final class HostArrays {
  private HostArrays() {}

  /** Some consecutive points, float32 {@code [count, d]}. */
  static NDArray points(NDManager manager, DataSet set, long first, int count)
      throws BadInputException {
    int d = Math.toIntExact(set.pointShape().elements());
    ByteBuffer bytes =
        ByteBuffer.allocateDirect(Math.multiplyExact(Math.multiplyExact(count, d), Float.BYTES))
            .order(ByteOrder.nativeOrder());
    set.read(first, count, bytes.asFloatBuffer());
    return manager.create(bytes, new Shape(count, d), DataType.FLOAT32);
  }
}
