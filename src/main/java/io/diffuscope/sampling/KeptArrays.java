package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.tensorfile.BadInputException;
import java.util.HashMap;
import java.util.Map;

/**
 * Noises and images that every checkpoint sees again, on the device: the first ones, up to {@link
 * #MOST_BYTES}, are kept, the others made anew each time. A counter-based noise costs more than a
 * small network's pass over it, and little beside a large one's.
 */
final class KeptArrays {
  /** Device memory that all kept arrays occupy together. */
  private static final long MOST_BYTES = 1L << 26;

  private final NDManager manager;
  private final Map<Key, NDArray> kept = new HashMap<>();
  private long bytes;

  /**
   * What an array is.
   *
   * @param owner the plan or bank that determines the values
   */
  private record Key(Object owner, String kind, int block) {}

  /** Makes the values on the host, in C order. */
  @FunctionalInterface
  interface Values {
    double[] make() throws BadInputException;
  }

  /** How many arrays of so many elements find room, of those that are asked for first. */
  static long room(long elements) {
    return MOST_BYTES / (elements * Double.BYTES);
  }

  /** Nothing kept yet; {@code manager} will own what is. */
  KeptArrays(NDManager manager) {
    this.manager = manager;
  }

  /**
   * A float64 array. It may belong to this object: it is not to be changed, and what is computed
   * from it is to be attached to another manager.
   *
   * @param scratch owns the array if it is not kept
   */
  NDArray get(Object owner, String kind, int block, Shape shape, NDManager scratch, Values values)
      throws BadInputException {
    Key key = new Key(owner, kind, block);
    NDArray array = kept.get(key);
    if (array == null) {
      long size = shape.size() * Double.BYTES;
      boolean keep = bytes + size <= MOST_BYTES;
      array = (keep ? manager : scratch).create(values.make(), shape);
      if (keep) {
        kept.put(key, array);
        bytes += size;
      }
    }
    return array;
  }
}
