package io.diffuscope.sampling;

import io.diffuscope.data.ContentHash;
import io.diffuscope.data.DataSet;
import io.diffuscope.tensorfile.BadInputException;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.HashMap;
import java.util.Map;

/** Points of a set that are equal in every element, or mirror images, found by their content. */
final class IdenticalPoints {
  private static final int CHUNK_ELEMENTS = 1 << 18;

  private IdenticalPoints() {}

  /**
   * For each point the index of the first one that equals it, or is of its orbit (its own where it
   * is unique).
   *
   * @param sets taken as one, in this order
   */
  static int[] labels(Orbit orbit, DataSet... sets) throws BadInputException {
    long total = 0;
    for (DataSet set : sets) {
      total += set.size();
    }
    int[] labels = new int[Math.toIntExact(total)];
    Map<ByteBuffer, Integer> known = new HashMap<>();
    int start = 0;
    for (DataSet set : sets) {
      label(orbit, set, start, labels, known);
      start += Math.toIntExact(set.size());
    }
    return labels;
  }

  private static void label(
      Orbit orbit, DataSet set, int start, int[] labels, Map<ByteBuffer, Integer> known)
      throws BadInputException {
    int n = Math.toIntExact(set.size());
    int d = Math.toIntExact(set.pointShape().elements());
    int rows = Math.max(1, CHUNK_ELEMENTS / d);
    FloatBuffer values = FloatBuffer.allocate(Math.multiplyExact(rows, d));
    float[] point = new float[d];
    float[] mirrored = new float[orbit.isSingle() ? 0 : d];
    for (int first = 0; first < n; first += rows) {
      int count = Math.min(rows, n - first);
      set.read(first, count, values.clear());
      for (int i = 0; i < count; i++) {
        values.get(i * d, point);
        ByteBuffer digest = digest(point);
        if (!orbit.isSingle()) {
          orbit.mirror(point, mirrored);
          ByteBuffer other = digest(mirrored);
          digest = other.compareTo(digest) < 0 ? other : digest;
        }
        int index = start + first + i;
        Integer label = known.putIfAbsent(digest, index);
        labels[index] = label == null ? index : label;
      }
    }
  }

  private static ByteBuffer digest(float[] point) {
    ByteBuffer bytes = ByteBuffer.allocate(point.length * Float.BYTES);
    for (float value : point) {
      // Adding 0 makes -0 and 0 one value, as they are for a distance.
      bytes.putFloat(value + 0f);
    }
    return ByteBuffer.wrap(ContentHash.digest(bytes.array()));
  }
}
