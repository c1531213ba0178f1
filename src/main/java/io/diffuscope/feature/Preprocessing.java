package io.diffuscope.feature;

import io.diffuscope.tensorfile.TensorShape;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What is done with an image before a descriptor sees it, and with what the descriptor returns.
 *
 * @param roundToBytes whether images are first rounded to 8 bits as a saved PNG is, {@code
 *     floor(clip(127.5 x + 128, 0, 255))} as in EDM's {@code generate.py}; otherwise only clipped
 *     to [-1, 1]
 * @param resize what becomes of the sides
 * @param size sides after resizing, where they change
 * @param interpolation how they are resized
 * @param crop side of the square that is cut out of the middle; null: nothing is cut off
 * @param mean subtracted from the channels, in [0, 1], red, green, blue
 * @param std divides the channels, red, green, blue
 * @param channels order in which the descriptor takes the channels
 * @param unitLength whether features are divided by their Euclidean length
 */
public record Preprocessing(
    boolean roundToBytes,
    Resize resize,
    int size,
    Interpolation interpolation,
    @Nullable Integer crop,
    List<Double> mean,
    List<Double> std,
    Channels channels,
    boolean unitLength) {
  /** Channels that every descriptor takes. */
  static final int RGB_CHANNELS = 3;

  /** A descriptor of larger images would need more memory than a monitor should take. */
  private static final int MOST_SIZE = 2048;

  /** What becomes of the sides of an image. */
  public enum Resize {
    /** Both sides get the size. */
    SQUARE,
    /** The shorter side gets the size, and the other one follows. */
    SHORT_EDGE,
    /** Images keep their sides. */
    NONE;

    /** The word used in the configuration. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Orders of channels. */
  public enum Channels {
    RGB,
    BGR;

    /** The word used in the configuration. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Height and width. */
  record Sides(int height, int width) {}

  public Preprocessing {
    mean = List.copyOf(mean);
    std = List.copyOf(std);
    require(
        resize == Resize.NONE || (size >= 1 && size <= MOST_SIZE),
        "size must be 1 to %d, not %d".formatted(MOST_SIZE, size));
    require(crop == null || crop >= 1, "crop must be at least 1, not %s".formatted(crop));
    require(
        mean.size() == RGB_CHANNELS && mean.stream().allMatch(Double::isFinite),
        "mean must be three numbers, not %s".formatted(mean));
    require(
        std.size() == RGB_CHANNELS && std.stream().allMatch(s -> s > 0 && Double.isFinite(s)),
        "std must be three numbers above 0, not %s".formatted(std));
  }

  private static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new IllegalArgumentException(otherwise);
    }
  }

  /**
   * Sides of an image after resizing, before cropping; as torchvision's {@code Resize}.
   *
   * @throws IllegalArgumentException where they are too large, or smaller than what is cut out
   */
  Sides resized(int height, int width) {
    Sides sides =
        switch (resize) {
          case NONE -> new Sides(height, width);
          case SQUARE -> new Sides(size, size);
          case SHORT_EDGE ->
              height <= width
                  ? new Sides(size, longEdge(width, height))
                  : new Sides(longEdge(height, width), size);
        };
    if (crop != null && crop > Math.min(sides.height, sides.width)) {
      throw new IllegalArgumentException(
          "a square of %d cannot be cut out of images of %d x %d; resize to a larger size"
              .formatted(crop, sides.height, sides.width));
    }
    if (Math.max(sides.height, sides.width) > MOST_SIZE) {
      throw new IllegalArgumentException(
          "images become %d x %d, more than %d on a side; use resize square"
              .formatted(sides.height, sides.width, MOST_SIZE));
    }
    return sides;
  }

  private int longEdge(int longer, int shorter) {
    return Math.toIntExact((long) size * longer / shorter);
  }

  /** Sides of what the descriptor gets. */
  Sides given(Sides resized) {
    return crop == null ? resized : new Sides(crop, crop);
  }

  /**
   * Checks that points are images that this can be done with.
   *
   * @throws IllegalArgumentException saying why not
   */
  void requireImages(TensorShape shape) {
    boolean images =
        shape.rank() == RGB_CHANNELS
            && (shape.dimension(0) == 1 || shape.dimension(0) == RGB_CHANNELS);
    require(
        images,
        "a descriptor compares images [3, height, width] or [1, height, width], and points have shape %s"
            .formatted(shape));
    resized(Math.toIntExact(shape.dimension(1)), Math.toIntExact(shape.dimension(2)));
  }
}
