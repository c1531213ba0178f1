package io.diffuscope.sampling;

import io.diffuscope.data.DataSet;
import io.diffuscope.tensorfile.BadInputException;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The labelled images that a class probe is fitted to, and those that it is tested on: the training
 * set's, and the hold-out set's where that one has labels of the same classes, else every other one
 * of the training set's. All classes that both parts have take part, each with its share of the
 * images, or {@link #MOST_CLASSES} of them, evenly spread.
 */
final class ProbedImages {
  /** A probe of more would take minutes, and tell little with few images of each. */
  static final int MOST_CLASSES = 100;

  /** Features of all images together: 64 MiB for each copy that is made of them. */
  private static final int MOST_NUMBERS = 1 << 23;

  /** Longer ones are no pooled features. */
  private static final int MOST_FEATURES = 16_384;

  /** Weights of a probe: ten pairs of vectors of this length are kept while it is fitted. */
  private static final int MOST_WEIGHTS = 1 << 19;

  /** Of each class in each part. */
  private static final int LEAST_OF_A_CLASS = 2;

  /**
   * Images of one set.
   *
   * @param rows their indices
   * @param labels their classes, counted from 0
   */
  record Part(DataSet set, int[] rows, int[] labels) {
    int size() {
      return rows.length;
    }
  }

  private final Part fit;
  private final Part test;
  private final int classes;

  private ProbedImages(Part fit, Part test, int classes) {
    this.fit = fit;
    this.test = test;
    this.classes = classes;
  }

  /**
   * The images for features of some length.
   *
   * @param holdout hold-out points without near duplicates of training points, or null
   * @param most images of each part
   * @param features length of a feature
   * @return null where fewer than two classes have two images in each part, or features are too
   *     long
   */
  static @Nullable ProbedImages of(
      DataSet train, @Nullable DataSet holdout, int most, int features) {
    int[] labels = train.labels();
    if (labels == null || features > MOST_FEATURES) {
      return null;
    }
    int room = Math.min(most, MOST_NUMBERS / 2 / features);
    int mostClasses =
        Math.min(Math.min(MOST_CLASSES, MOST_WEIGHTS / features), room / LEAST_OF_A_CLASS);
    int[] others = testLabels(train, holdout);
    int[] possible =
        others == null
            ? classesOf(labels, 2 * LEAST_OF_A_CLASS)
            : common(classesOf(labels, LEAST_OF_A_CLASS), classesOf(others, LEAST_OF_A_CLASS));
    if (possible.length < 2 || mostClasses < 2) {
      return null;
    }
    int[] classes = spread(possible, mostClasses);
    int[] rows = byClass(labels, classes);
    if (others == null) {
      int[] both = spread(rows, 2 * room);
      return new ProbedImages(
          part(train, every(both, 0), labels, classes),
          part(train, every(both, 1), labels, classes),
          classes.length);
    }
    DataSet tested = Objects.requireNonNull(holdout);
    return new ProbedImages(
        part(train, spread(rows, room), labels, classes),
        part(tested, spread(byClass(others, classes), room), others, classes),
        classes.length);
  }

  /** Whether the hold-out set's labels can be used: it has some, and they mean the same. */
  static boolean testsOnHoldout(DataSet train, @Nullable DataSet holdout) {
    return testLabels(train, holdout) != null;
  }

  private static int @Nullable [] testLabels(DataSet train, @Nullable DataSet holdout) {
    if (holdout == null) {
      return null;
    }
    boolean sameNames =
        train.classNames() == null
            || holdout.classNames() == null
            || Objects.equals(train.classNames(), holdout.classNames());
    return sameNames ? holdout.labels() : null;
  }

  /** The images that the probe is fitted to. */
  Part fit() {
    return fit;
  }

  /** The images that it is tested on. */
  Part test() {
    return test;
  }

  int classes() {
    return classes;
  }

  /** Images of both parts, those of the fit first. */
  int count() {
    return fit.size() + test.size();
  }

  /**
   * Images in C order, {@code [batch, d]}; rows beyond {@code count} are zeros.
   *
   * @param first index of the first image
   */
  double[] values(int first, int count, int batch) throws BadInputException {
    int d = Math.toIntExact(fit.set.pointShape().elements());
    double[] values = new double[batch * d];
    FloatBuffer image = FloatBuffer.allocate(d);
    for (int i = 0; i < count; i++) {
      int index = first + i;
      Part part = index < fit.size() ? fit : test;
      int row = part.rows[index < fit.size() ? index : index - fit.size()];
      part.set.read(row, 1, image.clear());
      for (int j = 0; j < d; j++) {
        values[i * d + j] = image.get(j);
      }
    }
    return values;
  }

  /** Classes with so many images, ascending. */
  private static int[] classesOf(int[] labels, int least) {
    int[] sorted = labels.clone();
    Arrays.sort(sorted);
    IntPredicate begins = i -> i == 0 || sorted[i - 1] != sorted[i];
    IntPredicate isEnough = i -> i + least <= sorted.length && sorted[i + least - 1] == sorted[i];
    return IntStream.range(0, sorted.length)
        .filter(begins.and(isEnough))
        .map(i -> sorted[i])
        .toArray();
  }

  private static int[] common(int[] a, int[] b) {
    return Arrays.stream(a).filter(label -> Arrays.binarySearch(b, label) >= 0).toArray();
  }

  /** Indices of the points of these classes, class by class, each class in its set's order. */
  private static int[] byClass(int[] labels, int[] classes) {
    long[] keys =
        IntStream.range(0, labels.length)
            .filter(i -> Arrays.binarySearch(classes, labels[i]) >= 0)
            .mapToLong(i -> ((long) labels[i] << 32) | i)
            .sorted()
            .toArray();
    return Arrays.stream(keys).mapToInt(key -> (int) key).toArray();
  }

  /** At most so many, evenly spread. */
  private static int[] spread(int[] all, int most) {
    int count = Math.min(all.length, most);
    int[] some = new int[count];
    Arrays.setAll(some, i -> all[(int) ((long) i * all.length / count)]);
    return some;
  }

  /** Every other one. */
  private static int[] every(int[] all, int offset) {
    int[] some = new int[(all.length + 1 - offset) / 2];
    Arrays.setAll(some, i -> all[2 * i + offset]);
    return some;
  }

  private static Part part(DataSet set, int[] rows, int[] labels, int[] classes) {
    int[] counted =
        Arrays.stream(rows).map(row -> Arrays.binarySearch(classes, labels[row])).toArray();
    return new Part(set, rows, counted);
  }
}
