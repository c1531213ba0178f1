package io.diffuscope.publish;

import com.google.protobuf.CodedOutputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.zip.CRC32C;

/**
 * An event file that TensorBoard reads: scalars by tag and step.
 *
 * <pre>{@code
 * try (TensorBoardFile file = TensorBoardFile.create(folder.resolve("events.out.tfevents.1.run"), at)) {
 *   file.scalar("pfd/holdout/rms", 4000, at, 1.25);
 * }
 * }</pre>
 *
 * <p>The form is TensorFlow's: records of a length, its masked CRC-32C, the bytes, and theirs; each
 * record an {@code Event} message of {@code tensorflow/core/util/event.proto}, of which only the
 * fields for scalars are written.
 */
public final class TensorBoardFile implements AutoCloseable {
  private static final String VERSION = "brain.Event:2";

  /** Numbers of fields: of Event, of Summary, of Summary.Value. */
  private static final int WALL_TIME = 1;

  private static final int STEP = 2;
  private static final int FILE_VERSION = 3;
  private static final int SUMMARY = 5;
  private static final int VALUE = 1;
  private static final int TAG = 1;
  private static final int SIMPLE_VALUE = 2;

  private static final int MASK = 0xa282ead8;

  private final OutputStream out;

  private TensorBoardFile(OutputStream out) {
    this.out = out;
  }

  /** Begins a file, which TensorBoard finds where its name has {@code tfevents} in it. */
  public static TensorBoardFile create(Path path, Instant at) throws IOException {
    TensorBoardFile file =
        new TensorBoardFile(new BufferedOutputStream(Files.newOutputStream(path)));
    file.event(at, event -> event.writeString(FILE_VERSION, VERSION));
    return file;
  }

  /** Writes one value, as a float of 32 bits, which is what the form has room for. */
  public void scalar(String tag, long step, Instant at, double value) throws IOException {
    byte[] scalar =
        message(
            message -> {
              message.writeString(TAG, tag);
              message.writeFloat(SIMPLE_VALUE, (float) value);
            });
    byte[] summary = message(message -> message.writeByteArray(VALUE, scalar));
    event(
        at,
        event -> {
          event.writeInt64(STEP, step);
          event.writeByteArray(SUMMARY, summary);
        });
  }

  /** Writes the fields of a message. */
  @FunctionalInterface
  private interface Fields {
    void to(CodedOutputStream message) throws IOException;
  }

  private static byte[] message(Fields fields) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    CodedOutputStream message = CodedOutputStream.newInstance(bytes);
    fields.to(message);
    message.flush();
    return bytes.toByteArray();
  }

  private void event(Instant at, Fields fields) throws IOException {
    byte[] event =
        message(
            message -> {
              message.writeDouble(WALL_TIME, at.getEpochSecond() + at.getNano() / 1e9);
              fields.to(message);
            });
    byte[] length = new byte[Long.BYTES];
    ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).putLong(event.length);
    out.write(length);
    out.write(sum(length));
    out.write(event);
    out.write(sum(event));
  }

  private static byte[] sum(byte[] of) {
    byte[] sum = new byte[Integer.BYTES];
    ByteBuffer.wrap(sum).order(ByteOrder.LITTLE_ENDIAN).putInt(masked(of));
    return sum;
  }

  /** A sum of bytes that hold sums themselves would be weak: it is rotated and moved. */
  static int masked(byte[] bytes) {
    CRC32C sum = new CRC32C();
    sum.update(bytes);
    return Integer.rotateRight((int) sum.getValue(), 15) + MASK;
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
