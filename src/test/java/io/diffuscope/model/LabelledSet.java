package io.diffuscope.model;

import io.diffuscope.data.DataSet;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.FloatBuffer;

/** A set with a class for every point. */
record LabelledSet(DataSet points, int[] labels) implements DataSet {
  static DataSet of(DataSet points, int[] labels) {
    return new LabelledSet(points, labels);
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
  public void close() {
    points.close();
  }
}
