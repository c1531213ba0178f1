package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * A tensor as the pieces of it that lie in files: mostly one, in a distributed checkpoint one for
 * each process that held a part.
 *
 * @param pieces do not overlap, and cover the tensor
 */
record StoredTensor(TensorInfo info, List<Piece> pieces) {
  /** Finds the values of a piece, which may mean to look into its file. */
  @FunctionalInterface
  interface Content {
    StridedArray get() throws BadInputException;
  }

  /**
   * A part of a tensor.
   *
   * @param box which part
   */
  record Piece(TensorBox box, Content content) {}

  StoredTensor {
    pieces = List.copyOf(pieces);
  }

  /** A tensor in one piece. */
  static StoredTensor of(String name, StridedArray array) {
    TensorBox whole =
        new TensorBox(
            array.shape().dimensions().stream().map(size -> 0L).toList(),
            array.shape().dimensions());
    return new StoredTensor(
        new TensorInfo(name, array.type(), array.shape()), List.of(new Piece(whole, () -> array)));
  }

  /**
   * Fills what remains of {@code target} with the elements from {@code from} on, in C order.
   *
   * @throws IndexOutOfBoundsException when the tensor has fewer elements
   * @throws BadInputException as {@link TensorSource#readFloats}
   */
  void read(String file, ElementReader reader, long from, FloatBuffer target)
      throws BadInputException {
    TensorShape shape = info.shape();
    int count = target.remaining();
    Objects.checkFromIndexSize(from, (long) count, shape.elements());
    if (!info.type().isReadable()) {
      throw new BadInputException(
          file,
          Reason.UNSUPPORTED,
          "tensor "
              + Text.quote(info.name())
              + " has the type "
              + info.type()
              + ", which cannot be read; convert it to F32",
          null);
    }
    if (count == 0) {
      return;
    }
    FloatBuffer part = target.slice(target.position(), count);
    List<Long> strides = StridedArray.strides(shape);
    for (TensorBox.Part run : TensorBox.ofRun(shape, from, count)) {
      for (Piece piece : pieces) {
        Optional<TensorBox> common = run.box().intersect(piece.box());
        if (common.isPresent()) {
          TensorBox box = common.get();
          long base = run.offset();
          for (int i = 0; i < shape.rank(); i++) {
            base += (box.start(i) - run.box().start(i)) * strides.get(i);
          }
          StridedArray array = piece.content().get();
          array.read(reader, box.relativeTo(piece.box().starts()), part, base, strides);
        }
      }
    }
    target.position(target.position() + count);
  }
}
