package io.diffuscope.sampling;

import io.diffuscope.data.DataSet;
import io.diffuscope.tensorfile.BadInputException;
import java.nio.FloatBuffer;
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Some images of both sets, evenly spread over each: those of the training set, then those of the
 * hold-out set.
 *
 * @param holdout the hold-out points that are compared; null without any
 * @param trainImages how many images of the training set
 * @param holdoutImages how many of the hold-out set
 */
public record SetImages(
    DataSet train, @Nullable DataSet holdout, int trainImages, int holdoutImages) {
  /** At most {@code most} images of each set. */
  static SetImages of(DataSet train, @Nullable DataSet holdout, int most) {
    return new SetImages(
        train,
        holdout,
        number(train.size(), most),
        holdout == null ? 0 : number(holdout.size(), most));
  }

  /** How many images of a set take part. */
  public static int number(long setSize, int most) {
    return (int) Math.min(setSize, most);
  }

  int count() {
    return trainImages + holdoutImages;
  }

  /** The set that an image is of. */
  DataSet set(int index) {
    return index < trainImages || holdout == null ? train : holdout;
  }

  /** Position of an image among those of its set. */
  int position(int index) {
    return index < trainImages ? index : index - trainImages;
  }

  /** Index of an image in its set. */
  int image(int index) {
    int images = index < trainImages ? trainImages : holdoutImages;
    return (int) (position(index) * set(index).size() / images);
  }

  /**
   * Images in C order, {@code [batch, d]}; rows beyond {@code rows} are zeros.
   *
   * @param index which image is in a row
   */
  double[] values(int rows, int batch, IntUnaryOperator index) throws BadInputException {
    int d = Math.toIntExact(train.pointShape().elements());
    double[] values = new double[batch * d];
    FloatBuffer image = FloatBuffer.allocate(d);
    for (int i = 0; i < rows; i++) {
      int which = index.applyAsInt(i);
      set(which).read(image(which), 1, image.clear());
      for (int j = 0; j < d; j++) {
        values[i * d + j] = image.get(j);
      }
    }
    return values;
  }
}
