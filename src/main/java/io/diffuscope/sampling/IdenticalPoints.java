package io.diffuscope.sampling;

import io.diffuscope.data.ContentHash;
import io.diffuscope.data.DataSet;
import io.diffuscope.tensorfile.BadInputException;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.HashMap;
import java.util.Map;

/** Points of a set that are equal in every element, found by their content. */
final class IdenticalPoints {
  private static final int CHUNK_ELEMENTS = 1 << 18;

  private IdenticalPoints() {}

  /**
   * For each point the index of the first one that equals it (its own where it is unique).
   *
   * @param sets taken as one, in this order
   */
  static int[] labels(DataSet... sets) throws BadInputException {
    long total = 0;
    for (DataSet set : sets) {
      total += set.size();
    }
    int[] labels = new int[Math.toIntExact(total)];
    Map<ByteBuffer, Integer> known = new HashMap<>();
    int start = 0;
    for (DataSet set : sets) {
      label(set, start, labels, known);
      start += Math.toIntExact(set.size());
    }
    return labels;
  }

  private static void label(DataSet set, int start, int[] labels, Map<ByteBuffer, Integer> known)
      throws BadInputException {
    int n = Math.toIntExact(set.size());
    int d = Math.toIntExact(set.pointShape().elements());
    int rows = Math.max(1, CHUNK_ELEMENTS / d);
    FloatBuffer values = FloatBuffer.allocate(Math.multiplyExact(rows, d));
    ByteBuffer bytes = ByteBuffer.allocate(d * Float.BYTES);
    for (int first = 0; first < n; first += rows) {
      int count = Math.min(rows, n - first);
      set.read(first, count, values.clear());
      for (int i = 0; i < count; i++) {
        bytes.clear();
        for (int j = 0; j < d; j++) {
          // Adding 0 makes -0 and 0 one value, as they are for a distance.
          bytes.putFloat(values.get(i * d + j) + 0f);
        }
        ByteBuffer digest = ByteBuffer.wrap(ContentHash.digest(bytes.array()));
        int index = start + first + i;
        Integer label = known.putIfAbsent(digest, index);
        labels[index] = label == null ? index : label;
      }
    }
  }
}
