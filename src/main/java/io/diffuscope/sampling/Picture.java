package io.diffuscope.sampling;

/**
 * A small image of 8 bits.
 *
 * @param channels 1 for gray, 3 for red, green and blue
 * @param height pixels, at most {@value #MOST_SIDE}
 * @param width pixels, at most {@value #MOST_SIDE}
 * @param levels {@code [channels, height, width]}, 0 for the darkest
 */
public record Picture(int channels, int height, int width, byte[] levels) {
  /** Larger images are reduced. */
  public static final int MOST_SIDE = 64;

  public Picture {
    boolean possible =
        (channels == 1 || channels == 3)
            && height > 0
            && width > 0
            && height <= MOST_SIDE
            && width <= MOST_SIDE
            && levels.length == channels * height * width;
    if (!possible) {
      throw new IllegalArgumentException(
          "%d levels are no picture of %d x %d x %d"
              .formatted(levels.length, channels, height, width));
    }
  }

  /** Level of a pixel, 0 to 255. */
  public int level(int channel, int y, int x) {
    return levels[(channel * height + y) * width + x] & 0xFF;
  }
}
