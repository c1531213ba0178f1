package io.diffuscope.sampling;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.search.TopKnnCollector;
import org.apache.lucene.util.hnsw.HnswGraphSearcher;
import org.apache.lucene.util.hnsw.RandomVectorScorer;

/**
 * An index of a set's points on the host: the points along some directions, and a graph of near
 * neighbours among them (Malkov and Yashunin 2018, arXiv 1603.09320; Apache Lucene's). What it
 * names as near is compared exactly by others.
 *
 * @param centre subtracted from every point, {@code [d]}
 * @param directions an orthonormal basis, {@code [m][d]}; empty where points are indexed whole
 * @param vectors the points along the directions, {@code [n][m]}
 * @param graph the graph
 */
record NeighbourIndex(float[] centre, float[][] directions, float[][] vectors, StoredGraph graph) {
  /** Most neighbours of a point above the ground; twice as many on it. */
  static final int DEGREE = 16;

  /** Points of more numbers are indexed along this many directions. */
  static final int MOST_DIRECTIONS = 256;

  /** Points that a search keeps in sight, and names. */
  static final int CANDIDATES = 128;

  /** Directions of points of so many numbers. */
  static int directions(int d) {
    return Math.min(d, MOST_DIRECTIONS);
  }

  /** Bytes of memory that it takes at most, and while it is built. */
  static long bytes(long points, int d) {
    // Two copies of the links with what each is worth, and the arrays' headers.
    return points * (directions(d) * (long) Float.BYTES + 700);
  }

  /** The points near a query, at most {@link #CANDIDATES}, nearest along the directions first. */
  int[] near(float[] query) {
    TopKnnCollector collector =
        new TopKnnCollector(Math.min(CANDIDATES, vectors.length), Integer.MAX_VALUE);
    RandomVectorScorer scorer =
        new RandomVectorScorer() {
          @Override
          public float score(int node) {
            return -squaredDistance(query, vectors[node]);
          }

          @Override
          public int maxOrd() {
            return vectors.length;
          }
        };
    try {
      HnswGraphSearcher.search(scorer, collector, graph.walk(DEGREE), null);
    } catch (IOException e) {
      throw new UncheckedIOException("the graph is in memory", e);
    }
    ScoreDoc[] found = collector.topDocs().scoreDocs;
    return Arrays.stream(found).mapToInt(point -> point.doc).toArray();
  }

  static float squaredDistance(float[] x, float[] y) {
    // Four sums, which a processor adds at once.
    float a = 0;
    float b = 0;
    float c = 0;
    float d = 0;
    int i = 0;
    for (; i + 3 < x.length; i += 4) {
      float p = x[i] - y[i];
      float q = x[i + 1] - y[i + 1];
      float r = x[i + 2] - y[i + 2];
      float s = x[i + 3] - y[i + 3];
      a += p * p;
      b += q * q;
      c += r * r;
      d += s * s;
    }
    for (; i < x.length; i++) {
      float p = x[i] - y[i];
      a += p * p;
    }
    return a + b + (c + d);
  }
}
