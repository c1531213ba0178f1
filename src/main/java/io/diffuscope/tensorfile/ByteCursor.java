package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Reads a stretch of a source from front to back through a small buffer, and jumps over what is not
 * needed. Every length is compared with what remains before anything is allocated.
 */
final class ByteCursor {
  private static final int BUFFER_BYTES = 1 << 13;

  private final ByteSource source;
  private final long end;
  private final Reason pastEnd;
  private final String what;
  private final ByteBuffer buffer;
  private long bufferStart;

  /**
   * Starts at {@code position}.
   *
   * @param pastEnd the reason of the failure when something is asked for beyond {@code end}
   * @param what what the bytes are, for that message, for example {@code a pickle}
   */
  ByteCursor(ByteSource source, long position, long end, Reason pastEnd, String what) {
    this.source = source;
    this.end = end;
    this.pastEnd = pastEnd;
    this.what = what;
    this.bufferStart = position;
    this.buffer =
        ByteBuffer.allocate(Math.clamp(end - position, 0, BUFFER_BYTES))
            .order(ByteOrder.LITTLE_ENDIAN)
            .limit(0);
  }

  /** The position in the source of the byte that comes next. */
  long position() {
    return bufferStart + buffer.position();
  }

  long remaining() {
    return end - position();
  }

  int unsignedByte() throws BadInputException {
    need(1);
    return Byte.toUnsignedInt(buffer.get());
  }

  int unsignedShort() throws BadInputException {
    need(Short.BYTES);
    return Short.toUnsignedInt(buffer.getShort());
  }

  int signedInt() throws BadInputException {
    need(Integer.BYTES);
    return buffer.getInt();
  }

  long unsignedInt() throws BadInputException {
    return Integer.toUnsignedLong(signedInt());
  }

  long signedLong() throws BadInputException {
    need(Long.BYTES);
    return buffer.getLong();
  }

  double bigEndianDouble() throws BadInputException {
    return Double.longBitsToDouble(Long.reverseBytes(signedLong()));
  }

  /** Copies; for small numbers of bytes. */
  byte[] bytes(int count) throws BadInputException {
    checkRemaining(count);
    byte[] result = new byte[count];
    for (int filled = 0; filled < count; ) {
      need(1);
      int part = Math.min(count - filled, buffer.remaining());
      buffer.get(result, filled, part);
      filled += part;
    }
    return result;
  }

  /** Jumps, and returns where it jumped from. */
  long skip(long count) throws BadInputException {
    checkRemaining(count);
    long from = position();
    if (count <= buffer.remaining()) {
      buffer.position(buffer.position() + (int) count);
    } else {
      bufferStart = from + count;
      buffer.limit(0);
    }
    return from;
  }

  /** The text up to a line feed, which is taken away, as Latin-1; at most this many bytes. */
  String line(int most) throws BadInputException {
    StringBuilder text = new StringBuilder();
    for (int next = unsignedByte(); next != '\n'; next = unsignedByte()) {
      if (text.length() == most) {
        throw new BadInputException(
            source.name(),
            Reason.MALFORMED,
            "has a line of more than " + most + " bytes within " + what + "; write it again",
            null);
      }
      text.append((char) next);
    }
    return text.toString();
  }

  /** Takes this many bytes as UTF-8; what is no UTF-8 becomes a replacement character. */
  String utf8(int count) throws BadInputException {
    return new String(bytes(count), StandardCharsets.UTF_8);
  }

  private void need(int count) throws BadInputException {
    if (buffer.remaining() >= count) {
      return;
    }
    checkRemaining(count);
    bufferStart = position();
    buffer.clear().limit((int) Math.min(buffer.capacity(), end - bufferStart));
    try {
      source.read(bufferStart, buffer);
    } finally {
      buffer.flip();
    }
  }

  private void checkRemaining(long count) throws BadInputException {
    if (count < 0 || count > remaining()) {
      throw new BadInputException(
          source.name(),
          pastEnd,
          "ends within "
              + what
              + " ("
              + Long.toUnsignedString(count)
              + " bytes are due at byte "
              + position()
              + ", "
              + remaining()
              + " are there); "
              + (pastEnd == Reason.TRUNCATED
                  ? "wait for its writer or copy it again"
                  : "write it again"),
          null);
    }
  }
}
