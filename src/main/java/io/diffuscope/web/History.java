package io.diffuscope.web;

import io.diffuscope.web.RunView.Point;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A curve of bounded length. When it is full every second point is dropped, so that it always spans
 * the whole run; the first and the latest points stay.
 */
final class History {
  private final int limit;
  private final TreeMap<Long, Point> points = new TreeMap<>();

  History(int limit) {
    if (limit < 4) {
      throw new IllegalArgumentException("a history of " + limit + " points shows nothing");
    }
    this.limit = limit;
  }

  /** Adds a point, in place of one of the same step. */
  void put(Point point) {
    points.put(point.step(), point);
    if (points.size() > limit) {
      thin();
    }
  }

  /** Takes away the points from a step on: training was resumed from before them. */
  List<Point> cutFrom(long step) {
    SortedMap<Long, Point> tail = points.tailMap(step);
    List<Point> cut = List.copyOf(tail.values());
    tail.clear();
    return cut;
  }

  long nextOrdinal() {
    return points.isEmpty() ? 1 : points.lastKey() + 1;
  }

  /** All points, or evenly chosen ones where there are more than {@code most}. */
  List<Point> points(int most) {
    List<Point> all = List.copyOf(points.values());
    if (all.size() <= most || most < 2) {
      return most < 2 ? all.subList(Math.max(0, all.size() - Math.max(0, most)), all.size()) : all;
    }
    List<Point> chosen = new ArrayList<>(most);
    for (int i = 0; i < most; i++) {
      chosen.add(all.get((int) ((long) i * (all.size() - 1) / (most - 1))));
    }
    return chosen;
  }

  private void thin() {
    long last = points.lastKey();
    Iterator<Long> steps = points.keySet().iterator();
    for (int i = 0; steps.hasNext(); i++) {
      long step = steps.next();
      if (i % 2 == 1 && step != last) {
        steps.remove();
      }
    }
  }
}
