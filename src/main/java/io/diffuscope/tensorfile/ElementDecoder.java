package io.diffuscope.tensorfile;

import java.nio.ByteBuffer;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;

/**
 * Turns the bytes of an array into float32 or float64.
 *
 * <p>Narrowing follows Java's conversions: to nearest, and to infinity beyond the range of float32.
 * Half floats are widened here because the tensor library aborts the process on bfloat16.
 */
final class ElementDecoder {
  private static final int BLOCK = 1 << 12;

  private ElementDecoder() {}

  /** Decodes all whole elements that remain in {@code source}, in its byte order. */
  static void toFloats(ElementType type, ByteBuffer source, FloatBuffer target) {
    switch (type) {
      case F32 -> {
        target.put(source.asFloatBuffer());
        source.position(source.limit());
      }
      case F16, BF16 -> halves(type == ElementType.BF16, source, target);
      case U8 -> {
        while (source.hasRemaining()) {
          target.put(Byte.toUnsignedInt(source.get()));
        }
      }
      // Straight to float: by way of double, large integers would be rounded twice.
      case I64 -> {
        while (source.hasRemaining()) {
          target.put((float) source.getLong());
        }
      }
      case U64 -> {
        while (source.hasRemaining()) {
          target.put(unsignedToFloat(source.getLong()));
        }
      }
      default -> {
        while (source.hasRemaining()) {
          target.put((float) next(type, source));
        }
      }
    }
  }

  /** Through arrays, whose loops the compiler turns into vector instructions. */
  private static void halves(boolean brain, ByteBuffer source, FloatBuffer target) {
    ShortBuffer bits = source.asShortBuffer();
    short[] block = new short[Math.min(bits.remaining(), BLOCK)];
    float[] values = new float[block.length];
    while (bits.hasRemaining()) {
      int count = Math.min(bits.remaining(), block.length);
      bits.get(block, 0, count);
      if (brain) {
        for (int i = 0; i < count; i++) {
          values[i] = bfloat16(block[i]);
        }
      } else {
        for (int i = 0; i < count; i++) {
          values[i] = Float.float16ToFloat(block[i]);
        }
      }
      target.put(values, 0, count);
    }
    source.position(source.limit());
  }

  /** Decodes all whole elements that remain in {@code source}, in its byte order. */
  static void toDoubles(ElementType type, ByteBuffer source, DoubleBuffer target) {
    if (type == ElementType.F64) {
      target.put(source.asDoubleBuffer());
      source.position(source.limit());
      return;
    }
    while (source.hasRemaining()) {
      target.put(next(type, source));
    }
  }

  private static double next(ElementType type, ByteBuffer source) {
    return switch (type) {
      case F64 -> source.getDouble();
      case F32 -> source.getFloat();
      case F16 -> Float.float16ToFloat(source.getShort());
      case BF16 -> bfloat16(source.getShort());
      case I64 -> source.getLong();
      case U64 -> unsignedToDouble(source.getLong());
      case I32 -> source.getInt();
      case U32 -> Integer.toUnsignedLong(source.getInt());
      case I16 -> source.getShort();
      case U16 -> Short.toUnsignedInt(source.getShort());
      case I8 -> source.get();
      case U8 -> Byte.toUnsignedInt(source.get());
      case BOOL -> source.get() == 0 ? 0 : 1;
      case C64, F8_E5M2, F8_E4M3, F8_E8M0, F8_E4M3FNUZ, F8_E5M2FNUZ, F6_E2M3, F6_E3M2, F4 ->
          throw new UnsupportedOperationException(type + " values cannot be read");
    };
  }

  private static float bfloat16(short bits) {
    return Float.intBitsToFloat(bits << Short.SIZE);
  }

  /** Halves with the lost bit kept sticky, so that the one rounding is that of the whole number. */
  private static float unsignedToFloat(long bits) {
    return bits >= 0 ? bits : 2 * (float) ((bits >>> 1) | (bits & 1));
  }

  private static double unsignedToDouble(long bits) {
    return bits >= 0 ? bits : 2 * (double) ((bits >>> 1) | (bits & 1));
  }
}
