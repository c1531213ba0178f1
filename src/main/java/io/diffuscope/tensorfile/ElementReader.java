package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;

/**
 * Reads runs of elements through one direct buffer of bounded size, which all arrays of a file or
 * of a set of files share. Safe for use by several threads: they take turns.
 */
final class ElementReader {
  private static final int CHUNK_BYTES = 1 << 20;

  private final ByteBuffer chunk;

  /**
   * Makes the buffer.
   *
   * @param mostBytes the largest number of bytes that there will be to read
   */
  ElementReader(long mostBytes) {
    // No smaller than the largest element, for files that lie about their size.
    this.chunk = ByteBuffer.allocateDirect(Math.clamp(mostBytes, Long.BYTES, CHUNK_BYTES));
  }

  /** Fills what remains of {@code target} with the elements at {@code position} bytes. */
  synchronized void floats(
      ByteSource source, ElementType type, ByteOrder order, long position, FloatBuffer target)
      throws BadInputException {
    long at = position;
    while (target.hasRemaining()) {
      at += fill(source, type, order, at, target.remaining());
      ElementDecoder.toFloats(type, chunk, target);
    }
  }

  /** Fills what remains of {@code target} with the elements at {@code position} bytes. */
  synchronized void doubles(
      ByteSource source, ElementType type, ByteOrder order, long position, DoubleBuffer target)
      throws BadInputException {
    long at = position;
    while (target.hasRemaining()) {
      at += fill(source, type, order, at, target.remaining());
      ElementDecoder.toDoubles(type, chunk, target);
    }
  }

  private int fill(
      ByteSource source, ElementType type, ByteOrder order, long position, int elements)
      throws BadInputException {
    if (!type.isReadable()) {
      throw new BadInputException(
          source.name(),
          Reason.UNSUPPORTED,
          "values of type " + type + " cannot be read; convert them to F32",
          null);
    }
    int bytes = (int) Math.min((long) elements * type.bytes(), chunk.capacity());
    bytes -= bytes % type.bytes();
    chunk.clear().limit(bytes).order(order);
    source.read(position, chunk);
    chunk.flip();
    return bytes;
  }
}
