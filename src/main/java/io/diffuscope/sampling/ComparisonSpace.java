package io.diffuscope.sampling;

import io.diffuscope.tensorfile.TensorShape;
import java.util.Locale;

/** In which space samples, points of the sets and endpoints of flows are compared. */
public enum ComparisonSpace {
  /**
   * Under the descriptor where there is one and images are larger than 64x64, or decoded from
   * latents; else as points.
   */
  AUTO,
  /** As points: pixels, latents, or decoded images where there is a decoder. */
  POINTS,
  /** As what the descriptor makes of them. */
  DESCRIPTOR;

  /** Side of the largest images that are compared pixel by pixel unasked. */
  public static final int LARGEST_SIDE = 64;

  /** Whether pixels of such points say little: a copy that is moved by one is far away. */
  public static boolean isLargeImage(TensorShape shape) {
    return shape.rank() == 3
        && (shape.dimension(0) == 1 || shape.dimension(0) == 3)
        && Math.max(shape.dimension(1), shape.dimension(2)) > LARGEST_SIDE;
  }

  /** The word used in the configuration. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
