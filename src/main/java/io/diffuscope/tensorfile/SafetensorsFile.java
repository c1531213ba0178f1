package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * A safetensors file, opened for reading.
 *
 * <pre>{@code
 * try (SafetensorsFile file = SafetensorsFile.open(checkpoint)) {
 *   for (TensorInfo tensor : file.tensors().values()) {
 *     FloatBuffer values = FloatBuffer.allocate((int) tensor.shape().elements());
 *     file.readFloats(tensor.name(), 0, values);
 *   }
 *   file.verifyUnchanged();
 * }
 * }</pre>
 *
 * <p>Opening reads and checks the whole header; values are read in bounded chunks on demand. What
 * was read is to be trusted only after {@link #verifyUnchanged()}: a trainer may write over the
 * file at any time. Reads by several threads are safe and take turns.
 */
public final class SafetensorsFile implements TensorSource {
  private final Path path;
  private final ByteSource source;
  private final ElementReader reader;
  private final SafetensorsHeader header;
  private final Map<String, TensorInfo> tensors;

  private SafetensorsFile(Path path, ByteSource source, SafetensorsHeader header) {
    this.path = path;
    this.source = source;
    this.reader = new ElementReader(source.size());
    this.header = header;
    Map<String, TensorInfo> infos = new LinkedHashMap<>();
    header.tensors().forEach((name, entry) -> infos.put(name, entry.info()));
    this.tensors = Collections.unmodifiableMap(infos);
  }

  /**
   * Opens a file and checks its header against the format's rules and the file's length.
   *
   * @throws BadInputException VANISHED, UNREADABLE, TRUNCATED, MALFORMED, UNSUPPORTED (a type that
   *     the format does not know) or CHANGED
   */
  public static SafetensorsFile open(Path path) throws BadInputException {
    ByteSource source = FileBytes.open(path);
    try {
      return of(path, source);
    } catch (BadInputException failure) {
      source.close();
      throw failure;
    }
  }

  /** Takes over {@code source}, unless it fails. */
  static SafetensorsFile of(Path path, ByteSource source) throws BadInputException {
    return new SafetensorsFile(path, source, SafetensorsHeader.read(source));
  }

  @Override
  public Path path() {
    return path;
  }

  /** The tensors by name, in the order of their data. */
  @Override
  public Map<String, TensorInfo> tensors() {
    return tensors;
  }

  /**
   * The tensor of a name.
   *
   * @throws BadInputException MISMATCH when there is none
   */
  public TensorInfo tensor(String name) throws BadInputException {
    return header.tensor(name, source).info();
  }

  /** The string map {@code __metadata__}; empty when there is none. */
  public Map<String, String> metadata() {
    return header.metadata();
  }

  /**
   * Fills what remains of {@code target} with the values of a tensor, in C order from element
   * {@code from} on, as float32.
   *
   * @throws IndexOutOfBoundsException when the tensor has fewer elements
   * @throws BadInputException MISMATCH (no such tensor), UNSUPPORTED (a type that cannot be read),
   *     CHANGED or UNREADABLE
   */
  @Override
  public void readFloats(String name, long from, FloatBuffer target) throws BadInputException {
    SafetensorsHeader.Entry entry = header.tensor(name, source);
    reader.floats(
        source,
        entry.info().type(),
        ByteOrder.LITTLE_ENDIAN,
        position(entry, from, target.remaining()),
        target);
  }

  /** As {@link #readFloats}, as float64. */
  public void readDoubles(String name, long from, DoubleBuffer target) throws BadInputException {
    SafetensorsHeader.Entry entry = header.tensor(name, source);
    reader.doubles(
        source,
        entry.info().type(),
        ByteOrder.LITTLE_ENDIAN,
        position(entry, from, target.remaining()),
        target);
  }

  /**
   * Fails when the file has vanished (VANISHED), or its size, time of modification or inode is not
   * what it was when it was opened (CHANGED).
   */
  @Override
  public void verifyUnchanged() throws BadInputException {
    source.verifyUnchanged();
  }

  @Override
  public void close() {
    source.close();
  }

  private long position(SafetensorsHeader.Entry entry, long from, int count)
      throws BadInputException {
    TensorInfo info = entry.info();
    Objects.checkFromIndexSize(from, (long) count, info.shape().elements());
    if (!info.type().isReadable()) {
      throw new BadInputException(
          path,
          Reason.UNSUPPORTED,
          "tensor "
              + Text.quote(info.name())
              + " has the type "
              + info.type()
              + ", which cannot be read; convert it to F32");
    }
    return entry.position() + from * info.type().bytes();
  }
}
