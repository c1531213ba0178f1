package io.diffuscope.data;

import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.ElementType;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.FloatBuffer;

/** Reads classes of points: arrays of integers {@code [N]}. */
final class LabelArrays {
  /** Float32, through which they are read, holds all whole numbers up to here. */
  private static final int MOST_LABEL = 1 << 24;

  private static final int CHUNK = 1 << 16;

  /** Where labels are read from, by blocks. */
  @FunctionalInterface
  interface Source {
    void read(long from, FloatBuffer target) throws BadInputException;
  }

  private LabelArrays() {}

  /** Whether an array can be the labels of so many points. */
  static boolean areLabels(ElementType type, TensorShape shape, long points) {
    return isInteger(type) && shape.rank() == 1 && shape.dimension(0) == points;
  }

  /**
   * The labels in a file of their own, or in an array beside the points.
   *
   * @param spec {@code FILE} or {@code FILE:NAME}
   * @param points number of points that they belong to
   * @throws BadInputException as {@link ArrayFile#open}; UNSUPPORTED (no integers), WRONG_SHAPE,
   *     MALFORMED (a label that is negative or too large, naming its row)
   */
  static int[] read(String spec, long points) throws BadInputException {
    try (ArrayFile file = ArrayFile.open(spec)) {
      check(file.source(), file.type(), file.shape(), points);
      int[] labels = new int[Math.toIntExact(points)];
      fill(
          file.source(),
          labels,
          0,
          labels.length,
          (from, target) -> file.readRows(from, target.remaining(), target));
      file.verifyUnchanged();
      return labels;
    }
  }

  /** Fails unless an array can be the labels of so many points. */
  static void check(String source, ElementType type, TensorShape shape, long points)
      throws BadInputException {
    if (!isInteger(type)) {
      throw new BadInputException(
          source,
          Reason.UNSUPPORTED,
          "labels of type "
              + type
              + ": give one integer a point, for one-hot rows with x.argmax(1)",
          null);
    }
    if (!areLabels(type, shape, points)) {
      throw new BadInputException(
          source,
          Reason.WRONG_SHAPE,
          "labels of shape "
              + shape
              + " for "
              + points
              + " points: give an array ["
              + points
              + "], one integer a point in the points' order",
          null);
    }
  }

  private static boolean isInteger(ElementType type) {
    return switch (type) {
      case I64, U64, I32, U32, I16, U16, I8, U8 -> true;
      default -> false;
    };
  }

  /**
   * Reads {@code count} labels into {@code labels}, from position {@code at} on.
   *
   * @throws BadInputException MALFORMED, naming the row
   */
  static void fill(String source, int[] labels, int at, int count, Source values)
      throws BadInputException {
    FloatBuffer chunk = FloatBuffer.allocate(Math.min(CHUNK, count));
    for (int from = 0; from < count; from += chunk.limit()) {
      chunk.clear().limit(Math.min(CHUNK, count - from));
      values.read(from, chunk);
      chunk.flip();
      for (int i = 0; i < chunk.limit(); i++) {
        float label = chunk.get(i);
        if (!(label >= 0) || label > MOST_LABEL) {
          throw new BadInputException(
              source,
              Reason.MALFORMED,
              "the label of row %d (counted from 0) is %.0f; labels are 0 to the number of classes"
                      .formatted(from + i, label)
                  + " less 1, and points without a class have to be left out",
              null);
        }
        labels[at + from + i] = (int) label;
      }
    }
  }
}
