package io.diffuscope.statistics;

/** Affinity counts from literals. */
final class Counts {
  private Counts() {}

  static AffinityCounts of(int[] train, int[] holdout) {
    AffinityCounts counts = new AffinityCounts(train.length, holdout.length);
    for (int j = 0; j < train.length; j++) {
      for (int k = 0; k < train[j]; k++) {
        counts.train(j);
      }
    }
    for (int j = 0; j < holdout.length; j++) {
      for (int k = 0; k < holdout[j]; k++) {
        counts.holdout(j);
      }
    }
    return counts;
  }
}
