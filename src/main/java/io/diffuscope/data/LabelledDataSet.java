package io.diffuscope.data;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.FloatBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A set with the classes of its points. Closing it closes the set. */
final class LabelledDataSet implements DataSet {
  private final DataSet points;
  private final int[] labels;
  private final @Nullable List<String> classNames;

  /**
   * Takes over the set.
   *
   * @param labels {@code [N]}, 0 or above
   */
  LabelledDataSet(DataSet points, int[] labels) {
    this(points, labels, null);
  }

  /**
   * Takes over the set.
   *
   * @param classNames what class i is called
   */
  LabelledDataSet(DataSet points, int[] labels, @Nullable List<String> classNames) {
    if (labels.length != points.size()) {
      throw new IllegalArgumentException(
          points.source() + ": " + labels.length + " labels for " + points.size() + " points");
    }
    for (int label : labels) {
      if (label < 0) {
        throw new IllegalArgumentException(points.source() + ": a label is " + label);
      }
    }
    this.points = points;
    this.labels = labels.clone();
    this.classNames = classNames == null ? null : List.copyOf(classNames);
  }

  @Override
  public String source() {
    return points.source();
  }

  @Override
  public long size() {
    return points.size();
  }

  @Override
  public TensorShape pointShape() {
    return points.pointShape();
  }

  @Override
  public String contentKey() throws BadInputException {
    return points.contentKey();
  }

  @Override
  public void read(long from, int count, FloatBuffer target) throws BadInputException {
    points.read(from, count, target);
  }

  @Override
  public int[] labels() {
    return labels.clone();
  }

  @Override
  public @Nullable List<String> classNames() {
    return classNames;
  }

  @Override
  public void close() {
    points.close();
  }
}
