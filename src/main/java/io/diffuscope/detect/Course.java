package io.diffuscope.detect;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The way of the distance that tells how well a run generalizes: {@code pfd} to the teacher or,
 * without one, to the hold-out.
 *
 * @param reference for people
 * @param points checkpoints that have it, in the order of their steps; at least one
 */
record Course(String reference, List<Point> points) {
  /** One checkpoint on the way. */
  record Point(long step, Progress.Distance distance) {
    double value() {
      return distance.value();
    }

    /** Standard error of the change since the checkpoint before; 0 where it is not known. */
    double error() {
      return Double.isFinite(distance.error()) ? distance.error() : 0;
    }
  }

  /** Null where there is no such distance. */
  static @Nullable Course of(List<Progress> history) {
    Course teacher = of("teacher", history, Progress::teacher);
    return teacher != null ? teacher : of("hold-out", history, Progress::holdout);
  }

  private static @Nullable Course of(
      String reference,
      List<Progress> history,
      Function<Progress, Progress.@Nullable Distance> distance) {
    List<Point> points =
        history.stream()
            .map(
                p -> {
                  Progress.Distance d = distance.apply(p);
                  return d == null ? null : new Point(p.step(), d);
                })
            .filter(Objects::nonNull)
            .toList();
    return points.isEmpty() ? null : new Course(reference, points);
  }

  Point smallest() {
    Point smallest = points.getFirst();
    for (Point point : points) {
      if (point.value() < smallest.value()) {
        smallest = point;
      }
    }
    return smallest;
  }

  /** The earliest within one paired standard error of the smallest. */
  Point best() {
    Point smallest = smallest();
    double bound = smallest.value() + smallest.error();
    return points.stream().filter(p -> p.value() <= bound).findFirst().orElse(smallest);
  }

  /**
   * At most so many points: the means of equally many neighbours each, at the step of the last of
   * them. Those of the newest that do not fill a group are left out.
   */
  Course thinned(int most) {
    int each = (points.size() + most - 1) / most;
    if (each <= 1) {
      return this;
    }
    List<Point> means = new ArrayList<>();
    for (int i = each; i <= points.size(); i += each) {
      List<Point> group = points.subList(i - each, i);
      double value = group.stream().mapToDouble(Point::value).average().orElseThrow();
      double error = group.stream().mapToDouble(Point::error).average().orElseThrow();
      means.add(new Point(group.getLast().step(), new Progress.Distance(value, error)));
    }
    return new Course(reference, means);
  }
}
