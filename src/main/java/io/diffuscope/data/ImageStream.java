package io.diffuscope.data;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import org.jspecify.annotations.Nullable;

/**
 * An image's file, checked from end to end without decoding a pixel, and cut down to the parts that
 * its pixels need: a decoder then meets nothing else, and nothing larger than the header says.
 *
 * @param format what the content is, whatever the name of the file says
 * @param width in pixels
 * @param height in pixels
 * @param colour whether pixels may have a colour: anything but grey levels
 * @param paletteSize number of colours of a PNG with a palette, otherwise 0
 * @param bytes a stream of that format
 */
record ImageStream(
    Format format, int width, int height, boolean colour, int paletteSize, byte[] bytes) {

  /** Formats that are read. */
  enum Format {
    PNG,
    JPEG
  }

  /**
   * Looks through a file.
   *
   * @param source what to call it in messages
   * @throws BadInputException EMPTY, TRUNCATED, MALFORMED or UNSUPPORTED
   */
  static ImageStream of(String source, byte[] file) throws BadInputException {
    if (file.length == 0) {
      throw new BadInputException(
          source, Reason.EMPTY, "is an empty file; write it again or remove it", null);
    }
    if (PngParts.isPng(file)) {
      return new PngParts(source, file).stream();
    }
    if (JpegParts.isJpeg(file)) {
      return new JpegParts(source, file).stream();
    }
    throw malformed(source, "it is neither PNG nor JPEG", null);
  }

  static BadInputException malformed(String source, String cause, @Nullable Throwable failure) {
    return new BadInputException(
        source,
        Reason.MALFORMED,
        "not a valid image (" + cause + "); write it again or take it out of the set",
        failure);
  }

  static BadInputException truncated(String source) {
    return new BadInputException(
        source,
        Reason.TRUNCATED,
        "ends before its image does; wait for its writer or copy it again",
        null);
  }

  static BadInputException unsupported(String source, String what) {
    return new BadInputException(
        source,
        Reason.UNSUPPORTED,
        what + "; convert the set as the training program does and save it as 8-bit PNG",
        null);
  }
}
