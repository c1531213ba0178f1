package io.diffuscope.tensorfile;

import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.stream.Collectors;

/**
 * The header of a NumPy array file (NEP 1; {@code numpy.lib.format}).
 *
 * @param dataStart the position of the first element in the file
 */
record NpyHeader(
    ElementType type, ByteOrder order, boolean fortran, TensorShape shape, long dataStart) {
  private static final int ALIGNMENT = 64;
  private static final int PREFIX = 10;

  /** A header of version 1.0 for little-endian data in C order. */
  static byte[] encode(ElementType type, TensorShape shape) {
    String sizes =
        shape.dimensions().stream().map(size -> size + ",").collect(Collectors.joining(" "));
    String dictionary =
        "{'descr': '%s%s', 'fortran_order': False, 'shape': (%s), }"
            .formatted(type.bytes() == 1 ? "|" : "<", type.numpyCode(), sizes);
    int length = (PREFIX + dictionary.length() + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    int text = length - PREFIX;
    if (text > 0xFFFF) {
      throw new IllegalArgumentException("too many dimensions: " + shape.rank());
    }
    String padded = dictionary + " ".repeat(text - dictionary.length() - 1) + "\n";
    byte[] header = new byte[length];
    byte[] magic = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (byte) text, (byte) (text >> 8)};
    System.arraycopy(magic, 0, header, 0, PREFIX);
    System.arraycopy(padded.getBytes(StandardCharsets.US_ASCII), 0, header, PREFIX, text);
    return header;
  }
}
