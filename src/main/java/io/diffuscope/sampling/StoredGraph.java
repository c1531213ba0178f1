package io.diffuscope.sampling;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.lucene.search.DocIdSetIterator;
import org.apache.lucene.util.hnsw.HnswGraph;

/**
 * A finished graph of near neighbours, as it is kept on disk: level 0 has all nodes, each level
 * above a few of those below.
 *
 * @param ground neighbours of each node on level 0, {@code [n][]}
 * @param upper neighbours by node, of level 1 and above
 * @param entry node that a search begins at, on the highest level
 */
record StoredGraph(int[][] ground, List<Map<Integer, int[]>> upper, int entry) {
  private static final int[] NONE = {};

  /** Takes a graph that was built. */
  static StoredGraph of(HnswGraph graph) throws IOException {
    int[][] ground = new int[graph.size()][];
    for (int node = 0; node < ground.length; node++) {
      ground[node] = neighbours(graph, 0, node);
    }
    List<Map<Integer, int[]>> upper = new ArrayList<>();
    for (int level = 1; level < graph.numLevels(); level++) {
      Map<Integer, int[]> nodes = new HashMap<>();
      HnswGraph.NodesIterator each = graph.getNodesOnLevel(level);
      while (each.hasNext()) {
        int node = each.nextInt();
        nodes.put(node, neighbours(graph, level, node));
      }
      upper.add(nodes);
    }
    return new StoredGraph(ground, upper, graph.entryNode());
  }

  private static int[] neighbours(HnswGraph graph, int level, int node) throws IOException {
    graph.seek(level, node);
    int[] found = new int[graph.neighborCount()];
    for (int i = 0; i < found.length; i++) {
      found[i] = graph.nextNeighbor();
    }
    return found;
  }

  /** Whether every node that it names is there; a file may hold anything. */
  boolean isSound() {
    int size = ground.length;
    if (entry < 0 || entry >= size) {
      return false;
    }
    for (int[] neighbours : ground) {
      if (!areBelow(neighbours, size)) {
        return false;
      }
    }
    for (Map<Integer, int[]> level : upper) {
      for (Map.Entry<Integer, int[]> node : level.entrySet()) {
        if (node.getKey() < 0 || node.getKey() >= size || !areBelow(node.getValue(), size)) {
          return false;
        }
      }
    }
    return true;
  }

  private static boolean areBelow(int[] nodes, int size) {
    for (int node : nodes) {
      if (node < 0 || node >= size) {
        return false;
      }
    }
    return true;
  }

  private int[] neighbours(int level, int node) {
    return level == 0 ? ground[node] : upper.get(level - 1).getOrDefault(node, NONE);
  }

  /** For one search. */
  HnswGraph walk(int degree) {
    return new HnswGraph() {
      private int[] current = NONE;
      private int next;

      @Override
      public void seek(int level, int target) {
        current = neighbours(level, target);
        next = 0;
      }

      @Override
      public int size() {
        return ground.length;
      }

      @Override
      public int nextNeighbor() {
        // As the class asks for at the end of a node's neighbours.
        return next < current.length ? current[next++] : DocIdSetIterator.NO_MORE_DOCS;
      }

      @Override
      public int numLevels() {
        return upper.size() + 1;
      }

      @Override
      public int maxConn() {
        return degree;
      }

      @Override
      public int entryNode() {
        return entry;
      }

      @Override
      public int neighborCount() {
        return current.length;
      }

      @Override
      public NodesIterator getNodesOnLevel(int level) {
        return level == 0
            ? new ArrayNodesIterator(ground.length)
            : new ArrayNodesIterator(
                upper.get(level - 1).keySet().stream().mapToInt(i -> i).sorted().toArray(),
                upper.get(level - 1).size());
      }
    };
  }
}
