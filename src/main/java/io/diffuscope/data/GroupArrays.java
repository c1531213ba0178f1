package io.diffuscope.data;

import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import java.nio.FloatBuffer;

/**
 * The groups of a set's points, such as the patient of each image or the video of each frame: an
 * array file of integers {@code [N]}, where the same integer is the same group in both sets.
 */
public final class GroupArrays {
  private static final int CHUNK = 1 << 16;

  /** The largest one: integers to it are exact in the numbers that they are read as. */
  private static final int LARGEST = 1 << 24;

  private GroupArrays() {}

  /**
   * Reads them.
   *
   * @param spec {@code FILE} or {@code FILE:NAME}
   * @param points number of points that they belong to
   * @throws BadInputException as {@link ArrayFile#open}; UNSUPPORTED (no integers), WRONG_SHAPE,
   *     MALFORMED (a group below 0 or above 2^24, naming its row)
   */
  public static int[] read(String spec, long points) throws BadInputException {
    try (ArrayFile file = ArrayFile.open(spec)) {
      if (!LabelArrays.areLabels(file.type(), file.shape(), points)) {
        throw new BadInputException(
            file.source(),
            Reason.WRONG_SHAPE,
            "groups of type %s and shape %s for %d points: give one integer a point, [%d], in the points' order"
                .formatted(file.type(), file.shape(), points, points),
            null);
      }
      int[] groups = new int[Math.toIntExact(points)];
      FloatBuffer chunk = FloatBuffer.allocate(Math.min(CHUNK, groups.length));
      for (int from = 0; from < groups.length; from += chunk.limit()) {
        chunk.clear().limit(Math.min(CHUNK, groups.length - from));
        file.readRows(from, chunk.limit(), chunk);
        chunk.flip();
        for (int i = 0; i < chunk.limit(); i++) {
          groups[from + i] = group(file, from + i, chunk.get(i));
        }
      }
      file.verifyUnchanged();
      return groups;
    }
  }

  private static int group(ArrayFile file, int row, float value) throws BadInputException {
    if (!(value >= 0 && value <= LARGEST)) {
      throw new BadInputException(
          file.source(),
          Reason.MALFORMED,
          "the group of row %d (counted from 0) is %.0f; groups are 0 to %d, and a point of no group is a group of its own"
              .formatted(row, value, LARGEST),
          null);
    }
    return (int) value;
  }
}
