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

  /** Float64 rows, filled up with zeros to {@code batch} of them; owned by {@code manager}. */
  static NDArray filled(NDArray rows, int batch, NDManager manager) {
    NDArray wide = rows.toType(DataType.FLOAT64, true);
    wide.attach(manager);
    long missing = batch - rows.getShape().get(0);
    if (missing == 0) {
      return wide;
    }
    Shape shape = new Shape(missing, rows.getShape().get(1));
    NDArray all = wide.concat(manager.zeros(shape, DataType.FLOAT64));
    all.attach(manager);
    return all;
  }

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
