package io.diffuscope.web;

import io.diffuscope.web.RunView.Point;
import io.diffuscope.web.RunView.Superseded;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The main estimate of a signal by step, and what later attempts superseded of it: of the attempts
 * superseded last, and no more points of all of them together than of the one under way.
 */
final class Curve {
  private static final int SUPERSEDED = 4;

  private final String statistic;
  private final int pointLimit;
  private final History current;
  private final Deque<Part> superseded = new ArrayDeque<>();
  private @Nullable Double chance;

  /** The superseded points of one attempt. */
  private record Part(int attempt, History history) {}

  Curve(String statistic, int pointLimit) {
    this.statistic = statistic;
    this.pointLimit = pointLimit;
    this.current = new History(pointLimit);
  }

  String statistic() {
    return statistic;
  }

  @Nullable Double chance() {
    return chance;
  }

  /** What was known before stays where nothing is known now. */
  void chance(@Nullable Double known) {
    chance = known == null ? chance : known;
  }

  long nextOrdinal() {
    return current.nextOrdinal();
  }

  void put(Point point) {
    current.put(point);
  }

  /** A result that was superseded before it came. */
  void putSuperseded(int attempt, Point point) {
    partOf(attempt).put(point);
  }

  /** The points from this step on belong to an attempt that is over. */
  void supersede(int attempt, long fromStep) {
    List<Point> points = current.cutFrom(fromStep);
    if (!points.isEmpty()) {
      History part = partOf(attempt);
      points.forEach(part::put);
    }
  }

  private History partOf(int attempt) {
    for (Part part : superseded) {
      if (part.attempt == attempt) {
        return part.history;
      }
    }
    if (superseded.size() == SUPERSEDED) {
      superseded.removeFirst();
    }
    Part part = new Part(attempt, new History(Math.max(4, pointLimit / SUPERSEDED)));
    superseded.add(part);
    return part.history;
  }

  /** Points of the attempt under way, at most so many. */
  List<Point> points(int most) {
    return current.points(most);
  }

  List<Superseded> superseded(int most) {
    List<Superseded> parts = new ArrayList<>();
    for (Part part : superseded) {
      parts.add(new Superseded(part.attempt, part.history.points(most / SUPERSEDED)));
    }
    return parts;
  }
}
