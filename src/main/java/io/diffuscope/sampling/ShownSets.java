package io.diffuscope.sampling;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.data.DataSet;
import io.diffuscope.feature.FeatureMap;
import io.diffuscope.tensorfile.BadInputException;
import java.nio.FloatBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The sets as pictures are drawn of them.
 *
 * @param holdout null without one
 * @param images makes images of their points
 */
record ShownSets(DataSet train, @Nullable DataSet holdout, FeatureMap images) {
  /** Enough to see which values are black and white. */
  private static final int FIRST = 64;

  /** The image of a point. */
  float[] image(DataSet set, int index, NDManager manager) throws BadInputException {
    return images(set, index, 1, manager);
  }

  /** Images of the first training points; all of them where they need not be made. */
  DataSet first(NDManager manager) throws BadInputException {
    if (images.isIdentity()) {
      return train;
    }
    int count = (int) Math.min(FIRST, train.size());
    return DataSet.of(train.source(), images.shape(), images(train, 0, count, manager));
  }

  private float[] images(DataSet set, int first, int count, NDManager manager)
      throws BadInputException {
    int elements = Math.toIntExact(set.pointShape().elements());
    FloatBuffer values = FloatBuffer.allocate(Math.multiplyExact(count, elements));
    set.read(first, count, values);
    if (images.isIdentity()) {
      return values.array();
    }
    try (NDManager scratch = manager.newSubManager()) {
      return images
          .apply(scratch.create(values.array(), new Shape(count, elements)))
          .toFloatArray();
    }
  }
}
