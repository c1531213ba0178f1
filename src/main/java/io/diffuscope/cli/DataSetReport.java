package io.diffuscope.cli;

import io.diffuscope.data.DataSet;
import io.diffuscope.data.DataSets;
import io.diffuscope.data.ImageInspection;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.TensorShape;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;

/** What a path is as a data set, and what is in the way of reading it, for people. */
final class DataSetReport {
  private static final int MOST_SIZES = 5;

  private DataSetReport() {}

  /**
   * Prints what was found in a folder or archive of images.
   *
   * @return whether it can be read as a data set
   */
  static boolean print(Path path, ImageInspection images, PrintWriter out) {
    out.printf("%s: %d images%n", path, images.images());
    images.sizes().entrySet().stream()
        .sorted(Map.Entry.<String, Integer>comparingByValue().reversed())
        .limit(MOST_SIZES)
        .forEach(size -> out.printf("  %8d of shape %s, uint8%n", size.getValue(), size.getKey()));
    int more = images.sizes().size() - MOST_SIZES;
    if (more > 0) {
      out.printf("  and %d more shapes%n", more);
    }
    if (images.labels() != null) {
      out.printf("  labels from %s, %d classes%n", images.labels(), images.classes());
    } else if (images.labelProblem() == null) {
      out.printf("  no labels%n");
    }
    boolean usable = true;
    if (images.labelProblem() != null) {
      out.printf("  problem: %s%n", images.labelProblem());
      usable = false;
    }
    for (String problem : images.problems()) {
      out.printf("  problem: %s%n", problem);
      usable = false;
    }
    int untold = images.unreadable() - images.problems().size();
    if (untold > 0) {
      out.printf("  problem: %d more images cannot be read%n", untold);
    }
    if (images.sizes().keySet().stream().map(DataSetReport::area).distinct().count() > 1) {
      out.printf(
          "  problem: images of several sizes; a data set has the model's size, and images are not"
              + " resized%n");
      usable = false;
    }
    out.printf(
        usable
            ? "  read as points [channels, height, width] with x / 127.5 - 1%n"
            : "  cannot be used as it is%n");
    return usable;
  }

  /** Grey images are read for a model of colours, too: only height and width have to be equal. */
  private static String area(String shape) {
    return shape.substring(shape.indexOf(',') + 1);
  }

  /** Prints how an array file would be read, or why it would not. */
  static void printReading(String spec, PrintWriter out) {
    try (DataSet set = DataSets.open(spec, "data set", null)) {
      print(set, out);
    } catch (BadInputException e) {
      out.printf("  as a data set: %s%n", e.getMessage());
    }
  }

  /** Prints what an opened set is. */
  static void print(DataSet set, PrintWriter out) {
    int[] labels = set.labels();
    out.printf(
        "  a data set of %d points of shape %s, %s%n",
        set.size(),
        set.pointShape(),
        labels == null
            ? "no labels"
            : "with labels, %d classes".formatted(Arrays.stream(labels).distinct().count()));
    TensorShape shape = set.pointShape();
    if (shape.rank() == 3 && !isChannels(shape.dimension(0)) && isChannels(shape.dimension(2))) {
      out.printf(
          "  channels come last there; a network takes [channels, height, width]:"
              + " x.transpose(0, 3, 1, 2)%n");
    }
  }

  private static boolean isChannels(long size) {
    return size == 1 || size == 3;
  }
}
