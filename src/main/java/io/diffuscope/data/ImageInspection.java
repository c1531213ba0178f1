package io.diffuscope.data;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What a folder or archive of images is as a data set, and what is wrong with it: every image is
 * read, and one that cannot be is a problem and not the end.
 *
 * @param images number of image files
 * @param sizes number of readable images by {@code [channels, height, width]}
 * @param unreadable images that cannot be read
 * @param problems why, of the first ones
 * @param labels where classes come from, for people; null where there are none
 * @param classes number of classes; 0 where there are none
 * @param labelProblem why labels that are there cannot be read; null: they can
 */
public record ImageInspection(
    int images,
    Map<String, Integer> sizes,
    int unreadable,
    List<String> problems,
    @Nullable String labels,
    int classes,
    @Nullable String labelProblem) {
  private static final int MOST_PROBLEMS = 10;
  private static final int BLOCK = 256;

  /** An image of more numbers is judged by its header: a small file may claim any size. */
  private static final long MOST_LEVELS = 64L << 20;

  /** One image: its shape, or why it cannot be read. */
  private record Seen(@Nullable String shape, @Nullable String problem) {}

  /**
   * Looks at a folder, or a {@code .zip}.
   *
   * @param progress is told how many images were read
   * @return empty where it is neither, or holds no image
   * @throws BadInputException where the folder or archive itself cannot be read
   */
  public static Optional<ImageInspection> of(Path path, ImagePreparation.Progress progress)
      throws BadInputException {
    if (Files.isDirectory(path)) {
      return of(FolderImages.list(path), progress);
    }
    if (!path.toString().toLowerCase(Locale.ROOT).endsWith(".zip")) {
      return Optional.empty();
    }
    try (ArchiveImages archive = ArchiveImages.open(path)) {
      return of(archive, progress);
    }
  }

  private static Optional<ImageInspection> of(ImageFiles files, ImagePreparation.Progress progress)
      throws BadInputException {
    int count = files.names().size();
    if (count == 0) {
      return Optional.empty();
    }
    Map<String, Integer> sizes = new TreeMap<>();
    List<String> problems = new ArrayList<>();
    int unreadable = 0;
    for (int first = 0; first < count; first += BLOCK) {
      int to = Math.min(count, first + BLOCK);
      List<Seen> block =
          IntStream.range(first, to).parallel().mapToObj(i -> look(files, i)).toList();
      for (Seen seen : block) {
        String shape = seen.shape;
        if (shape != null) {
          sizes.merge(shape, 1, Integer::sum);
        } else {
          unreadable++;
          if (problems.size() < MOST_PROBLEMS) {
            problems.add(String.valueOf(seen.problem));
          }
        }
      }
      progress.decoded("images", to, count);
    }
    return Optional.of(withLabels(files, count, sizes, unreadable, problems));
  }

  private static Seen look(ImageFiles files, int index) {
    String name = files.describe(files.names().get(index));
    try {
      byte[] file = files.read(index);
      ImageStream image = ImageStream.of(name, file);
      TensorShape shape = TensorShape.of(image.colour() ? 3 : 1, image.height(), image.width());
      if (shape.elements() <= MOST_LEVELS) {
        ImageDecoder decoder = new ImageDecoder(shape);
        decoder.decode(name, file, new byte[decoder.elements()], 0);
      }
      return new Seen(shape.toString(), null);
    } catch (BadInputException e) {
      return new Seen(null, String.valueOf(e.getMessage()));
    }
  }

  private static ImageInspection withLabels(
      ImageFiles files,
      int count,
      Map<String, Integer> sizes,
      int unreadable,
      List<String> problems) {
    String where = null;
    int classes = 0;
    String problem = null;
    try {
      byte[] json = files.readLabels();
      if (json != null) {
        String source = files.describe(ImageFiles.LABELS);
        int[] labels = ImageLabels.read(source, json, files.names());
        if (labels != null) {
          where = ImageFiles.LABELS;
          classes = (int) IntStream.of(labels).distinct().count();
        }
      } else {
        ClassFolders folders = ClassFolders.of(files.names());
        if (folders != null) {
          where = "the folders' names";
          classes = folders.names().size();
        }
      }
    } catch (BadInputException e) {
      problem = e.getMessage();
    }
    return new ImageInspection(count, sizes, unreadable, problems, where, classes, problem);
  }
}
