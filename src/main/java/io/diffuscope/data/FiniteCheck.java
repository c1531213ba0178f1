package io.diffuscope.data;

import java.nio.FloatBuffer;

/** Looks for values that no computation could use. */
final class FiniteCheck {
  private FiniteCheck() {}

  /** The index, from the buffer's position, of the first NaN or infinity; -1 when there is none. */
  static int firstNonFinite(FloatBuffer values) {
    for (int i = values.position(); i < values.limit(); i++) {
      if (!Float.isFinite(values.get(i))) {
        return i - values.position();
      }
    }
    return -1;
  }
}
