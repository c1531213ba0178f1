package io.diffuscope.data;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.TensorShape;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Compares the shape of an array with the shape that the model takes.
 *
 * @param source the file, for messages
 * @param role what the array is for, for messages
 */
record PointShapes(String source, String role) {

  /** The shape of one point of an array of shape {@code array}. */
  TensorShape match(TensorShape array, @Nullable TensorShape model) throws BadInputException {
    if (array.rank() == 0) {
      throw wrong("is a single number; it must be an array [N, ...] of N points");
    }
    TensorShape row = array.withoutFirst();
    TensorShape point = model == null ? row : matchModel(array, row, model);
    if (array.dimension(0) == 0) {
      throw new BadInputException(
          source, Reason.EMPTY, "the " + role + " has no rows: its shape is " + array, null);
    }
    if (point.rank() == 0 || point.elements() == 0) {
      throw wrong(
          "has the shape " + array + "; it must be an array [N, ...] of N points with coordinates");
    }
    if (point.elements() > Integer.MAX_VALUE / Float.BYTES) {
      throw wrong("has points of shape " + point + ", which is more than fits into a buffer");
    }
    return point;
  }

  private TensorShape matchModel(TensorShape array, TensorShape row, TensorShape model)
      throws BadInputException {
    boolean sameSize = row.elements() == model.elements();
    if (row.equals(model) || (row.rank() == 1 && sameSize)) {
      return model;
    }
    String shapes = "has the shape " + array + " but the model takes points of shape " + model;
    if (row.equals(channelsLast(model))) {
      throw wrong(
          shapes
              + ": its channels come last; transpose it with numpy.transpose(x, "
              + channelsFirst(array.rank())
              + ")");
    }
    throw wrong(
        sameSize
            ? shapes + "; if the order of the values is the same, reshape it with " + reshape(model)
            : shapes + "; choose the data that this model is trained on");
  }

  private static TensorShape channelsLast(TensorShape model) {
    List<Long> sizes = new ArrayList<>(model.dimensions());
    if (!sizes.isEmpty()) {
      sizes.add(sizes.removeFirst());
    }
    return new TensorShape(sizes);
  }

  /** The axes that bring the last one behind the first: {@code (0, 3, 1, 2)} for images. */
  private static String channelsFirst(int rank) {
    StringBuilder axes = new StringBuilder("(0, ").append(rank - 1);
    for (int axis = 1; axis < rank - 1; axis++) {
      axes.append(", ").append(axis);
    }
    return axes.append(')').toString();
  }

  private static String reshape(TensorShape model) {
    String sizes = model.toString();
    return "x.reshape(-1, " + sizes.substring(1, sizes.length() - 1) + ")";
  }

  private BadInputException wrong(String cause) {
    return new BadInputException(source, Reason.WRONG_SHAPE, "the " + role + " " + cause, null);
  }
}
