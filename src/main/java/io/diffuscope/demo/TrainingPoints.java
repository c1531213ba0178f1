package io.diffuscope.demo;

/**
 * The training set in memory.
 *
 * @param values {@code count} points of {@code size} numbers, one after the other; not copied
 * @param count number of points
 * @param size numbers per point
 */
@SuppressWarnings("ArrayRecordComponent") // Shared on purpose: the set is read, never compared.
record TrainingPoints(float[] values, int count, int size) {
  TrainingPoints {
    if (count < 1 || size < 1 || (long) count * size != values.length) {
      throw new IllegalArgumentException(
          values.length + " values for " + count + " points of " + size + " numbers");
    }
  }

  float value(int point, int element) {
    return values[point * size + element];
  }
}
