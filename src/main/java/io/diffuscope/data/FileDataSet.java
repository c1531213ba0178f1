package io.diffuscope.data;

import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.FloatBuffer;
import java.util.Objects;

/** A set that is read from its file by blocks of rows, because it may not fit into memory. */
final class FileDataSet implements DataSet {
  private final ArrayFile file;
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
    this.file = file;
    this.pointShape = pointShape;
    this.width = Math.toIntExact(pointShape.elements());
  }

  @Override
  public String source() {
    return file.source();
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
    Objects.checkFromIndexSize(from, count, size());
    Objects.checkFromIndexSize(0, Math.multiplyExact(count, width), target.remaining());
    FloatBuffer block = target.slice(target.position(), count * width);
    file.readRows(from, count, block);
    file.verifyUnchanged();
    PointValues.convert(source(), file.type(), block.flip(), from, width);
    target.position(target.position() + count * width);
  }

  @Override
  public void close() {
    file.close();
  }
}
