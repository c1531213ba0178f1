package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * An array somewhere in a file, its elements at regular distances: as PyTorch stores transposed
 * tensors, tensors in the layout {@code channels_last}, and parts of larger ones.
 *
 * @param position of the first element, in bytes
 * @param strides the distance of neighbours along each dimension, in elements; not negative
 */
record StridedArray(
    ByteSource source,
    ElementType type,
    ByteOrder order,
    long position,
    TensorShape shape,
    List<Long> strides) {
  /** The most elements that are read at once where they do not lie in order. */
  private static final int MOST_AT_ONCE = 1 << 18;

  /** A stretch that is read whole although only some of it is wanted. */
  private static final int SMALL_STRETCH = 1 << 10;

  private static final int WORST_WASTE = 8;

  /** Repeated values can make any size of a few bytes. */
  private static final long MOST_REPEATED = 1L << 24;

  StridedArray {
    strides = List.copyOf(strides);
  }

  /** An array in C order. */
  static StridedArray inOrder(
      ByteSource source, ElementType type, ByteOrder order, long position, TensorShape shape) {
    return new StridedArray(source, type, order, position, shape, strides(shape));
  }

  /** The distances of neighbours in C order. */
  static List<Long> strides(TensorShape shape) {
    Long[] strides = new Long[shape.rank()];
    long product = 1;
    for (int axis = shape.rank() - 1; axis >= 0; axis--) {
      strides[axis] = product;
      product *= shape.dimension(axis);
    }
    return List.of(strides);
  }

  /** An axis of a box: how many steps, how far each goes here, and how far in the target. */
  private record Axis(long size, long stride, long targetStride) {}

  /**
   * Reads a box of elements as float32.
   *
   * @param box which elements, in this array's coordinates
   * @param target where they go, at absolute positions
   * @param base the position of the box's first element
   * @param targetStrides the distances of neighbours in the target
   * @throws BadInputException UNSUPPORTED (a type that cannot be read), CHANGED or UNREADABLE
   */
  void read(
      ElementReader reader, TensorBox box, FloatBuffer target, long base, List<Long> targetStrides)
      throws BadInputException {
    long at = 0;
    List<Axis> axes = new ArrayList<>();
    for (int i = 0; i < shape.rank(); i++) {
      at += box.start(i) * strides.get(i);
      if (box.size(i) == 0) {
        return;
      }
      if (box.size(i) > 1) {
        axes.add(new Axis(box.size(i), strides.get(i), targetStrides.get(i)));
      }
    }
    axes.sort(Comparator.comparingLong(Axis::stride).thenComparingLong(Axis::targetStride));
    checkRepeats(axes);
    long run = denseRun(axes);
    if (run >= 0) {
      reader.floats(
          source,
          type,
          order,
          position + at * type.bytes(),
          target.slice(Math.toIntExact(base), Math.toIntExact(run)));
    } else {
      new Gather(reader, axes, target).read(at, base);
    }
  }

  private void checkRepeats(List<Axis> axes) throws BadInputException {
    long elements = 1;
    boolean repeats = false;
    for (Axis axis : axes) {
      elements = Math.multiplyExact(elements, axis.size);
      repeats |= axis.stride == 0;
    }
    if (repeats && elements > MOST_REPEATED) {
      throw new BadInputException(
          source.name(),
          Reason.UNSUPPORTED,
          "has an expanded tensor of "
              + elements
              + " elements, which repeats a few values; save its contiguous() copy",
          null);
    }
  }

  /** The number of elements when they lie in the file as they do in the target, else -1. */
  private static long denseRun(List<Axis> axes) {
    long run = 1;
    for (Axis axis : axes) {
      if (axis.stride != run || axis.targetStride != run) {
        return -1;
      }
      run *= axis.size;
    }
    return run;
  }

  /**
   * Reads stretches of the file that are dense enough, and distributes their elements. The axes
   * with the smallest strides form a stretch; as much of the next one as fits is a tile.
   */
  private final class Gather {
    private final ElementReader reader;
    private final FloatBuffer target;
    private final List<Axis> axes;
    private final int inner;
    private final long tile;
    private final float[] values;

    Gather(ElementReader reader, List<Axis> axes, FloatBuffer target) {
      this.reader = reader;
      this.target = target;
      this.axes = axes;
      long span = 1;
      long count = 1;
      int whole = 0;
      while (whole < axes.size() && fits(span, count, axes.get(whole), axes.get(whole).size)) {
        span += (axes.get(whole).size - 1) * axes.get(whole).stride;
        count *= axes.get(whole).size;
        whole++;
      }
      long part = 1;
      if (whole < axes.size()) {
        Axis next = axes.get(whole);
        // The most that stays within one stretch, if that is dense enough.
        long most = next.stride == 0 ? next.size : 1 + (MOST_AT_ONCE - span) / next.stride;
        part = Math.clamp(most, 1, next.size);
        if (!fits(span, count, next, part)) {
          part = 1;
        }
        span += (part - 1) * next.stride;
      }
      this.inner = whole;
      this.tile = part;
      this.values = new float[(int) span];
    }

    private static boolean fits(long span, long count, Axis axis, long size) {
      long longest = axis.stride == 0 ? Long.MAX_VALUE : (MOST_AT_ONCE - span) / axis.stride;
      if (size - 1 > longest || count > MOST_AT_ONCE) {
        return false;
      }
      long stretch = span + (size - 1) * axis.stride;
      return stretch <= SMALL_STRETCH || stretch / WORST_WASTE <= count * size;
    }

    void read(long at, long base) throws BadInputException {
      outer(axes.size() - 1, at, base);
    }

    /** Axes beyond the stretch, the largest strides outermost. */
    private void outer(int axis, long at, long base) throws BadInputException {
      if (axis < inner) {
        stretch(at, base, 0);
        return;
      }
      Axis steps = axes.get(axis);
      if (axis > inner) {
        for (long i = 0; i < steps.size; i++) {
          outer(axis - 1, at + i * steps.stride, base + i * steps.targetStride);
        }
        return;
      }
      for (long i = 0; i < steps.size; i += tile) {
        long count = Math.min(tile, steps.size - i);
        stretch(at + i * steps.stride, base + i * steps.targetStride, count);
      }
    }

    /** One read; {@code count} steps of the tiled axis, 0 where there is none. */
    private void stretch(long at, long base, long count) throws BadInputException {
      long span = 1;
      for (Axis axis : axes.subList(0, inner)) {
        span += (axis.size - 1) * axis.stride;
      }
      if (count > 0) {
        span += (count - 1) * axes.get(inner).stride;
      }
      reader.floats(
          source,
          type,
          order,
          position + at * type.bytes(),
          FloatBuffer.wrap(values, 0, Math.toIntExact(span)));
      if (count == 0) {
        spread(inner - 1, 0, base);
        return;
      }
      Axis tiled = axes.get(inner);
      for (long i = 0; i < count; i++) {
        spread(inner - 1, i * tiled.stride, base + i * tiled.targetStride);
      }
    }

    private void spread(int axis, long from, long base) {
      if (axis < 0) {
        target.put((int) base, values[(int) from]);
        return;
      }
      Axis steps = axes.get(axis);
      if (axis == 0) {
        int to = (int) base;
        int index = (int) from;
        for (int i = 0; i < steps.size; i++) {
          target.put(to, values[index]);
          to += (int) steps.targetStride;
          index += (int) steps.stride;
        }
        return;
      }
      for (long i = 0; i < steps.size; i++) {
        spread(axis - 1, from + i * steps.stride, base + i * steps.targetStride);
      }
    }
  }
}
