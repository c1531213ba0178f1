package io.diffuscope.tensorfile;

import java.nio.ByteOrder;

/**
 * Where the elements of an array are in its file.
 *
 * @param fortran whether the first index changes fastest
 * @param start the position of the first element, in bytes
 */
record ArrayLayout(
    ElementType type, ByteOrder order, boolean fortran, TensorShape shape, long start) {

  /** The position of an element, counted in the order of the file. */
  long position(long element) {
    return start + element * type.bytes();
  }

  /** The index in C order of the element that comes at {@code index} in Fortran order. */
  static long fortranToC(TensorShape shape, long index) {
    long rest = index;
    long stride = shape.elements();
    long result = 0;
    for (long size : shape.dimensions()) {
      stride /= size;
      result += rest % size * stride;
      rest /= size;
    }
    return result;
  }
}
