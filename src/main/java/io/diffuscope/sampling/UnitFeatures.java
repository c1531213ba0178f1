package io.diffuscope.sampling;

import io.diffuscope.data.DataSet;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.FloatBuffer;

/**
 * Features divided by their lengths, so that their inner products are cosine similarities. Features
 * that have length 1 already stay as they are but for rounding.
 *
 * @param features closed with this
 */
record UnitFeatures(DataSet features) implements DataSet {
  @Override
  public String source() {
    return features.source();
  }

  @Override
  public long size() {
    return features.size();
  }

  @Override
  public TensorShape pointShape() {
    return features.pointShape();
  }

  @Override
  public String contentKey() throws BadInputException {
    return features.contentKey();
  }

  @Override
  public void read(long from, int count, FloatBuffer target) throws BadInputException {
    int d = Math.toIntExact(features.pointShape().elements());
    int start = target.position();
    features.read(from, count, target);
    for (int i = 0; i < count; i++) {
      int row = start + i * d;
      double squared = 0;
      for (int j = 0; j < d; j++) {
        double value = target.get(row + j);
        squared += value * value;
      }
      if (squared == 0) {
        throw new BadInputException(
            source(),
            Reason.NON_FINITE,
            "the descriptor returns nothing but zeros for point %d: it has no cosine similarity to anything; check that the preset belongs to the descriptor"
                .formatted(from + i),
            null);
      }
      double length = Math.sqrt(squared);
      for (int j = 0; j < d; j++) {
        target.put(row + j, (float) (target.get(row + j) / length));
      }
    }
  }

  @Override
  public void close() {
    features.close();
  }
}
