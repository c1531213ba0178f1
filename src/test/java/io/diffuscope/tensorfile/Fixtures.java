package io.diffuscope.tensorfile;

import java.net.URI;
import java.net.URL;
import java.nio.file.Path;
import java.util.Objects;

/**
 * Files that NumPy and the safetensors library wrote; see src/test/python/make_array_fixtures.py.
 */
final class Fixtures {
  /** The shape of most fixtures. */
  static final TensorShape SHAPE = TensorShape.of(4, 3, 2);

  private Fixtures() {}

  static Path path(String name) {
    URL url = Objects.requireNonNull(Fixtures.class.getResource(name), name);
    return Path.of(URI.create(url.toString()));
  }

  /** What the script puts at index {@code i} of an array of this type, by its definition there. */
  static double value(ElementType type, int i) {
    double value = -3.0 + 1.25 * i;
    return switch (type) {
      case F64, F32, F16 -> value;
      case I64, I32, I16, I8 -> (long) value;
      case U8 -> 255 - i;
      case U16 -> 65535 - i;
      case U32 -> 4294967295L - i;
      // 2^64 - 1 - i for small i, rounded to float64.
      case U64 -> 0x1p64;
      case BOOL -> i % 3 == 0 ? 0 : 1;
      default -> throw new IllegalArgumentException(type.toString());
    };
  }
}
