package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Locale;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One array in a file: {@code .npy}, {@code .npz} or {@code .safetensors}.
 *
 * <pre>{@code
 * try (ArrayFile images = ArrayFile.open("cifar.npz:train")) {
 *   FloatBuffer rows = FloatBuffer.allocate(16 * 3072);
 *   images.readRows(0, 16, rows);
 *   images.verifyUnchanged();
 * }
 * }</pre>
 *
 * <p>Values come in C order whatever the order in the file. Reads by several threads are safe and
 * take turns.
 */
public final class ArrayFile implements AutoCloseable {
  private static final Pattern SPEC =
      Pattern.compile(
          "(?<file>.*?\\.(?<suffix>npy|npz|safetensors))(:(?<name>.+))?",
          Pattern.CASE_INSENSITIVE | Pattern.DOTALL);
  private static final long MAX_DOUBLES = 1L << 26;

  private final ByteSource source;
  private final String name;
  private final ElementReader reader;
  private final ArrayLayout layout;

  private ArrayFile(ByteSource source, String name, ArrayLayout layout) {
    this.source = source;
    this.name = name;
    this.reader = new ElementReader(source.size());
    this.layout = layout;
  }

  /**
   * Opens an array by the name of its file.
   *
   * @param spec {@code FILE} or, for one array of several, {@code FILE:NAME}; the suffix of the
   *     file says what it is
   * @throws BadInputException VANISHED, UNREADABLE, TRUNCATED, MALFORMED, CHANGED, UNSUPPORTED (a
   *     suffix or a type of element that cannot be read), or MISMATCH (no array of that name, or
   *     several and none named)
   */
  public static ArrayFile open(String spec) throws BadInputException {
    Matcher parts = SPEC.matcher(spec);
    if (!parts.matches()) {
      throw new BadInputException(
          spec,
          Reason.UNSUPPORTED,
          "arrays are read from .npy, .npz and .safetensors files; convert it with numpy.save",
          null);
    }
    Path file = FileFailures.path(parts.group("file"));
    String name = parts.group("name");
    return switch (parts.group("suffix").toLowerCase(Locale.ROOT)) {
      case "npz" -> member(file, name);
      case "safetensors" -> tensor(file, name);
      default -> single(file, name);
    };
  }

  private static ArrayFile single(Path file, @Nullable String name) throws BadInputException {
    if (name != null) {
      throw new BadInputException(
          file,
          Reason.MISMATCH,
          "an .npy file holds one array without a name; leave out " + Text.quote(":" + name));
    }
    FileBytes bytes = FileBytes.open(file);
    try {
      return npy(bytes);
    } catch (BadInputException failure) {
      bytes.close();
      throw failure;
    }
  }

  private static ArrayFile member(Path file, @Nullable String name) throws BadInputException {
    try (NpzFile archive = NpzFile.open(file)) {
      return archive.array(name == null ? onlyOne(file, archive.names()) : name);
    }
  }

  private static ArrayFile tensor(Path file, @Nullable String name) throws BadInputException {
    FileBytes bytes = FileBytes.open(file);
    try {
      SafetensorsHeader header = SafetensorsHeader.read(bytes);
      String wanted = name == null ? onlyOne(file, header.tensors().keySet()) : name;
      TensorInfo info = header.tensor(wanted, bytes).info();
      return new ArrayFile(
          bytes,
          name == null ? file.toString() : file + ":" + name,
          new ArrayLayout(
              info.type(),
              ByteOrder.LITTLE_ENDIAN,
              false,
              info.shape(),
              header.tensor(wanted, bytes).position()));
    } catch (BadInputException failure) {
      bytes.close();
      throw failure;
    }
  }

  private static String onlyOne(Path file, Collection<String> names) throws BadInputException {
    if (names.size() == 1) {
      return names.iterator().next();
    }
    throw names.isEmpty()
        ? new BadInputException(file, Reason.EMPTY, "has no arrays; save one into it")
        : new BadInputException(
            file,
            Reason.MISMATCH,
            "has "
                + names.size()
                + " arrays; choose one as "
                + file.getFileName()
                + ":NAME from "
                + Text.list(names));
  }

  /** Takes over {@code source}, unless it fails. */
  static ArrayFile npy(ByteSource source) throws BadInputException {
    return new ArrayFile(source, source.name(), NpyHeader.read(source));
  }

  /** The file, with the array's name where one was given. */
  public String source() {
    return name;
  }

  public TensorShape shape() {
    return layout.shape();
  }

  public ElementType type() {
    return layout.type();
  }

  /**
   * Reads rows as float32, in C order.
   *
   * @param target takes {@code rows} times the size of a row, from its position on
   * @throws IndexOutOfBoundsException when the array has fewer rows, or they do not fit into {@code
   *     target}
   * @throws BadInputException CHANGED, UNREADABLE or UNSUPPORTED (a type that cannot be read)
   */
  public void readRows(long fromRow, int rows, FloatBuffer target) throws BadInputException {
    Objects.checkFromIndexSize(fromRow, rows, layout.shape().dimension(0));
    int width = Math.toIntExact(layout.shape().withoutFirst().elements());
    int count = Math.multiplyExact(rows, width);
    FloatBuffer part = target.slice(target.position(), count);
    if (layout.fortran()) {
      readColumns(fromRow, rows, width, part);
    } else {
      reader.floats(source, layout.type(), layout.order(), layout.position(fromRow * width), part);
    }
    target.position(target.position() + count);
  }

  /** In Fortran order the elements of one column are neighbours: each column is one read. */
  private void readColumns(long fromRow, int rows, int width, FloatBuffer target)
      throws BadInputException {
    TensorShape row = layout.shape().withoutFirst();
    long height = layout.shape().dimension(0);
    FloatBuffer column = FloatBuffer.allocate(rows);
    for (int j = 0; j < width; j++) {
      reader.floats(
          source,
          layout.type(),
          layout.order(),
          layout.position(j * height + fromRow),
          column.clear());
      int at = (int) ArrayLayout.fortranToC(row, j);
      for (int i = 0; i < rows; i++) {
        target.put(i * width + at, column.get(i));
      }
    }
  }

  /**
   * The whole array as float64, in C order; for small arrays.
   *
   * @throws BadInputException UNSUPPORTED beyond 2^26 elements or for a type that cannot be read,
   *     CHANGED or UNREADABLE
   */
  public double[] readDoubles() throws BadInputException {
    long count = layout.shape().elements();
    if (count > MAX_DOUBLES) {
      throw new BadInputException(
          name,
          Reason.UNSUPPORTED,
          "has " + count + " elements, more than the " + MAX_DOUBLES + " that are possible here",
          null);
    }
    double[] values = new double[(int) count];
    reader.doubles(
        source, layout.type(), layout.order(), layout.position(0), DoubleBuffer.wrap(values));
    if (!layout.fortran()) {
      return values;
    }
    double[] ordered = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      ordered[(int) ArrayLayout.fortranToC(layout.shape(), i)] = values[i];
    }
    return ordered;
  }

  /**
   * Fails when the file has vanished (VANISHED) or is not as it was when it was opened (CHANGED).
   * What comes from an archive was copied and checked when it was opened, and does not fail.
   */
  public void verifyUnchanged() throws BadInputException {
    source.verifyUnchanged();
  }

  @Override
  public void close() {
    source.close();
  }
}
