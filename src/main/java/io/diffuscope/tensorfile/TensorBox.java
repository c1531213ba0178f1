package io.diffuscope.tensorfile;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * A box of a tensor: for each dimension where it starts and how far it goes.
 *
 * @param starts one for each dimension
 * @param sizes one for each dimension
 */
record TensorBox(List<Long> starts, List<Long> sizes) {
  TensorBox {
    starts = List.copyOf(starts);
    sizes = List.copyOf(sizes);
  }

  /** A box with the number of its first element, counted from where a run of them began. */
  record Part(TensorBox box, long offset) {}

  long start(int axis) {
    return starts.get(axis);
  }

  long size(int axis) {
    return sizes.get(axis);
  }

  long elements() {
    return sizes.stream().reduce(1L, Math::multiplyExact);
  }

  /** What both have, if anything. */
  Optional<TensorBox> intersect(TensorBox other) {
    Long[] from = new Long[starts.size()];
    Long[] count = new Long[starts.size()];
    for (int i = 0; i < from.length; i++) {
      from[i] = Math.max(start(i), other.start(i));
      long end = Math.min(start(i) + size(i), other.start(i) + other.size(i));
      if (end <= from[i]) {
        return Optional.empty();
      }
      count[i] = end - from[i];
    }
    return Optional.of(new TensorBox(List.of(from), List.of(count)));
  }

  /** Whether any two of them have something in common. */
  static boolean overlap(List<TensorBox> boxes) {
    if (boxes.size() < 2 || boxes.get(0).starts.isEmpty()) {
      return boxes.size() > 1;
    }
    // Along the axis that tells most of them apart, few lie beside each other.
    int axis = 0;
    long most = 0;
    for (int i = 0; i < boxes.get(0).starts.size(); i++) {
      int candidate = i;
      long distinct = boxes.stream().mapToLong(box -> box.start(candidate)).distinct().count();
      if (distinct > most) {
        most = distinct;
        axis = candidate;
      }
    }
    int by = axis;
    List<TensorBox> sorted = new ArrayList<>(boxes);
    sorted.sort(Comparator.comparingLong(box -> box.start(by)));
    for (int i = 0; i < sorted.size(); i++) {
      long end = sorted.get(i).start(by) + sorted.get(i).size(by);
      for (int j = i + 1; j < sorted.size() && sorted.get(j).start(by) < end; j++) {
        if (sorted.get(i).intersect(sorted.get(j)).isPresent()) {
          return true;
        }
      }
    }
    return false;
  }

  /** The same box as seen from {@code origin}. */
  TensorBox relativeTo(List<Long> origin) {
    Long[] from = new Long[starts.size()];
    for (int i = 0; i < from.length; i++) {
      from[i] = start(i) - origin.get(i);
    }
    return new TensorBox(List.of(from), sizes);
  }

  /**
   * The boxes that a run of elements in C order consists of, in that order; at most twice as many
   * as there are dimensions, and one.
   *
   * @param shape without a dimension of size zero
   */
  static List<Part> ofRun(TensorShape shape, long from, long count) {
    List<Long> strides = StridedArray.strides(shape);
    List<Part> parts = new ArrayList<>();
    for (long done = 0; done < count; ) {
      long at = from + done;
      // The outermost axis along which whole slices can be taken from here.
      int axis = shape.rank() - 1;
      while (axis > 0 && at % strides.get(axis - 1) == 0 && strides.get(axis - 1) <= count - done) {
        axis--;
      }
      if (axis < 0) {
        parts.add(new Part(new TensorBox(List.of(), List.of()), done));
        return parts;
      }
      Long[] starts = new Long[shape.rank()];
      Long[] sizes = shape.dimensions().toArray(Long[]::new);
      Arrays.fill(starts, 0L);
      for (int i = 0; i <= axis; i++) {
        starts[i] = at / strides.get(i) % shape.dimension(i);
        sizes[i] = 1L;
      }
      long slices =
          Math.min(shape.dimension(axis) - starts[axis], (count - done) / strides.get(axis));
      sizes[axis] = slices;
      parts.add(new Part(new TensorBox(List.of(starts), List.of(sizes)), done));
      done += slices * strides.get(axis);
    }
    return parts;
  }
}
