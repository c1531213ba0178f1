package io.diffuscope.model;

import ai.djl.ndarray.NDArray;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;

/**
 * A parameter's memory, to be filled with other values: on a CPU the tensor's own, so that a
 * network's weights exist once; on another device a buffer on the host that all parameters share,
 * from which each one is copied.
 *
 * <p>The Java heap's limit is also that of buffers made in Java ({@code MaxDirectMemorySize}).
 * Memory that the tensor engine made does not count.
 */
final class ParameterMemory {
  private final NDArray array;
  private final TensorShape shape;
  private final ByteBuffer memory;
  private final boolean shared;

  private ParameterMemory(NDArray array, TensorShape shape, ByteBuffer memory, boolean shared) {
    this.array = array;
    this.shape = shape;
    this.memory = memory;
    this.shared = shared;
  }

  /** The parameter's own memory, on a CPU. */
  static ParameterMemory own(NDArray array) {
    TensorShape shape = TensorShape.of(array.getShape().getShape());
    if (shape.elements() > 0 && !isSeenThrough(array)) {
      // Transposed, overlapping or repeated elements: the engine hands out copies of those, in
      // order. So it gets the memory of another array, which lives as long as this one.
      NDArray inOrder = array.getManager().zeros(array.getShape());
      EngineChatter.withoutFirstWarning(
          () -> {
            array.copyTo(inOrder);
            array.set(view(inOrder, shape));
          });
    }
    return new ParameterMemory(array, shape, view(array, shape), false);
  }

  /** Memory on the host, of at least {@link #bytes} of the largest parameter. */
  static ParameterMemory staged(NDArray array, ByteBuffer staging) {
    return new ParameterMemory(array, TensorShape.of(array.getShape().getShape()), staging, true);
  }

  static ByteBuffer allocate(int bytes) {
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
  }

  /** Bytes of a parameter; throws {@link ArithmeticException} beyond 2 GiB. */
  static int bytes(TensorShape shape) {
    return Math.toIntExact(Math.multiplyExact(shape.elements(), Float.BYTES));
  }

  /** Whether two views of an array are one memory, which must then be the array's. */
  private static boolean isSeenThrough(NDArray array) {
    ByteBuffer one = array.toByteBuffer(true).order(ByteOrder.nativeOrder());
    ByteBuffer other = array.toByteBuffer(true).order(ByteOrder.nativeOrder());
    int before = one.getInt(0);
    one.putInt(0, ~before);
    boolean same = other.getInt(0) == ~before;
    one.putInt(0, before);
    return same;
  }

  private static ByteBuffer view(NDArray array, TensorShape shape) {
    return shape.elements() == 0
        ? allocate(0)
        : array.toByteBuffer(true).order(ByteOrder.nativeOrder());
  }

  TensorShape shape() {
    return shape;
  }

  /** Where the values go, in C order. */
  FloatBuffer values() {
    return memory.slice(0, bytes(shape)).order(ByteOrder.nativeOrder()).asFloatBuffer();
  }

  /** Makes the parameter hold what was written. */
  void written() {
    if (shared) {
      ByteBuffer filled = memory.slice(0, bytes(shape)).order(ByteOrder.nativeOrder());
      EngineChatter.withoutFirstWarning(() -> array.set(filled));
    }
  }
}
