package io.diffuscope.sampling;

import io.diffuscope.data.DataSet;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.FloatBuffer;

/**
 * Draws points of a space of images: one scale of gray for all of them, and never more than {@value
 * Picture#MOST_SIDE} pixels a side.
 */
final class Pictures {
  /** Points that the scale is taken from: one scale for a whole set, without reading all of it. */
  private static final int LOOKED_AT = 256;

  private final int channels;
  private final int height;
  private final int width;
  private final float low;
  private final float high;

  private Pictures(TensorShape shape, float low, float high) {
    this.channels = Math.toIntExact(shape.dimension(0));
    this.height = Math.toIntExact(shape.dimension(1));
    this.width = Math.toIntExact(shape.dimension(2));
    this.low = low;
    this.high = high;
  }

  /** Whether points of this shape can be drawn: gray, or red, green and blue, channels first. */
  static boolean areImages(TensorShape shape) {
    return shape.rank() == 3
        && (shape.dimension(0) == 1 || shape.dimension(0) == 3)
        && shape.dimension(1) > 0
        && shape.dimension(2) > 0;
  }

  /**
   * For the points of a set and what is compared with them. Black and white are -1 and 1 where the
   * set's first points lie within, 0 and 1 where none of them is negative, and otherwise the
   * smallest and the largest of their values.
   */
  static Pictures of(TensorShape shape, DataSet set) throws BadInputException {
    float low = Float.POSITIVE_INFINITY;
    float high = Float.NEGATIVE_INFINITY;
    int elements = Math.toIntExact(shape.elements());
    FloatBuffer point = FloatBuffer.allocate(elements);
    for (int i = 0; i < Math.min(LOOKED_AT, set.size()); i++) {
      set.read(i, 1, point.clear());
      for (float value : point.array()) {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
    // Room for what a decoder or a resize leaves a little outside.
    float slack = .05f;
    boolean isUnit = low >= 0 && high <= 1 + slack;
    boolean isSigned = low >= -1 - slack && high <= 1 + slack;
    return isUnit
        ? new Pictures(shape, 0, 1)
        : isSigned
            ? new Pictures(shape, -1, 1)
            : new Pictures(shape, low, high > low ? high : low + 1);
  }

  /** Bytes of one picture. */
  int bytes() {
    return channels * side(height) * side(width);
  }

  /** Sides keep their proportion. */
  private int side(int length) {
    int longest = Math.max(height, width);
    return longest <= Picture.MOST_SIDE
        ? length
        : Math.max(1, Math.round((float) length * Picture.MOST_SIDE / longest));
  }

  /**
   * A point's picture.
   *
   * @param values of one point, channels first
   */
  Picture of(float[] values) {
    int h = side(height);
    int w = side(width);
    byte[] levels = new byte[channels * h * w];
    int next = 0;
    for (int c = 0; c < channels; c++) {
      for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++) {
          levels[next++] = level(mean(values, c, y, h, x, w));
        }
      }
    }
    return new Picture(channels, h, w, levels);
  }

  /** Over the pixels that fall into one of the reduced picture. */
  private double mean(float[] values, int c, int y, int h, int x, int w) {
    int top = (int) ((long) y * height / h);
    int bottom = Math.max(top + 1, (int) ((long) (y + 1) * height / h));
    int left = (int) ((long) x * width / w);
    int right = Math.max(left + 1, (int) ((long) (x + 1) * width / w));
    double sum = 0;
    for (int row = top; row < bottom; row++) {
      for (int column = left; column < right; column++) {
        sum += values[(c * height + row) * width + column];
      }
    }
    return sum / ((bottom - top) * (right - left));
  }

  private byte level(double value) {
    return (byte) Math.clamp(Math.round(255 * (value - low) / (high - low)), 0, 255);
  }
}
