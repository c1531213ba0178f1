package io.diffuscope.demo;

import ai.djl.ndarray.NDArray;
import io.diffuscope.tensorfile.FloatArray;
import io.diffuscope.tensorfile.TensorShape;

/** Copies arrays of the engine to the Java heap. */
final class HostCopy {
  private HostCopy() {}

  static FloatArray of(NDArray array) {
    return new FloatArray(TensorShape.of(array.getShape().getShape()), array.toFloatArray());
  }
}
