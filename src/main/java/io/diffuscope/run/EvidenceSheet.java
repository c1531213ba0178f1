package io.diffuscope.run;

import io.diffuscope.sampling.GeometrySummary;
import io.diffuscope.sampling.Picture;
import io.diffuscope.sampling.WorstSample;
import io.diffuscope.sampling.WorstSample.Trio;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import javax.imageio.ImageIO;
import javax.imageio.stream.MemoryCacheImageOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * Draws the worst samples of a checkpoint: each beside its nearest training image, and its nearest
 * hold-out image where there is one, with the distances written beneath. What the nearest ratio
 * counts as a copy has its ratio in red.
 */
final class EvidenceSheet {
  private static final int TILE = 144;
  private static final int GAP = 8;
  private static final int MARGIN = 24;
  private static final int LINES = 4;
  private static final int LETTER = 2;
  private static final int LINE = (PixelText.HEIGHT + 3) * LETTER;
  private static final int PAPER = 0xFFFFFF;
  private static final int INK = 0x20242A;
  private static final int RED = 0xB3261E;
  private static final int FRAME = 0xC8CCD2;

  private final BufferedImage image;

  private EvidenceSheet(int width, int height) {
    image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    fill(0, 0, width, height, PAPER);
  }

  /**
   * A PNG of these samples, two of them side by side.
   *
   * @param step null where the checkpoint has none
   * @param worst with their pictures, worst first; at least one
   */
  static byte[] png(@Nullable Long step, List<WorstSample> worst) throws IOException {
    boolean compared =
        worst.stream().allMatch(s -> Objects.requireNonNull(s.pictures()).holdout() != null);
    int tiles = compared ? 3 : 2;
    int columns = Math.min(2, worst.size());
    int cellWidth = tiles * (TILE + GAP) + MARGIN;
    int cellHeight = TILE + GAP + LINES * LINE + MARGIN;
    String title =
        "%s: the %d samples nearest to training images"
            .formatted(step == null ? "no step" : "step " + step, worst.size());
    int header = MARGIN + 2 * LINE;
    EvidenceSheet sheet =
        new EvidenceSheet(
            Math.max(
                columns * cellWidth + MARGIN,
                title.length() * PixelText.ADVANCE * LETTER + 2 * MARGIN),
            header + (worst.size() + columns - 1) / columns * cellHeight);
    sheet.text(title, MARGIN, MARGIN, INK);
    for (int i = 0; i < worst.size(); i++) {
      sheet.cell(
          worst.get(i),
          MARGIN + i % columns * cellWidth,
          header + i / columns * cellHeight,
          compared);
    }
    return sheet.encoded();
  }

  private void cell(WorstSample sample, int left, int top, boolean compared) {
    Trio pictures = Objects.requireNonNull(sample.pictures());
    boolean copy = sample.ratio() < GeometrySummary.COPY_RATIO;
    tile(pictures.sample(), left, top, List.of("sample", Long.toString(sample.sample())));
    text(ratioLabel(sample), left, lineAt(top, 2), copy ? RED : INK);
    List<String> nearest = new ArrayList<>();
    nearest.add("train");
    nearest.add(Integer.toString(sample.nearestTrain()));
    nearest.add("d1 " + number(sample.trainDistance()));
    nearest.add(sample.secondTrain() < 0 ? "no second" : "d2 " + number(sample.secondDistance()));
    tile(pictures.train(), left + TILE + GAP, top, nearest);
    if (sample.groupSize() > 1) {
      text("%d times".formatted(sample.groupSize()), left, lineAt(top, 3), INK);
    }
    Picture holdout = pictures.holdout();
    if (compared && holdout != null) {
      tile(
          holdout,
          left + 2 * (TILE + GAP),
          top,
          List.of(
              "holdout",
              Integer.toString(sample.nearestHoldout()),
              "d " + number(sample.holdoutDistance())));
    }
  }

  private static String ratioLabel(WorstSample sample) {
    return "d1/d2 " + String.format(Locale.ROOT, "%.3f", sample.ratio());
  }

  /** At most six letters, so that it fits beneath its picture. */
  static String number(double value) {
    if (value == 0) {
      return "0";
    }
    double size = Math.abs(value);
    return size >= 1e4 || size < 1e-3
        ? String.format(Locale.ROOT, "%.0e", value)
        : String.format(Locale.ROOT, size >= 100 ? "%.0f" : size >= 1 ? "%.2f" : "%.4f", value);
  }

  private static int lineAt(int top, int line) {
    return top + TILE + GAP + line * LINE;
  }

  /** A picture as large as fits by whole pixels, with lines of text beneath. */
  private void tile(Picture picture, int left, int top, List<String> lines) {
    int scale = Math.max(1, TILE / Math.max(picture.height(), picture.width()));
    int width = scale * picture.width();
    int height = scale * picture.height();
    int x0 = left + (TILE - width) / 2;
    int y0 = top + (TILE - height) / 2;
    fill(x0 - 1, y0 - 1, width + 2, height + 2, FRAME);
    for (int y = 0; y < picture.height(); y++) {
      for (int x = 0; x < picture.width(); x++) {
        fill(x0 + x * scale, y0 + y * scale, scale, scale, color(picture, y, x));
      }
    }
    for (int i = 0; i < lines.size(); i++) {
      text(lines.get(i), left, lineAt(top, i), INK);
    }
  }

  private static int color(Picture picture, int y, int x) {
    int last = picture.channels() - 1;
    return picture.level(0, y, x) << 16
        | picture.level(Math.min(1, last), y, x) << 8
        | picture.level(last, y, x);
  }

  private void text(String text, int left, int top, int rgb) {
    PixelText.draw(text, (x, y) -> fill(left + x * LETTER, top + y * LETTER, LETTER, LETTER, rgb));
  }

  private void fill(int left, int top, int width, int height, int rgb) {
    for (int y = Math.max(0, top); y < Math.min(image.getHeight(), top + height); y++) {
      for (int x = Math.max(0, left); x < Math.min(image.getWidth(), left + width); x++) {
        image.setRGB(x, y, rgb);
      }
    }
  }

  private byte[] encoded() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    // Not ImageIO's own choice, which writes a temporary file first.
    try (MemoryCacheImageOutputStream out = new MemoryCacheImageOutputStream(bytes)) {
      if (!ImageIO.write(image, "png", out)) {
        throw new IOException("this Java runtime cannot write PNG");
      }
    }
    return bytes.toByteArray();
  }
}
