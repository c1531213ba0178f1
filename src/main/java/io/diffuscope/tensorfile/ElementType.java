package io.diffuscope.tensorfile;

import java.util.Arrays;
import java.util.Optional;

/**
 * The types of numbers that array files hold, by the names of the safetensors format.
 *
 * <p>Types without {@link #isReadable()} are known by name and size only, so that a file with one
 * of them beside the wanted tensors can still be used; their values cannot be read.
 */
public enum ElementType {
  F64(64, "f8"),
  F32(32, "f4"),
  F16(16, "f2"),
  /** The upper half of a float32, which NumPy has not. */
  BF16(16, ""),
  I64(64, "i8"),
  U64(64, "u8"),
  I32(32, "i4"),
  U32(32, "u4"),
  I16(16, "i2"),
  U16(16, "u2"),
  I8(8, "i1"),
  U8(8, "u1"),
  BOOL(8, "b1"),
  C64(64, ""),
  F8_E5M2(8, ""),
  F8_E4M3(8, ""),
  F8_E8M0(8, ""),
  F8_E4M3FNUZ(8, ""),
  F8_E5M2FNUZ(8, ""),
  F6_E2M3(6, ""),
  F6_E3M2(6, ""),
  F4(4, "");

  private final int bits;
  private final String numpyCode;

  ElementType(int bits, String numpyCode) {
    this.bits = bits;
    this.numpyCode = numpyCode;
  }

  /** Whether the values can be read as numbers. */
  public boolean isReadable() {
    return this == BF16 || !numpyCode.isEmpty();
  }

  /** Whether this is one of the floating-point types that can be read. */
  public boolean isFloatingPoint() {
    return this == F64 || this == F32 || this == F16 || this == BF16;
  }

  /** Bits of one element; less than eight for the packed types. */
  public int bits() {
    return bits;
  }

  /**
   * Bytes of one element.
   *
   * @throws UnsupportedOperationException for the packed types, whose elements are not whole bytes
   */
  public int bytes() {
    if (bits % Byte.SIZE != 0) {
      throw new UnsupportedOperationException(this + " is packed");
    }
    return bits / Byte.SIZE;
  }

  /** The {@code dtype} in a safetensors header, for example {@code BF16}. */
  public String safetensorsCode() {
    return name();
  }

  /** NumPy's type code without the byte order, for example {@code f4}; empty when it has none. */
  public String numpyCode() {
    return numpyCode;
  }

  /**
   * Bits of an array of this type.
   *
   * @throws ArithmeticException when the array, or an array of the same shape with no dimension of
   *     size zero, has more than 2^63; so any product of the sizes of a shape that passed is safe
   */
  long bitsOf(TensorShape shape) {
    long product = bits;
    for (long size : shape.dimensions()) {
      product = Math.multiplyExact(product, Math.max(size, 1));
    }
    return shape.dimensions().contains(0L) ? 0 : product;
  }

  static Optional<ElementType> ofSafetensors(String code) {
    return Arrays.stream(values()).filter(type -> type.name().equals(code)).findFirst();
  }

  static Optional<ElementType> ofNumpy(String code) {
    return Arrays.stream(values())
        .filter(type -> !type.numpyCode.isEmpty() && type.numpyCode.equals(code))
        .findFirst();
  }
}
