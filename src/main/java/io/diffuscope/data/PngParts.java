package io.diffuscope.data;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.diffuscope.tensorfile.BadInputException;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.zip.CRC32;

/**
 * The chunks of a PNG file. Only header, palette and image data are kept. Transparency is left out,
 * because PIL's {@code convert("RGB")} gives the same colours with and without it, and so are
 * profiles and texts, which may unpack to anything.
 *
 * <p>W3C, Portable Network Graphics, sections 5 and 11.
 */
final class PngParts {
  private static final byte[] SIGNATURE = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  private static final int HEADER_BYTES = 13;
  private static final int GREY = 0;
  private static final int PALETTE = 3;
  private static final int GREY_WITH_ALPHA = 4;

  private final String source;
  private final ByteBuffer file;
  private final ByteArrayOutputStream kept = new ByteArrayOutputStream();
  private int paletteSize;

  PngParts(String source, byte[] file) {
    this.source = source;
    this.file = ByteBuffer.wrap(file);
  }

  static boolean isPng(byte[] file) {
    // A file that was cut within the signature is a PNG, too.
    int length = Math.min(file.length, SIGNATURE.length);
    return Arrays.equals(file, 0, length, SIGNATURE, 0, length);
  }

  ImageStream stream() throws BadInputException {
    if (file.remaining() < SIGNATURE.length) {
      throw ImageStream.truncated(source);
    }
    file.position(SIGNATURE.length);
    kept.writeBytes(SIGNATURE);
    ByteBuffer header = null;
    String type = "";
    boolean hasData = false;
    while (!type.equals("IEND")) {
      if (file.remaining() < 3 * Integer.BYTES) {
        throw ImageStream.truncated(source);
      }
      int start = file.position();
      int length = file.getInt();
      byte[] name = new byte[Integer.BYTES];
      file.get(name);
      type = new String(name, ISO_8859_1);
      if (length < 0) {
        throw ImageStream.malformed(source, "a chunk has an impossible length", null);
      }
      if (length > file.remaining() - Integer.BYTES) {
        throw ImageStream.truncated(source);
      }
      ByteBuffer data = file.slice(file.position(), length);
      file.position(file.position() + length + Integer.BYTES);
      if ((header == null) != type.equals("IHDR")) {
        throw ImageStream.malformed(source, "its header is not where it should be", null);
      }
      switch (type) {
        case "IHDR" -> header = data;
        case "PLTE" -> paletteSize = length / 3;
        case "IDAT" -> hasData = true;
        case "IEND" -> {}
        default -> {
          continue;
        }
      }
      keep(start, length);
    }
    if (header == null || !hasData) {
      throw ImageStream.malformed(source, "it has no image data", null);
    }
    return stream(header);
  }

  private void keep(int start, int length) throws BadInputException {
    int end = start + 2 * Integer.BYTES + length;
    CRC32 checksum = new CRC32();
    checksum.update(file.array(), start + Integer.BYTES, Integer.BYTES + length);
    if ((int) checksum.getValue() != file.getInt(end)) {
      throw ImageStream.malformed(source, "a checksum is wrong", null);
    }
    kept.write(file.array(), start, end + Integer.BYTES - start);
  }

  private ImageStream stream(ByteBuffer header) throws BadInputException {
    if (header.limit() != HEADER_BYTES) {
      throw ImageStream.malformed(source, "its header has another length", null);
    }
    int width = header.getInt(0);
    int height = header.getInt(4);
    int depth = header.get(8);
    int type = header.get(9);
    if (width < 1 || height < 1) {
      throw ImageStream.malformed(source, "it has no pixels", null);
    }
    if (depth == Short.SIZE) {
      throw ImageStream.unsupported(source, "has 16 bits a channel, and images have 8 here");
    }
    if (type == PALETTE && paletteSize == 0) {
      throw ImageStream.malformed(source, "it has no palette", null);
    }
    boolean colour = type != GREY && type != GREY_WITH_ALPHA;
    return new ImageStream(
        ImageStream.Format.PNG,
        width,
        height,
        colour,
        type == PALETTE ? paletteSize : 0,
        kept.toByteArray());
  }
}
