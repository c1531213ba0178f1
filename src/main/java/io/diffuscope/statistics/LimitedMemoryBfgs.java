package io.diffuscope.statistics;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;

/**
 * Minimises a smooth convex function: L-BFGS with ten pairs and backtracking (Nocedal and Wright,
 * Numerical Optimization, 2nd edition, algorithms 7.4 and 3.1).
 *
 * @param iterations most iterations
 * @param tolerance ends once no element of the gradient exceeds it
 */
record LimitedMemoryBfgs(int iterations, double tolerance) {
  private static final int PAIRS = 10;
  private static final int MOST_HALVINGS = 40;
  private static final double SUFFICIENT = 1e-4;

  /** A function with its gradient. */
  interface Objective {
    /** The value at a point; writes the gradient there. */
    double evaluate(double[] point, double[] gradient);
  }

  private record Pair(double[] step, double[] change, double product) {}

  /** The minimiser as far as it was reached; the start is not changed. */
  double[] minimize(Objective objective, double[] start) {
    Descent descent = descend(objective, start);
    while (descent.advance()) {
      // One iteration each.
    }
    return descent.point;
  }

  /** The same, one iteration after the other. */
  Descent descend(Objective objective, double[] start) {
    return new Descent(objective, start.clone());
  }

  /** A minimisation under way. */
  final class Descent {
    private final Objective objective;
    private final Deque<Pair> pairs = new ArrayDeque<>();
    private double[] point;
    private double[] gradient;
    private double value;
    private int done;
    private boolean ended;

    private Descent(Objective objective, double[] start) {
      this.objective = objective;
      this.point = start;
      this.gradient = new double[start.length];
      this.value = objective.evaluate(point, gradient);
    }

    /** One iteration; false once it has ended. */
    boolean advance() {
      if (ended || done == iterations || largest(gradient) <= tolerance) {
        return false;
      }
      done++;
      double[] direction = direction(gradient, pairs);
      double slope = dot(gradient, direction);
      double[] next = new double[point.length];
      double[] nextGradient = new double[point.length];
      // Without curvature yet, a step of length one at most.
      double length = pairs.isEmpty() ? Math.min(1, 1 / Math.sqrt(dot(gradient, gradient))) : 1;
      double nextValue = Double.POSITIVE_INFINITY;
      for (int halving = 0; halving < MOST_HALVINGS; halving++) {
        move(point, direction, length, next);
        nextValue = objective.evaluate(next, nextGradient);
        if (nextValue <= value + SUFFICIENT * length * slope) {
          break;
        }
        length /= 2;
      }
      if (!(nextValue < value)) {
        ended = true;
        return false;
      }
      remember(pairs, minus(next, point), minus(nextGradient, gradient));
      point = next;
      gradient = nextGradient;
      value = nextValue;
      return true;
    }

    /** Share of the iterations that may be made, 0 to 1. */
    double progress() {
      return (double) done / iterations;
    }

    /** Where it has come to. */
    double[] point() {
      return point;
    }
  }

  private static void remember(Deque<Pair> pairs, double[] step, double[] change) {
    double product = dot(step, change);
    if (product <= 1e-14 * dot(change, change)) {
      return;
    }
    pairs.addLast(new Pair(step, change, product));
    if (pairs.size() > PAIRS) {
      pairs.removeFirst();
    }
  }

  /** The two-loop recursion. */
  private static double[] direction(double[] gradient, Deque<Pair> pairs) {
    double[] direction = new double[gradient.length];
    move(direction, gradient, -1, direction);
    if (pairs.isEmpty()) {
      return direction;
    }
    double[] weights = new double[pairs.size()];
    Iterator<Pair> newestFirst = pairs.descendingIterator();
    for (int i = pairs.size() - 1; i >= 0; i--) {
      Pair pair = newestFirst.next();
      weights[i] = dot(pair.step(), direction) / pair.product();
      move(direction, pair.change(), -weights[i], direction);
    }
    Pair last = pairs.getLast();
    double scale = last.product() / dot(last.change(), last.change());
    for (int j = 0; j < direction.length; j++) {
      direction[j] *= scale;
    }
    int i = 0;
    for (Pair pair : pairs) {
      double back = dot(pair.change(), direction) / pair.product();
      move(direction, pair.step(), weights[i++] - back, direction);
    }
    return direction;
  }

  private static void move(double[] from, double[] direction, double length, double[] to) {
    for (int j = 0; j < to.length; j++) {
      to[j] = from[j] + length * direction[j];
    }
  }

  private static double[] minus(double[] a, double[] b) {
    double[] difference = new double[a.length];
    move(a, b, -1, difference);
    return difference;
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int j = 0; j < a.length; j++) {
      sum += a[j] * b[j];
    }
    return sum;
  }

  private static double largest(double[] gradient) {
    double most = 0;
    for (double x : gradient) {
      most = Math.max(most, Math.abs(x));
    }
    return most;
  }
}
