package io.diffuscope.data;

import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.NpzFile;
import io.diffuscope.tensorfile.SafetensorsFile;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Which array of a file holds the points, and which their classes.
 *
 * @param points {@code FILE} or {@code FILE:NAME}
 * @param labels {@code FILE:labels}, or null where there are none or it is not clear whose they are
 * @param named whether the user named the array of the points
 */
record PointsAndLabels(String points, @Nullable String labels, boolean named) {
  private static final String LABELS = "labels";
  private static final List<String> POINTS = List.of("points", "images", "data", "x");
  private static final String MEMBER_SUFFIX = ".npy";
  private static final Pattern ARCHIVE =
      Pattern.compile(
          "(?<file>.*?\\.(?<suffix>npz|safetensors))(:(?<name>.+))?",
          Pattern.CASE_INSENSITIVE | Pattern.DOTALL);

  /**
   * Looks at the names in a file.
   *
   * @param spec as {@link ArrayFile#open} takes it
   */
  static PointsAndLabels of(String spec) throws BadInputException {
    Matcher parts = ARCHIVE.matcher(spec);
    if (!parts.matches()) {
      return new PointsAndLabels(spec, null, false);
    }
    String file = parts.group("file");
    String name = parts.group("name");
    Set<String> others = new TreeSet<>(names(path(file), parts.group("suffix")));
    String points = others.remove(LABELS) ? points(others) : null;
    if (points == null) {
      return new PointsAndLabels(spec, null, false);
    }
    String labels = file + ":" + LABELS;
    if (name == null) {
      return new PointsAndLabels(file + ":" + points, labels, false);
    }
    boolean same = name.equals(points) || name.equals(points + MEMBER_SUFFIX);
    return new PointsAndLabels(spec, same ? labels : null, true);
  }

  private static Set<String> names(Path path, String suffix) throws BadInputException {
    if (suffix.toLowerCase(Locale.ROOT).equals("npz")) {
      try (NpzFile archive = NpzFile.open(path)) {
        return archive.names();
      }
    }
    try (SafetensorsFile tensors = SafetensorsFile.open(path)) {
      return tensors.tensors().keySet();
    }
  }

  /** A name as a path, whether anything is there or not. */
  static Path path(String file) throws BadInputException {
    try {
      return Path.of(file);
    } catch (InvalidPathException e) {
      throw new BadInputException(
          file, Reason.VANISHED, "not a file name (" + e.getReason() + ")", e);
    }
  }

  private static @Nullable String points(Set<String> names) {
    List<String> candidates =
        names.size() == 1 ? List.copyOf(names) : POINTS.stream().filter(names::contains).toList();
    return candidates.size() == 1 ? candidates.getFirst() : null;
  }

  /**
   * The classes of the points.
   *
   * @param count number of points
   * @return {@code [N]}, or null
   * @throws BadInputException as {@link LabelArrays#read}. Beside points that were named by the
   *     user an array {@code labels} may be anything: what cannot be their classes is left alone.
   */
  int @Nullable [] read(long count) throws BadInputException {
    if (labels == null || (named && !areLabels(labels, count))) {
      return null;
    }
    return LabelArrays.read(labels, count);
  }

  private static boolean areLabels(String spec, long count) throws BadInputException {
    try (ArrayFile array = ArrayFile.open(spec)) {
      return LabelArrays.areLabels(array.type(), array.shape(), count);
    }
  }
}
