package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The header of a NumPy array file, versions 1.0, 2.0 and 3.0 ({@code numpy.lib.format}): a magic
 * string, the length of a text, and the text, a Python dictionary with the type of the elements,
 * their order and the shape.
 */
final class NpyHeader {
  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
  private static final int ALIGNMENT = 64;
  private static final int PREFIX_V1 = 10;
  private static final int PREFIX_V2 = 12;

  /** As long as a header of version 1.0 can be; the later versions serve structured types. */
  private static final int MAX_TEXT = 0xFFFF;

  private NpyHeader() {}

  /** A header of version 1.0 for little-endian data in C order. */
  static byte[] encode(ElementType type, TensorShape shape) {
    String sizes =
        shape.dimensions().stream().map(String::valueOf).collect(Collectors.joining(", "));
    String dictionary =
        "{'descr': '%s%s', 'fortran_order': False, 'shape': (%s), }"
            .formatted(
                type.bytes() == 1 ? "|" : "<",
                type.numpyCode(),
                // Python's tuple of one.
                shape.rank() == 1 ? sizes + "," : sizes);
    int length = (PREFIX_V1 + dictionary.length() + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
    int text = length - PREFIX_V1;
    if (text > MAX_TEXT) {
      throw new IllegalArgumentException("too many dimensions: " + shape.rank());
    }
    String padded = dictionary + " ".repeat(text - dictionary.length() - 1) + "\n";
    return ByteBuffer.allocate(length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(MAGIC)
        .put((byte) 1)
        .put((byte) 0)
        .putShort((short) text)
        .put(padded.getBytes(StandardCharsets.US_ASCII))
        .array();
  }

  /**
   * Reads the header and compares it with the length of the file.
   *
   * @throws BadInputException TRUNCATED, MALFORMED, UNSUPPORTED, or as reading fails
   */
  static ArrayLayout read(ByteSource source) throws BadInputException {
    ByteBuffer prefix = ByteBuffer.allocate(PREFIX_V2).order(ByteOrder.LITTLE_ENDIAN);
    prefix.limit((int) Math.min(source.size(), PREFIX_V2));
    source.read(0, prefix);
    prefix.flip();
    for (int i = 0; i < Math.min(MAGIC.length, prefix.limit()); i++) {
      if (prefix.get(i) != MAGIC[i]) {
        throw malformed(source, "it does not begin with \\x93NUMPY", null);
      }
    }
    if (prefix.limit() < PREFIX_V2) {
      throw truncated(source, "ends within its header");
    }
    int version = prefix.get(MAGIC.length);
    if (version < 1 || version > 3 || prefix.get(MAGIC.length + 1) != 0) {
      throw new BadInputException(
          source.name(),
          Reason.UNSUPPORTED,
          "has the unknown npy version "
              + version
              + "."
              + prefix.get(MAGIC.length + 1)
              + "; save it again with numpy.save",
          null);
    }
    int start = version == 1 ? PREFIX_V1 : PREFIX_V2;
    long length =
        version == 1
            ? Short.toUnsignedLong(prefix.getShort(MAGIC.length + 2))
            : Integer.toUnsignedLong(prefix.getInt(MAGIC.length + 2));
    if (length > MAX_TEXT) {
      throw malformed(source, "a header of " + length + " bytes is not possible", null);
    }
    if (start + length > source.size()) {
      throw truncated(source, "ends within its header");
    }
    ByteBuffer text = ByteBuffer.allocate((int) length);
    source.read(start, text);
    String dictionary =
        new String(
            text.array(), version == 3 ? StandardCharsets.UTF_8 : StandardCharsets.ISO_8859_1);
    return layout(source, dictionary, start + length);
  }

  private static ArrayLayout layout(ByteSource source, String text, long dataStart)
      throws BadInputException {
    NpyDictionary dictionary;
    try {
      dictionary = NpyDictionary.parse(text);
    } catch (NpyDictionary.SyntaxException failure) {
      throw malformed(source, "its header " + failure.getMessage(), failure);
    }
    ElementType type = type(source, dictionary.descr());
    ArrayLayout layout =
        new ArrayLayout(
            type,
            order(dictionary.descr()),
            dictionary.fortranOrder(),
            dictionary.shape(),
            dataStart);
    checkLength(source, layout);
    return layout;
  }

  private static ElementType type(ByteSource source, String descr) throws BadInputException {
    Optional<ElementType> type =
        descr.length() > 1 && "<>|=".indexOf(descr.charAt(0)) >= 0
            ? ElementType.ofNumpy(descr.substring(1))
            : Optional.empty();
    if (type.isPresent()) {
      return type.get();
    }
    boolean objects = descr.endsWith("O");
    throw new BadInputException(
        source.name(),
        Reason.UNSUPPORTED,
        objects
            ? "holds pickled objects instead of numbers; save it as numpy.asarray(x, 'float32')"
            : "holds elements of the type "
                + Text.quote(descr)
                + "; save it as numpy.asarray(x, 'float32')",
        null);
  }

  private static ByteOrder order(String descr) {
    return switch (descr.charAt(0)) {
      case '>' -> ByteOrder.BIG_ENDIAN;
      case '=' -> ByteOrder.nativeOrder();
      default -> ByteOrder.LITTLE_ENDIAN;
    };
  }

  private static void checkLength(ByteSource source, ArrayLayout layout) throws BadInputException {
    long due;
    try {
      due = layout.type().bitsOf(layout.shape()) / Byte.SIZE;
    } catch (ArithmeticException overflow) {
      throw malformed(source, "the shape " + layout.shape() + " is too large", overflow);
    }
    long present = source.size() - layout.start();
    if (present < due) {
      throw truncated(
          source, "has " + present + " of the " + due + " bytes of data that its header announces");
    }
    if (present > due) {
      throw malformed(
          source, (present - due) + " bytes follow the array that its header announces", null);
    }
  }

  private static BadInputException truncated(ByteSource source, String cause) {
    return new BadInputException(
        source.name(), Reason.TRUNCATED, cause + "; wait for its writer or copy it again", null);
  }

  private static BadInputException malformed(
      ByteSource source, String cause, @Nullable Throwable failure) {
    return new BadInputException(
        source.name(),
        Reason.MALFORMED,
        "not a valid .npy file (" + cause + "); save it again with numpy.save",
        failure);
  }
}
