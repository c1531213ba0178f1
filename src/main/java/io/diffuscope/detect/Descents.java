package io.diffuscope.detect;

import java.util.ArrayList;
import java.util.List;

/**
 * Raises {@link Flag#OVERFITTING} where the distance to teacher or hold-out fell and then rose for
 * good, and {@link Flag#DOUBLE_DESCENT} where it fell once more. While it rises the two look the
 * same: the first is cleared when the second is raised.
 *
 * <p>An upturn is judged at every look by the same isotonic likelihood ratio; its level is set for
 * all looks at a run together. Nothing is said below {@value CourseShape#LEAST_POINTS} checkpoints.
 */
final class Descents {
  private final DescentSettings settings;

  Descents(DescentSettings settings) {
    this.settings = settings;
  }

  /**
   * What the newest checkpoint changes.
   *
   * @param up flags that are up before it
   * @param history evaluated checkpoints in the order of their steps, the newest last
   */
  List<FlagChange> observe(List<RaisedFlag> up, List<Progress> history) {
    Course course = Course.of(history);
    long step = history.getLast().step();
    if (course == null || course.points().getLast().step() != step) {
      return List.of();
    }
    CourseShape shape = CourseShape.of(course);
    return shape == null ? List.of() : changes(up, shape, step);
  }

  private List<FlagChange> changes(List<RaisedFlag> up, CourseShape shape, long step) {
    List<FlagChange> changes = new ArrayList<>();
    boolean rising = isUp(up, Flag.OVERFITTING);
    boolean twice = isUp(up, Flag.DOUBLE_DESCENT);
    if (twice) {
      // Half of what raised it: it does not flutter.
      if (shape.secondDescent() < settings.doubleDescentLevel() / 2) {
        changes.add(new FlagChange(Flag.DOUBLE_DESCENT, false, step, secondDescent(shape)));
        twice = false;
      }
    } else if (shape.secondDescent() > settings.doubleDescentLevel()
        && Math.min(shape.bump(), shape.fall()) >= settings.leastChange()) {
      changes.add(new FlagChange(Flag.DOUBLE_DESCENT, true, step, secondDescent(shape)));
      twice = true;
    }
    if (rising) {
      if (twice || shape.upturn() < settings.overfittingLevel() / 2) {
        changes.add(
            new FlagChange(
                Flag.OVERFITTING, false, step, twice ? secondDescent(shape) : upturn(shape)));
      }
    } else if (!twice
        && shape.upturn() > settings.overfittingLevel()
        && shape.rise() >= settings.leastChange()) {
      changes.add(new FlagChange(Flag.OVERFITTING, true, step, upturn(shape)));
    }
    return changes;
  }

  private static boolean isUp(List<RaisedFlag> up, Flag flag) {
    return up.stream().anyMatch(raised -> raised.flag() == flag);
  }

  private static String upturn(CourseShape shape) {
    return "pfd to the %s: above its valley at step %d by %s %% of it; evidence of an upturn %s times that of chance at one look in a hundred"
        .formatted(
            shape.course().reference(),
            shape.valley(),
            Numbers.text(100 * shape.rise()),
            Numbers.text(shape.upturn()));
  }

  private static String secondDescent(CourseShape shape) {
    return "pfd to the %s: rose by %s %% of its first valley until step %d and fell by %s %% since; evidence of a second descent %s times that of chance at one look in a hundred"
        .formatted(
            shape.course().reference(),
            Numbers.text(100 * shape.bump()),
            shape.top(),
            Numbers.text(100 * shape.fall()),
            Numbers.text(shape.secondDescent()));
  }
}
