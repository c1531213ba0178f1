package io.diffuscope.data;

import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.ElementType;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A set that is read from its file by blocks of rows, because it may not fit into memory. */
final class FileDataSet implements StoredDataSet {
  private final ArrayFile file;
  private final String source;
  private final @Nullable Path temporary;
  private final TensorShape pointShape;
  private final int width;
  private final ContentKey contentKey = new ContentKey();

  /**
   * Takes over the file.
   *
   * @param file an array of at least one row, of a floating-point type or uint8
   * @param pointShape a shape with as many elements as a row
   */
  FileDataSet(ArrayFile file, TensorShape pointShape) {
    this(file, pointShape, file.source());
  }

  /**
   * Takes over a file that was made from something else.
   *
   * @param source what the user knows the set by
   */
  FileDataSet(ArrayFile file, TensorShape pointShape, String source) {
    this(file, pointShape, source, null);
  }

  /**
   * Takes over a file.
   *
   * @param temporary the same file, where it goes away with this object
   */
  FileDataSet(ArrayFile file, TensorShape pointShape, String source, @Nullable Path temporary) {
    this.file = file;
    this.temporary = temporary;
    this.source = source;
    this.pointShape = pointShape;
    this.width = Math.toIntExact(pointShape.elements());
  }

  @Override
  public String source() {
    return source;
  }

  @Override
  public long size() {
    return file.shape().dimension(0);
  }

  @Override
  public TensorShape pointShape() {
    return pointShape;
  }

  @Override
  public String contentKey() throws BadInputException {
    return contentKey.of(this);
  }

  @Override
  public void read(long from, int count, FloatBuffer target) throws BadInputException {
    int start = target.position();
    readStored(from, count, target);
    PointValues.convert(source, file.type(), target.slice(start, count * width), from, width);
  }

  @Override
  public ElementType type() {
    return file.type();
  }

  @Override
  public void readStored(long from, int count, FloatBuffer target) throws BadInputException {
    Objects.checkFromIndexSize(from, count, size());
    Objects.checkFromIndexSize(0, Math.multiplyExact(count, width), target.remaining());
    file.readRows(from, count, target);
    file.verifyUnchanged();
  }

  @Override
  public void close() {
    file.close();
    if (temporary != null) {
      delete(temporary);
    }
  }

  static void delete(Path temporary) {
    try {
      Files.deleteIfExists(temporary);
    } catch (IOException harmless) {
      // It is deleted when this process ends.
    }
  }
}
