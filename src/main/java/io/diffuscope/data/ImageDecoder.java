package io.diffuscope.data;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.TensorShape;
import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Iterator;
import java.util.List;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.event.IIOReadWarningListener;
import javax.imageio.spi.IIORegistry;
import javax.imageio.spi.ImageReaderSpi;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * From files of images to points of uint8 levels, by the JDK's own decoders. Values are those of
 * PIL's {@code convert("RGB")} or {@code convert("L")}: transparency and colour profiles are
 * ignored, grey images have three equal channels where the model takes three, and a model that
 * takes one gets images whose channels are equal. Safe for use by several threads.
 */
final class ImageDecoder {
  private static final ImageReaderSpi PNG = reader("png");
  private static final ImageReaderSpi JPEG = reader("jpeg");
  private static final int RGB = 3;

  private final TensorShape shape;
  private final int channels;
  private final int height;
  private final int width;

  /**
   * For points of one shape.
   *
   * @param shape {@code [1 or 3, height, width]}
   */
  ImageDecoder(TensorShape shape) {
    this.shape = shape;
    this.channels = Math.toIntExact(shape.dimension(0));
    this.height = Math.toIntExact(shape.dimension(1));
    this.width = Math.toIntExact(shape.dimension(2));
  }

  private static ImageReaderSpi reader(String format) {
    // Not another plug-in on the class path: the JDK's are those that agree with PIL.
    Iterator<ImageReaderSpi> all =
        IIORegistry.getDefaultInstance()
            .getServiceProviders(
                ImageReaderSpi.class,
                spi ->
                    spi.getClass().getModule() == ImageIO.class.getModule()
                        && List.of(((ImageReaderSpi) spi).getFormatNames()).contains(format),
                true);
    if (!all.hasNext()) {
      throw new IllegalStateException("this Java platform has no reader of " + format);
    }
    return all.next();
  }

  /** Number of levels of one point. */
  int elements() {
    return channels * height * width;
  }

  /**
   * Decodes one image.
   *
   * @param source what to call it in messages
   * @param target receives {@code [channels, height, width]} levels
   * @param at where in {@code target} they begin
   * @throws BadInputException WRONG_SHAPE (seen in the header, before anything is decoded), or
   *     EMPTY, TRUNCATED, MALFORMED or UNSUPPORTED
   */
  void decode(String source, byte[] file, byte[] target, int at) throws BadInputException {
    ImageStream stream = ImageStream.of(source, file);
    if (stream.width() != width || stream.height() != height) {
      throw new BadInputException(
          source,
          Reason.WRONG_SHAPE,
          ("is %d pixels wide and %d high but the model takes points of shape %s; resize the set as"
                  + " the training program does, for example with EDM's dataset_tool.py"
                  + " --resolution=%dx%d, or write what it trains on with export_data")
              .formatted(stream.width(), stream.height(), shape, width, height),
          null);
    }
    BufferedImage image = read(source, stream);
    if (image.getWidth() != width || image.getHeight() != height) {
      throw ImageStream.malformed(source, "it has another size than its header says", null);
    }
    if (image.getColorModel() instanceof IndexColorModel palette) {
      putIndexed(source, image.getRaster(), palette, stream, target, at);
    } else {
      putBands(source, image.getRaster(), target, at);
    }
  }

  private static BufferedImage read(String source, ImageStream stream) throws BadInputException {
    try (MemoryCacheImageInputStream in =
        new MemoryCacheImageInputStream(new ByteArrayInputStream(stream.bytes()))) {
      ImageReader reader =
          (stream.format() == ImageStream.Format.PNG ? PNG : JPEG).createReaderInstance();
      try {
        reader.setInput(in, true, true);
        Warnings warnings = new Warnings();
        reader.addIIOReadWarningListener(warnings);
        BufferedImage image = reader.read(0);
        if (warnings.incomplete) {
          throw ImageStream.malformed(source, "its data end early", null);
        }
        return image;
      } finally {
        reader.dispose();
      }
    } catch (BadInputException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      // Decoders meet impossible values with whatever exception that leads to.
      throw ImageStream.malformed(source, String.valueOf(e.getMessage()), e);
    }
  }

  /** Of libjpeg's warnings those that tell of missing pixels; it goes on with grey ones. */
  private static final class Warnings implements IIOReadWarningListener {
    private boolean incomplete;

    @Override
    public void warningOccurred(ImageReader reader, String warning) {
      incomplete |= warning.contains("remature end");
    }
  }

  private void putIndexed(
      String source,
      Raster raster,
      IndexColorModel palette,
      ImageStream stream,
      byte[] target,
      int at)
      throws BadInputException {
    int[] indices = raster.getSamples(0, 0, width, height, 0, (int[]) null);
    int[][] bands = new int[RGB][indices.length];
    for (int i = 0; i < indices.length; i++) {
      int index = indices[i];
      if (stream.paletteSize() > 0 && index >= stream.paletteSize()) {
        throw ImageStream.malformed(source, "a pixel has a colour beyond its palette", null);
      }
      bands[0][i] = palette.getRed(index);
      bands[1][i] = palette.getGreen(index);
      bands[2][i] = palette.getBlue(index);
    }
    put(source, bands, target, at);
  }

  private void putBands(String source, Raster raster, byte[] target, int at)
      throws BadInputException {
    // One or two bands: grey, and perhaps transparency; three or four: colours.
    int used = raster.getNumBands() < RGB ? 1 : RGB;
    int[][] bands = new int[RGB][];
    for (int band = 0; band < RGB; band++) {
      bands[band] =
          band < used ? raster.getSamples(0, 0, width, height, band, (int[]) null) : bands[0];
    }
    put(source, bands, target, at);
  }

  private void put(String source, int[][] bands, byte[] target, int at) throws BadInputException {
    int pixels = width * height;
    for (int i = 0; i < pixels && channels == 1; i++) {
      if (bands[0][i] != bands[1][i] || bands[0][i] != bands[2][i]) {
        throw new BadInputException(
            source,
            Reason.WRONG_SHAPE,
            "has colours but the model takes points of shape "
                + shape
                + ", grey images; convert the set as the training program does, for example with"
                + " PIL's convert('L')",
            null);
      }
    }
    for (int band = 0; band < channels; band++) {
      for (int i = 0; i < pixels; i++) {
        target[at + band * pixels + i] = (byte) bands[band][i];
      }
    }
  }
}
