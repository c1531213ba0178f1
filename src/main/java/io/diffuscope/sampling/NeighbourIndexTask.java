package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.data.DataSet;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Locale;
import java.util.Objects;
import org.apache.lucene.util.hnsw.HnswGraphBuilder;
import org.apache.lucene.util.hnsw.RandomVectorScorerSupplier;
import org.apache.lucene.util.hnsw.UpdateableRandomVectorScorer;
import org.jspecify.annotations.Nullable;

/** Builds the index of a set, some points a piece. */
final class NeighbourIndexTask implements Task<NeighbourIndex> {
  private static final int PIECE = 128;

  /** Points that are looked at for the neighbours of a new one. */
  private static final int BEAM = 128;

  private final NDManager manager;
  private final DataSet set;
  private final String role;
  private final float[] centre;
  private final long seed;
  private final float[][] vectors;
  private final HnswGraphBuilder builder;
  private float @Nullable [][] directions;
  private int done;
  private @Nullable NeighbourIndex result;

  /**
   * A build.
   *
   * @param role of the set, for people
   * @param centre subtracted from every point, {@code [d]}
   */
  NeighbourIndexTask(NDManager parent, DataSet set, String role, double[] centre, long seed) {
    this.set = set;
    this.role = role;
    this.centre = new float[centre.length];
    for (int i = 0; i < centre.length; i++) {
      this.centre[i] = (float) centre[i];
    }
    this.seed = seed;
    this.vectors = new float[Math.toIntExact(set.size())][];
    this.builder = builder(vectors, seed);
    this.manager = parent.newSubManager();
  }

  /**
   * Fails where the index of a set would take more than so many bytes of memory.
   *
   * @param d numbers of a point
   */
  static void requireMemory(DataSet set, int d, long memory) throws BadInputException {
    long bytes = NeighbourIndex.bytes(set.size(), d);
    if (bytes > memory) {
      throw new BadInputException(
          set.source(),
          Reason.UNSUPPORTED,
          String.format(
              Locale.ROOT,
              "an index of its %d points takes %.1f GiB of the Java heap, and %.1f GiB are allowed"
                  + " (half of it, for the indices of both sets): give it more with"
                  + " DIFFUSCOPE_JAVA_OPTIONS=-Xmx..., or search exactly (leave out --search"
                  + " approximate, neighbours.search)",
              set.size(),
              bytes / Math.pow(2, 30),
              memory / Math.pow(2, 30)),
          null);
    }
  }

  private static HnswGraphBuilder builder(float[][] vectors, long seed) {
    try {
      return HnswGraphBuilder.create(
          new Vectors(vectors), NeighbourIndex.DEGREE, BEAM, seed, vectors.length);
    } catch (IOException e) {
      throw new UncheckedIOException("the points are in memory", e);
    }
  }

  /** Compares indexed points with each other. */
  private record Vectors(float[][] vectors) implements RandomVectorScorerSupplier {
    @Override
    public UpdateableRandomVectorScorer scorer() {
      return new UpdateableRandomVectorScorer() {
        private float[] mine = {};

        @Override
        public void setScoringOrdinal(int node) {
          mine = vectors[node];
        }

        @Override
        public float score(int node) {
          return -NeighbourIndex.squaredDistance(mine, vectors[node]);
        }

        @Override
        public int maxOrd() {
          return vectors.length;
        }
      };
    }

    @Override
    public RandomVectorScorerSupplier copy() {
      return this;
    }
  }

  @Override
  public boolean advance() throws BadInputException {
    float[][] along = directions;
    if (along == null) {
      int count = NeighbourIndex.directions(centre.length);
      directions =
          count == centre.length
              ? new float[0][]
              : Directions.of(manager, set, centre, count, seed);
      return true;
    }
    try {
      if (done < vectors.length) {
        add(along, Math.min(PIECE, vectors.length - done));
        return true;
      }
      result =
          new NeighbourIndex(centre, along, vectors, StoredGraph.of(builder.getCompletedGraph()));
      return false;
    } catch (IOException e) {
      throw new UncheckedIOException("the graph is in memory", e);
    }
  }

  private void add(float[][] along, int count) throws BadInputException, IOException {
    try (NDManager scratch = manager.newSubManager()) {
      NDArray points = HostArrays.points(scratch, set, done, count);
      float[][] rows = project(points, centre, along);
      System.arraycopy(rows, 0, vectors, done, count);
    }
    for (int i = 0; i < count; i++) {
      builder.addGraphNode(done + i);
    }
    done += count;
  }

  /**
   * Points along directions.
   *
   * @param points float32 {@code [count, d]}
   * @return {@code [count][m]}
   */
  static float[][] project(NDArray points, float[] centre, float[][] along) {
    int count = Math.toIntExact(points.getShape().get(0));
    try (NDManager scratch = points.getManager().newSubManager()) {
      NDArray shift = scratch.create(centre, new Shape(1, centre.length));
      NDArray centred = points.sub(shift);
      centred.attach(scratch);
      NDArray rows = centred;
      if (along.length > 0) {
        float[] flat = new float[along.length * centre.length];
        for (int i = 0; i < along.length; i++) {
          System.arraycopy(along[i], 0, flat, i * centre.length, centre.length);
        }
        rows =
            centred.matMul(
                scratch.create(flat, new Shape(along.length, centre.length)).transpose());
        rows.attach(scratch);
      }
      float[] values = rows.toFloatArray();
      int m = values.length / count;
      float[][] result = new float[count][m];
      for (int i = 0; i < count; i++) {
        System.arraycopy(values, i * m, result[i], 0, m);
      }
      return result;
    }
  }

  @Override
  public double progress() {
    return (double) done / (vectors.length + 1);
  }

  @Override
  public Part part() {
    return new Part("index of the " + role, progress());
  }

  @Override
  public NeighbourIndex result() {
    return Objects.requireNonNull(result, "the index is not built yet");
  }

  @Override
  public void close() {
    manager.close();
  }
}
