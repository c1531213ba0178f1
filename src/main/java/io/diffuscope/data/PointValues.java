package io.diffuscope.data;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.ElementType;
import java.nio.FloatBuffer;

/** From the numbers in a file to points in the model's own space. */
final class PointValues {
  /** Maps the 256 levels of an image onto [-1, 1], in float32 as training programs do. */
  private static final float HALF_RANGE = 127.5f;

  private static final float[] OF_LEVEL = new float[256];

  static {
    for (int level = 0; level < OF_LEVEL.length; level++) {
      OF_LEVEL[level] = level / HALF_RANGE - 1;
    }
  }

  private PointValues() {}

  /** The value of one of the 256 levels of an image. */
  static float ofLevel(int level) {
    return OF_LEVEL[level];
  }

  /**
   * Fails unless points can be made of such elements.
   *
   * @param role what the set is for, for messages
   * @throws BadInputException UNSUPPORTED
   */
  static void checkType(String source, String role, ElementType type) throws BadInputException {
    if (!type.isFloatingPoint() && type != ElementType.U8) {
      throw new BadInputException(
          source,
          Reason.UNSUPPORTED,
          "the "
              + role
              + " has elements of type "
              + type
              + "; save it as float32 in the model's own space, or as uint8 images",
          null);
    }
  }

  /**
   * Scales uint8 images to [-1, 1] and checks that all others are finite, in place.
   *
   * @param block rows as they were read, from 0 to the limit
   * @param firstRow index of the first one, for messages
   * @param width elements of one row
   * @throws BadInputException NON_FINITE, naming the row
   */
  static void convert(String source, ElementType type, FloatBuffer block, long firstRow, int width)
      throws BadInputException {
    if (type == ElementType.U8) {
      for (int i = 0; i < block.limit(); i++) {
        block.put(i, ofLevel((int) block.get(i)));
      }
      return;
    }
    int flaw = FiniteCheck.firstNonFinite(block);
    if (flaw >= 0) {
      throw new BadInputException(
          source,
          Reason.NON_FINITE,
          "row "
              + (firstRow + flaw / width)
              + " (counted from 0) holds "
              + block.get(flaw)
              + "; remove or mend the row",
          null);
    }
  }
}
