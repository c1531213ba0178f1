package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.data.DataSet;
import io.diffuscope.sampling.NeighbourSearch.Exclusion;
import io.diffuscope.sampling.NeighbourSearch.Nearest;
import io.diffuscope.sampling.NeighbourSearch.PairVisitor;
import io.diffuscope.tensorfile.BadInputException;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Searches through an index: the points that it names are compared in float64 by all their numbers.
 * Where what is asked for is not among them, as in a group of more duplicates than it names, all
 * points are looked at.
 */
final class IndexedSearch implements PointSearch {
  private final DataSet set;
  private final NeighbourIndex index;
  private final NeighbourSearch all;
  private final Orbit orbit;

  /**
   * A search.
   *
   * @param set that was indexed
   * @param all searches the same points exactly
   */
  IndexedSearch(DataSet set, NeighbourIndex index, NeighbourSearch all, Orbit orbit) {
    this.set = set;
    this.index = index;
    this.all = all;
    this.orbit = orbit;
  }

  /** The search that looks at all points. */
  NeighbourSearch exact() {
    return all;
  }

  /** A point that was named, with its squared distance. */
  private record Candidate(int point, double squared) {}

  @Override
  public Nearest nearestTwo(NDArray queries, @Nullable Exclusion exclusion)
      throws BadInputException {
    List<List<Candidate>> candidates = candidates(queries);
    int[][] nearest = new int[candidates.size()][];
    double[][] distance = new double[candidates.size()][];
    List<Integer> left = new ArrayList<>();
    for (int query = 0; query < nearest.length; query++) {
      int own = query;
      List<Candidate> two =
          candidates.get(query).stream()
              .filter(
                  candidate ->
                      exclusion == null
                          || exclusion.pointLabels()[candidate.point]
                              != exclusion.queryLabels()[own])
              .limit(2)
              .toList();
      if (two.size() == 2) {
        nearest[query] = two.stream().mapToInt(Candidate::point).toArray();
        distance[query] = two.stream().mapToDouble(c -> Math.sqrt(c.squared)).toArray();
      } else {
        left.add(query);
      }
    }
    if (!left.isEmpty()) {
      searchAll(queries, left.stream().mapToInt(i -> i).toArray(), exclusion, nearest, distance);
    }
    return new Nearest(nearest, distance);
  }

  private void searchAll(
      NDArray queries,
      int[] rows,
      @Nullable Exclusion exclusion,
      int[][] nearest,
      double[][] distance)
      throws BadInputException {
    try (NDManager scratch = queries.getManager().newSubManager()) {
      Nearest found =
          all.nearestTwo(
              rows(queries, rows, scratch),
              exclusion == null
                  ? null
                  : new Exclusion(
                      exclusion.pointLabels(), TrainGroups.of(exclusion.queryLabels(), rows)));
      for (int i = 0; i < rows.length; i++) {
        nearest[rows[i]] = found.index()[i];
        distance[rows[i]] = found.distance()[i];
      }
    }
  }

  @Override
  public void closerThan(NDArray queries, double radius, PairVisitor visitor)
      throws BadInputException {
    List<List<Candidate>> candidates = candidates(queries);
    List<Integer> left = new ArrayList<>();
    for (int query = 0; query < candidates.size(); query++) {
      List<Candidate> close =
          candidates.get(query).stream().filter(c -> Math.sqrt(c.squared) < radius).toList();
      if (close.size() >= Math.min(NeighbourIndex.CANDIDATES, set.size())) {
        left.add(query);
      } else {
        int own = query;
        close.forEach(candidate -> visitor.visit(own, candidate.point));
      }
    }
    if (!left.isEmpty()) {
      int[] rows = left.stream().mapToInt(i -> i).toArray();
      try (NDManager scratch = queries.getManager().newSubManager()) {
        all.closerThan(
            rows(queries, rows, scratch),
            radius,
            (query, point) -> visitor.visit(rows[query], point));
      }
    }
  }

  private static NDArray rows(NDArray queries, int[] rows, NDManager scratch) {
    int d = Math.toIntExact(queries.getShape().get(1));
    float[] values = queries.toFloatArray();
    float[] some = new float[rows.length * d];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(values, rows[i] * d, some, i * d, d);
    }
    return scratch.create(some, new Shape(rows.length, d));
  }

  /** What the index names for each query, nearest first. */
  private List<List<Candidate>> candidates(NDArray queries) throws BadInputException {
    int count = Math.toIntExact(queries.getShape().get(0));
    int d = index.centre().length;
    try (NDManager scratch = queries.getManager().newSubManager()) {
      List<float[]> forms = new ArrayList<>();
      List<TreeSet<Integer>> named = new ArrayList<>();
      for (int query = 0; query < count; query++) {
        named.add(new TreeSet<>());
      }
      for (NDArray form : orbit.of(queries, scratch)) {
        float[] values = form.toFloatArray();
        for (int i = 0; i < values.length; i++) {
          values[i] -= index.centre()[i % d];
        }
        forms.add(values);
        float[][] along = NeighbourIndexTask.project(form, index.centre(), index.directions());
        for (int query = 0; query < count; query++) {
          Arrays.stream(index.near(along[query])).forEach(named.get(query)::add);
        }
      }
      List<List<Candidate>> candidates = new ArrayList<>();
      float[] point = new float[d];
      for (int query = 0; query < count; query++) {
        List<Candidate> mine = new ArrayList<>();
        for (int name : named.get(query)) {
          set.read(name, 1, FloatBuffer.wrap(point));
          double least = Double.POSITIVE_INFINITY;
          for (float[] form : forms) {
            least = Math.min(least, squaredDistance(point, form, query * d));
          }
          mine.add(new Candidate(name, least));
        }
        // Stable, and names ascend: of equally distant points the first comes first.
        mine.sort((a, b) -> Double.compare(a.squared, b.squared));
        candidates.add(mine);
      }
      return candidates;
    }
  }

  /** From differences in float64 of what is rounded to float32, as in the search of all points. */
  private double squaredDistance(float[] point, float[] queries, int from) {
    double sum = 0;
    for (int i = 0; i < point.length; i++) {
      float centred = point[i] - index.centre()[i];
      double difference = (double) centred - queries[from + i];
      sum += difference * difference;
    }
    return sum;
  }
}
