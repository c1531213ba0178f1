package io.diffuscope.tensorfile;

import java.io.IOException;
import java.nio.file.Path;

/**
 * Writes NumPy's {@code .npy} files (format version 1.0, C order, little endian), atomically.
 *
 * <pre>{@code
 * NpyWriter.write(Path.of("noise.npy"), TensorShape.of(1000, 1, 8, 8), values);
 * }</pre>
 */
public final class NpyWriter {
  private NpyWriter() {}

  /** Creates or replaces an array of float32. */
  public static void write(Path target, TensorShape shape, float[] values) throws IOException {
    write(target, new FloatArray(shape, values));
  }

  /** Creates or replaces an array of float64. */
  public static void write(Path target, TensorShape shape, double[] values) throws IOException {
    DoubleArray array = new DoubleArray(shape, values);
    AtomicFile.write(target, channel -> writeArray(new ElementOutput(channel), array));
  }

  /** Creates or replaces an array of uint8. */
  public static void write(Path target, TensorShape shape, byte[] values) throws IOException {
    if (shape.elements() != values.length) {
      throw new IllegalArgumentException(values.length + " values for the shape " + shape);
    }
    AtomicFile.write(
        target,
        channel -> {
          ElementOutput output = new ElementOutput(channel);
          output.bytes(NpyHeader.encode(ElementType.U8, shape));
          output.bytes(values);
        });
  }

  /**
   * Creates or replaces an array of uint8 that need not fit into memory.
   *
   * @param body writes as many bytes as the shape has elements
   */
  public static void write(Path target, TensorShape shape, AtomicFile.Body body)
      throws IOException {
    AtomicFile.write(
        target,
        channel -> {
          new ElementOutput(channel).bytes(NpyHeader.encode(ElementType.U8, shape));
          body.writeTo(channel);
        });
  }

  private static void write(Path target, FloatArray array) throws IOException {
    AtomicFile.write(
        target,
        channel -> {
          ElementOutput output = new ElementOutput(channel);
          output.bytes(NpyHeader.encode(ElementType.F32, array.shape()));
          output.floats(array.values());
        });
  }

  static void writeArray(ElementOutput output, DoubleArray array) throws IOException {
    output.bytes(NpyHeader.encode(ElementType.F64, array.shape()));
    output.doubles(array.values());
  }
}
