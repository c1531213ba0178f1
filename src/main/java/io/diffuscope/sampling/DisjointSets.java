package io.diffuscope.sampling;

/** Union-find over 0..n-1 with path halving; labels are the smallest member of each set. */
final class DisjointSets {
  private final int[] parent;

  DisjointSets(int size) {
    parent = new int[size];
    for (int i = 0; i < size; i++) {
      parent[i] = i;
    }
  }

  void merge(int a, int b) {
    int rootA = root(a);
    int rootB = root(b);
    parent[Math.max(rootA, rootB)] = Math.min(rootA, rootB);
  }

  private int root(int element) {
    int i = element;
    while (parent[i] != i) {
      parent[i] = parent[parent[i]];
      i = parent[i];
    }
    return i;
  }

  int[] labels() {
    int[] labels = new int[parent.length];
    for (int i = 0; i < parent.length; i++) {
      labels[i] = root(i);
    }
    return labels;
  }
}
