package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.model.DevicePoints;
import io.diffuscope.model.DevicePoints.Block;
import io.diffuscope.model.ExactProducts;
import io.diffuscope.tensorfile.BadInputException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Exact nearest neighbours in a set of points, by blocks: one matrix product of queries with each
 * block ranks its points in float32, and the distances of the few best are then computed from
 * differences in float64, so that what is reported does not suffer from cancellation.
 */
public final class NeighbourSearch implements PointSearch {
  private static final float FAR = 1e30f;

  /** A squared distance beyond this belongs to a point that was left out. */
  private static final double EXCLUDED = 1e300;

  /**
   * Points of a block that are compared exactly: two, and some that rounding may have put behind.
   */
  private static final int CANDIDATES = 4;

  /** Memory that the candidates of some queries occupy at a time, in float64. */
  private static final long CANDIDATE_BYTES = 128L << 20;

  private final DevicePoints points;
  private final ExactProducts products;
  private final Orbit orbit;

  /** A search among these points, which stay the caller's to close. */
  public NeighbourSearch(DevicePoints points) {
    this(points, Orbit.SINGLE);
  }

  /** A search by the smallest distance over the orbit of each query. */
  NeighbourSearch(DevicePoints points, Orbit orbit) {
    this(points, points.products(), orbit);
  }

  /** A search with products of its own. */
  NeighbourSearch(DevicePoints points, ExactProducts products) {
    this(points, products, Orbit.SINGLE);
  }

  private NeighbourSearch(DevicePoints points, ExactProducts products, Orbit orbit) {
    this.points = points;
    this.products = products;
    this.orbit = orbit;
  }

  /**
   * The two nearest points of each query, nearest first.
   *
   * @param index {@code [count][2]}, -1 where the set has no second point
   * @param distance {@code [count][2]}, infinite where the set has no second point
   */
  public record Nearest(int[][] index, double[][] distance) {
    /** Index of the nearest point, {@code [count]}. */
    public int[] firstIndex() {
      return Arrays.stream(index).mapToInt(row -> row[0]).toArray();
    }

    /** Its distance, {@code [count]}. */
    public double[] firstDistance() {
      return Arrays.stream(distance).mapToDouble(row -> row[0]).toArray();
    }

    /** Index of the second nearest point, {@code [count]}; -1 where the set has none. */
    public int[] secondIndex() {
      return Arrays.stream(index).mapToInt(row -> row[1]).toArray();
    }

    /** Distance of the second nearest point, {@code [count]}. */
    public double[] secondDistance() {
      return Arrays.stream(distance).mapToDouble(row -> row[1]).toArray();
    }
  }

  /** Leaves out, for each query, all points whose label equals the query's. */
  public record Exclusion(int[] pointLabels, int[] queryLabels) {}

  /** What is done with a pair of a query and a point. */
  @FunctionalInterface
  interface PairVisitor {
    /** One pair; the same may come again. */
    void visit(int query, int point);
  }

  /** A form of the queries, shifted as the points are: as it ranks points, and exact. */
  private record Queries(NDArray coarse, NDArray exact) {}

  /** The forms that each query is searched in, with the points' shift. */
  private List<Queries> forms(NDArray queries, NDManager scratch) {
    // In float32 like the points, so that a query which equals a point has distance 0.
    NDArray shift =
        scratch
            .create(points.centre(), new Shape(1, points.dimension()))
            .toType(DataType.FLOAT32, false);
    shift.attach(scratch);
    List<Queries> forms = new ArrayList<>();
    for (NDArray form : orbit.of(queries, scratch)) {
      NDArray coarse = form.sub(shift);
      coarse.attach(scratch);
      NDArray exact = coarse.toType(DataType.FLOAT64, true);
      exact.attach(scratch);
      forms.add(new Queries(coarse, exact));
    }
    return forms;
  }

  /**
   * Searches.
   *
   * @param queries float32 {@code [count, d]}, not centred
   * @param exclusion points that do not count for a query (its own group); null for none
   */
  @Override
  public Nearest nearestTwo(NDArray queries, @Nullable Exclusion exclusion)
      throws BadInputException {
    int count = Math.toIntExact(queries.getShape().get(0));
    try (NDManager scratch = queries.getManager().newSubManager()) {
      List<Queries> forms = forms(queries, scratch);
      Best best = new Best(count);
      points.forEachBlock(
          scratch,
          (first, block) -> {
            for (Queries form : forms) {
              try (NDManager local = scratch.newSubManager()) {
                NDArray ranks = ranks(form.coarse, block, first, exclusion, local);
                best.add(candidates(form.exact, ranks, block, first, local));
              }
            }
          });
      return best.nearest();
    }
  }

  /**
   * Visits all pairs of a query and a point that are closer than a radius.
   *
   * @param queries float32 {@code [count, d]}, not centred
   */
  @Override
  public void closerThan(NDArray queries, double radius, PairVisitor visitor)
      throws BadInputException {
    try (NDManager scratch = queries.getManager().newSubManager()) {
      List<Queries> forms = forms(queries, scratch);
      List<NDArray> norms = new ArrayList<>();
      for (Queries form : forms) {
        NDArray squared = form.exact.square();
        squared.attach(scratch);
        norms.add(squared.sum(new int[] {1}, true).muli(0.5));
      }
      points.forEachBlock(
          scratch,
          (first, stored) -> {
            try (NDManager local = scratch.newSubManager()) {
              Block block = stored.toDouble(local);
              for (int form = 0; form < forms.size(); form++) {
                NDArray halfSquared = forms.get(form).exact.matMul(block.transposed()).negi();
                halfSquared.attach(local);
                halfSquared.addi(norms.get(form)).addi(block.halfSquaredNorms());
                NDArray close = halfSquared.lt(radius * radius / 2).nonzero();
                long[] flat = close.toLongArray();
                for (int i = 0; i + 1 < flat.length; i += 2) {
                  visitor.visit((int) flat[i], (int) (first + flat[i + 1]));
                }
              }
            }
          });
    }
  }

  /** {@code |y|^2/2 - x.y}: orders points by their distance from x. */
  private NDArray ranks(
      NDArray queries, Block block, long first, @Nullable Exclusion exclusion, NDManager local) {
    NDArray ranks = products.matMul(queries, block.transposed()).negi();
    ranks.attach(local);
    ranks.addi(block.halfSquaredNorms());
    if (exclusion != null) {
      int n = Math.toIntExact(block.points().getShape().get(0));
      int from = Math.toIntExact(first);
      int[] labels = Arrays.copyOfRange(exclusion.pointLabels, from, from + n);
      NDArray pointLabels = local.create(labels, new Shape(1, n));
      NDArray queryLabels =
          local.create(exclusion.queryLabels, new Shape(exclusion.queryLabels.length, 1));
      ranks.addi(queryLabels.eq(pointLabels).toType(DataType.FLOAT32, false).muli(FAR));
    }
    return ranks;
  }

  /** The block's best few with exact distances: index and squared distance, {@code [count, k]}. */
  private static NDList candidates(
      NDArray queries, NDArray ranks, Block block, long first, NDManager local) {
    int k = (int) Math.min(CANDIDATES, ranks.getShape().get(1));
    NDList top = ranks.topK(k, 1, false, true);
    NDArray index = top.get(1).toType(DataType.INT64, true);
    NDArray squared = exactDistances(queries, index, block, local);
    // What was excluded keeps its distance from the front.
    NDArray excluded = top.get(0).gt(FAR / 2).toType(DataType.FLOAT64, false);
    NDArray result = squared.addi(excluded.muli(2 * EXCLUDED));
    result.attach(local);
    return new NDList(index.addi(first), result);
  }

  /**
   * Squared distances to the points of these indices, {@code [count, k]}, as many as fit at a time.
   */
  private static NDArray exactDistances(
      NDArray queries, NDArray index, Block block, NDManager local) {
    long count = index.getShape().get(0);
    long k = index.getShape().get(1);
    long d = queries.getShape().get(1);
    long rows = Math.clamp(CANDIDATE_BYTES / (k * d * Double.BYTES), 1L, count);
    if (rows == count) {
      return exactDistances(queries, index, block, count, local);
    }
    NDList parts = new NDList();
    for (long from = 0; from < count; from += rows) {
      long part = Math.min(rows, count - from);
      try (NDManager scratch = local.newSubManager()) {
        String range = "%d:%d".formatted(from, from + part);
        NDArray some = queries.get(range);
        some.attach(scratch);
        NDArray theirs = index.get(range);
        theirs.attach(scratch);
        NDArray squared = exactDistances(some, theirs, block, part, scratch);
        squared.attach(local);
        parts.add(squared);
      }
    }
    return NDArrays.concat(parts);
  }

  private static NDArray exactDistances(
      NDArray queries, NDArray index, Block block, long count, NDManager local) {
    long k = index.getShape().get(1);
    NDArray rows = block.points().get(local, new NDIndex("{}", index.reshape(count * k)));
    NDArray difference =
        rows.toType(DataType.FLOAT64, false)
            .reshape(count, k, queries.getShape().get(1))
            .subi(queries.expandDims(1));
    return difference.square().sum(new int[] {2});
  }

  /** The best two over all blocks so far; of equally distant points the one that comes first. */
  private static final class Best {
    private final int[][] index;
    private final double[][] squared;

    Best(int count) {
      index = new int[count][2];
      squared = new double[count][2];
      for (int i = 0; i < count; i++) {
        Arrays.fill(index[i], -1);
        Arrays.fill(squared[i], Double.POSITIVE_INFINITY);
      }
    }

    void add(NDList candidates) {
      long[] newIndex = candidates.get(0).toLongArray();
      double[] newSquared = candidates.get(1).toDoubleArray();
      int k = newIndex.length / index.length;
      for (int i = 0; i < newIndex.length; i++) {
        if (newSquared[i] < EXCLUDED) {
          insert(index[i / k], squared[i / k], (int) newIndex[i], newSquared[i]);
        }
      }
    }

    private static void insert(int[] indices, double[] distances, int index, double squared) {
      // A point may come once for each form of the query; its smallest distance counts.
      if (indices[0] == index) {
        distances[0] = Math.min(distances[0], squared);
      } else if (isBefore(squared, index, distances[0], indices[0])) {
        indices[1] = indices[0];
        distances[1] = distances[0];
        indices[0] = index;
        distances[0] = squared;
      } else if (isBefore(squared, index, distances[1], indices[1])) {
        indices[1] = index;
        distances[1] = squared;
      }
    }

    private static boolean isBefore(double squared, int index, double other, int otherIndex) {
      return squared < other || (squared == other && index < otherIndex);
    }

    Nearest nearest() {
      double[][] distances =
          Arrays.stream(squared)
              .map(row -> Arrays.stream(row).map(Math::sqrt).toArray())
              .toArray(double[][]::new);
      return new Nearest(index, distances);
    }
  }
}
