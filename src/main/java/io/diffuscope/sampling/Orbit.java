package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.TensorShape;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * What an augmentation makes of an image: itself, and its mirror image. Mirroring keeps distances,
 * so the smallest distance over the orbits of two images is that over the orbit of one of them.
 */
final class Orbit {
  /** Of points that are no images, or were shown as they are: each point alone. */
  static final Orbit SINGLE = new Orbit(1, 1);

  private final int rows;
  private final int width;

  private Orbit(int rows, int width) {
    this.rows = rows;
    this.width = width;
  }

  /**
   * The orbits under an augmentation.
   *
   * @param shape of what is compared
   * @param source where the shape comes from, for messages
   * @throws BadInputException UNSUPPORTED where the points are no images
   */
  static Orbit of(Augmentation augment, TensorShape shape, String source) throws BadInputException {
    if (augment == Augmentation.NONE) {
      return SINGLE;
    }
    if (shape.rank() != 3 || (shape.dimension(0) != 1 && shape.dimension(0) != 3)) {
      throw new BadInputException(
          source,
          Reason.UNSUPPORTED,
          ("points of shape %s are no images [1 or 3, height, width], so nothing can be mirrored:"
                  + " leave out --augment %s (neighbours.augment)")
              .formatted(shape, augment.label()),
          null);
    }
    int width = Math.toIntExact(shape.dimension(2));
    return new Orbit(Math.toIntExact(shape.elements()) / width, width);
  }

  /** Whether every point is alone. */
  boolean isSingle() {
    return this == SINGLE;
  }

  /**
   * The points of the orbits, one array for each element of the group: the given one first.
   *
   * @param points {@code [count, d]}
   * @param owner owns the arrays that are made
   */
  List<NDArray> of(NDArray points, NDManager owner) {
    if (isSingle()) {
      return List.of(points);
    }
    Shape flat = points.getShape();
    try (NDManager scratch = owner.newSubManager()) {
      NDArray images = points.reshape(flat.get(0), rows, width);
      images.attach(scratch);
      NDArray flipped = images.flip(2);
      flipped.attach(scratch);
      // The flipped array may be a view.
      NDArray mirrored = flipped.reshape(flat).duplicate();
      mirrored.attach(owner);
      return List.of(points, mirrored);
    }
  }

  /** The mirror image of one point, into another array; only where points are not single. */
  void mirror(float[] point, float[] target) {
    for (int row = 0; row < rows; row++) {
      for (int x = 0; x < width; x++) {
        target[row * width + x] = point[row * width + width - 1 - x];
      }
    }
  }

  /**
   * One of each point's orbit, by chance, in place.
   *
   * @param points in C order
   * @return the points
   */
  double[] someMirrored(double[] points, RandomGenerator random) {
    if (isSingle()) {
      return points;
    }
    for (int from = 0; from < points.length; from += rows * width) {
      if (random.nextBoolean()) {
        for (int row = from; row < from + rows * width; row += width) {
          for (int x = 0; x < width / 2; x++) {
            double kept = points[row + x];
            points[row + x] = points[row + width - 1 - x];
            points[row + width - 1 - x] = kept;
          }
        }
      }
    }
    return points;
  }
}
