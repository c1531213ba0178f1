package io.diffuscope.tensorfile;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The dimensions of an array, outermost first.
 *
 * @param dimensions non-negative sizes; empty for a scalar
 */
public record TensorShape(List<Long> dimensions) {
  public TensorShape {
    dimensions = List.copyOf(dimensions);
    for (long dimension : dimensions) {
      if (dimension < 0) {
        throw new IllegalArgumentException("negative dimension in " + dimensions);
      }
    }
  }

  public static TensorShape of(long... dimensions) {
    return new TensorShape(Arrays.stream(dimensions).boxed().toList());
  }

  /** Number of elements; throws {@link ArithmeticException} beyond 2^63. */
  public long elements() {
    long product = 1;
    for (long dimension : dimensions) {
      product = Math.multiplyExact(product, dimension);
    }
    return product;
  }

  public int rank() {
    return dimensions.size();
  }

  public long dimension(int axis) {
    return dimensions.get(axis);
  }

  /** The shape of one row: all dimensions but the first. */
  public TensorShape withoutFirst() {
    return new TensorShape(dimensions.subList(1, dimensions.size()));
  }

  /** This shape with one more dimension in front. */
  public TensorShape withFirst(long size) {
    long[] all = new long[dimensions.size() + 1];
    all[0] = size;
    for (int i = 0; i < dimensions.size(); i++) {
      all[i + 1] = dimensions.get(i);
    }
    return of(all);
  }

  public long[] toArray() {
    return dimensions.stream().mapToLong(Long::longValue).toArray();
  }

  /** For example {@code [128, 1, 8, 8]}. */
  @Override
  public String toString() {
    return dimensions.stream().map(String::valueOf).collect(Collectors.joining(", ", "[", "]"));
  }
}
