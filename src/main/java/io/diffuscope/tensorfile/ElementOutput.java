package io.diffuscope.tensorfile;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;

/** Little-endian numbers, sent to a channel through one direct buffer of bounded size. */
final class ElementOutput {
  private static final int CHUNK_BYTES = 1 << 20;

  private final WritableByteChannel channel;
  private final ByteBuffer chunk =
      ByteBuffer.allocateDirect(CHUNK_BYTES).order(ByteOrder.LITTLE_ENDIAN);

  ElementOutput(WritableByteChannel channel) {
    this.channel = channel;
  }

  void bytes(byte[] values) throws IOException {
    for (int from = 0; from < values.length; ) {
      int count = Math.min(values.length - from, CHUNK_BYTES);
      chunk.clear().put(values, from, count);
      drain();
      from += count;
    }
  }

  void floats(float[] values) throws IOException {
    for (int from = 0; from < values.length; ) {
      int count = Math.min(values.length - from, CHUNK_BYTES / Float.BYTES);
      chunk.clear();
      chunk.asFloatBuffer().put(values, from, count);
      chunk.position(count * Float.BYTES);
      drain();
      from += count;
    }
  }

  void doubles(double[] values) throws IOException {
    for (int from = 0; from < values.length; ) {
      int count = Math.min(values.length - from, CHUNK_BYTES / Double.BYTES);
      chunk.clear();
      chunk.asDoubleBuffer().put(values, from, count);
      chunk.position(count * Double.BYTES);
      drain();
      from += count;
    }
  }

  private void drain() throws IOException {
    chunk.flip();
    while (chunk.hasRemaining()) {
      channel.write(chunk);
    }
  }
}
