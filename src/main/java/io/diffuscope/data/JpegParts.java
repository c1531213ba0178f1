package io.diffuscope.data;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.diffuscope.tensorfile.BadInputException;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;

/**
 * The segments of a JPEG file up to the end of its first image. Only the frame, the tables and the
 * scans are kept; profiles, thumbnails and comments are left out. One segment then says how colours
 * are meant, as libjpeg (and PIL with it) finds it out, because the JDK has rules of its own for
 * files that do not say it.
 *
 * <p>ITU-T T.81, annex B.
 */
final class JpegParts {
  private static final int START = 0xD8;
  private static final int END = 0xD9;
  private static final int SCAN = 0xDA;
  private static final int QUANTIZATION = 0xDB;
  private static final int RESTART_INTERVAL = 0xDD;
  private static final int HUFFMAN = 0xC4;
  private static final int ARITHMETIC_CONDITIONS = 0xCC;
  private static final int EXTENSION = 0xC8;
  private static final int FIRST_RESTART = 0xD0;
  private static final int LAST_RESTART = 0xD7;
  private static final int TEMPORARY = 0x01;
  private static final int APP_JFIF = 0xE0;
  private static final int APP_ADOBE = 0xEE;
  private static final int ADOBE_BYTES = 12;

  /** Programs write about ten; each of many more would cost the time of a whole image. */
  private static final int MOST_SCANS = 100;

  private static final byte[] YCBCR = {
    (byte) 0xFF, (byte) APP_JFIF, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0
  };
  private static final byte[] RGB = {
    (byte) 0xFF, (byte) APP_ADOBE, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 0
  };

  private final String source;
  private final ByteBuffer file;
  private final ByteArrayOutputStream kept = new ByteArrayOutputStream();

  private boolean jfif;
  private boolean adobe;
  private int adobeTransform;
  private int width;
  private int height;
  private int components;
  private String componentIds = "";
  private int scans;

  JpegParts(String source, byte[] file) {
    this.source = source;
    this.file = ByteBuffer.wrap(file);
  }

  static boolean isJpeg(byte[] file) {
    return (file[0] & 0xFF) == 0xFF && (file.length == 1 || (file[1] & 0xFF) == START);
  }

  ImageStream stream() throws BadInputException {
    file.position(Math.min(2, file.limit()));
    for (int marker = marker(); marker != END; marker = marker()) {
      if (marker == TEMPORARY || (marker >= FIRST_RESTART && marker <= LAST_RESTART)) {
        continue;
      }
      if (marker == START) {
        throw ImageStream.malformed(source, "an image begins within the image", null);
      }
      int start = file.position();
      if (file.remaining() < 2) {
        throw ImageStream.truncated(source);
      }
      int length = Short.toUnsignedInt(file.getShort(start));
      if (length < 2) {
        throw ImageStream.malformed(source, "a segment has an impossible length", null);
      }
      if (length > file.remaining()) {
        throw ImageStream.truncated(source);
      }
      file.position(start + length);
      segment(marker, file.slice(start + 2, length - 2));
      if (isKept(marker)) {
        kept.write(0xFF);
        kept.write(marker);
        kept.write(file.array(), start, file.position() - start);
      }
    }
    if (scans == 0) {
      throw ImageStream.malformed(source, "it has no image data", null);
    }
    return new ImageStream(ImageStream.Format.JPEG, width, height, components > 1, 0, bytes());
  }

  private byte[] bytes() {
    ByteArrayOutputStream all = new ByteArrayOutputStream(kept.size() + RGB.length + YCBCR.length);
    all.write(0xFF);
    all.write(START);
    all.writeBytes(isYcbcr() ? YCBCR : RGB);
    all.writeBytes(kept.toByteArray());
    all.write(0xFF);
    all.write(END);
    return all.toByteArray();
  }

  /** The order of libjpeg's {@code default_decompress_parms}. */
  private boolean isYcbcr() {
    if (components == 1 || jfif) {
      return true;
    }
    return adobe ? adobeTransform != 0 : !componentIds.equals("RGB");
  }

  private int marker() throws BadInputException {
    if (file.hasRemaining() && file.get() != (byte) 0xFF) {
      throw ImageStream.malformed(source, "a segment ends where no other begins", null);
    }
    int marker = 0xFF;
    while (marker == 0xFF) {
      if (!file.hasRemaining()) {
        throw ImageStream.truncated(source);
      }
      marker = Byte.toUnsignedInt(file.get());
    }
    return marker;
  }

  private void segment(int marker, ByteBuffer data) throws BadInputException {
    boolean frame =
        (marker & 0xF0) == 0xC0
            && marker != HUFFMAN
            && marker != EXTENSION
            && marker != ARITHMETIC_CONDITIONS;
    if (frame) {
      frame(marker, data);
    } else if (marker == SCAN) {
      scan();
    } else if (marker == APP_JFIF) {
      jfif |= startsWith(data, "JFIF\0");
    } else if (marker == APP_ADOBE && data.limit() >= ADOBE_BYTES && startsWith(data, "Adobe")) {
      adobe = true;
      adobeTransform = data.get(ADOBE_BYTES - 1);
    }
  }

  private void frame(int marker, ByteBuffer data) throws BadInputException {
    if (components > 0) {
      throw ImageStream.malformed(source, "it has two frames", null);
    }
    if (marker > 0xC2) {
      throw ImageStream.unsupported(
          source, "is a lossless, hierarchical or arithmetic-coded JPEG, which is not read");
    }
    if (data.limit() < 6 || data.limit() != 6 + 3 * data.get(5)) {
      throw ImageStream.malformed(source, "its frame has another length", null);
    }
    if (data.get(0) != Byte.SIZE) {
      throw ImageStream.unsupported(
          source, "has " + data.get(0) + " bits a channel, and images have 8 here");
    }
    height = Short.toUnsignedInt(data.getShort(1));
    width = Short.toUnsignedInt(data.getShort(3));
    components = data.get(5);
    if (width == 0 || height == 0) {
      throw ImageStream.malformed(source, "it has no pixels", null);
    }
    if (components == 4) {
      throw ImageStream.unsupported(source, "has CMYK colours, which have no one meaning in RGB");
    }
    if (components != 1 && components != 3) {
      throw ImageStream.unsupported(source, "has " + components + " channels instead of 1 or 3");
    }
    StringBuilder ids = new StringBuilder();
    for (int i = 0; i < components; i++) {
      ids.append((char) Byte.toUnsignedInt(data.get(6 + 3 * i)));
    }
    componentIds = ids.toString();
  }

  /** Goes on to the marker behind the scan's data. */
  private void scan() throws BadInputException {
    if (components == 0) {
      throw ImageStream.malformed(source, "a scan comes before the frame", null);
    }
    scans++;
    if (scans > MOST_SCANS) {
      throw ImageStream.malformed(source, "it has more than " + MOST_SCANS + " scans", null);
    }
    byte[] bytes = file.array();
    for (int at = file.position(); at + 1 < bytes.length; at++) {
      int next = Byte.toUnsignedInt(bytes[at + 1]);
      boolean data = next == 0 || (next >= FIRST_RESTART && next <= LAST_RESTART);
      if (bytes[at] == (byte) 0xFF && !data && next != 0xFF) {
        file.position(at);
        return;
      }
    }
    throw ImageStream.truncated(source);
  }

  private static boolean isKept(int marker) {
    return switch (marker) {
      case SCAN, QUANTIZATION, RESTART_INTERVAL, HUFFMAN -> true;
      default -> marker >= 0xC0 && marker <= 0xC2;
    };
  }

  private static boolean startsWith(ByteBuffer data, String text) {
    byte[] due = text.getBytes(ISO_8859_1);
    return data.limit() >= due.length && data.slice(0, due.length).equals(ByteBuffer.wrap(due));
  }
}
