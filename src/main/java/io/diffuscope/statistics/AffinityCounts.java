package io.diffuscope.statistics;

/**
 * How many samples have which point of train + hold-out as their nearest: the data of {@link
 * TrainAffinityTest}. Filled from one thread; the order of the calls does not matter, to the last
 * digit, because only whole numbers are added.
 *
 * <pre>{@code
 * var counts = new AffinityCounts(trainSize, holdoutSize);
 * counts.train(17);       // this sample's nearest point is training point 17
 * counts.holdout(3);      // this one's is hold-out point 3
 * counts.tie(5, 9);       // this one is equally far from both
 * TrainAffinity affinity = test.evaluate(counts);
 * }</pre>
 *
 * <p>A tie counts by class size: p = N_train / (N_train + N_holdout) for the training point and 1 -
 * p for the hold-out point, which is what a coin thrown without regard to the split would give on
 * average.
 */
public final class AffinityCounts {
  private final int[] train;
  private final int[] holdout;
  private final int[] trainTies;
  private final int[] holdoutTies;
  private long samples;

  /**
   * Counts over empty sets of this size.
   *
   * @throws IllegalArgumentException if a set has fewer than two points: nothing can be estimated
   *     then
   */
  public AffinityCounts(int trainSize, int holdoutSize) {
    if (trainSize < 2 || holdoutSize < 2) {
      throw new IllegalArgumentException(
          "train affinity needs two points or more on each side: got %d of train and %d of the"
                  .formatted(trainSize, holdoutSize)
              + " hold-out; give larger sets or switch the signal off");
    }
    train = new int[trainSize];
    holdout = new int[holdoutSize];
    trainTies = new int[trainSize];
    holdoutTies = new int[holdoutSize];
  }

  /** One sample whose nearest point is this training point. */
  public void train(int index) {
    train[index]++;
    samples++;
  }

  /** One sample whose nearest point is this hold-out point. */
  public void holdout(int index) {
    holdout[index]++;
    samples++;
  }

  /** One sample that is exactly as far from this training point as from this hold-out point. */
  public void tie(int trainIndex, int holdoutIndex) {
    trainTies[trainIndex]++;
    holdoutTies[holdoutIndex]++;
    samples++;
  }

  /** Samples counted so far, M. */
  public long samples() {
    return samples;
  }

  /** Points in the training set, N_t. */
  public int trainSize() {
    return train.length;
  }

  /** Points in the hold-out set, N_h. */
  public int holdoutSize() {
    return holdout.length;
  }

  /** Share of training points in the pool, p = N_t / (N_t + N_h). */
  public double trainPart() {
    return train.length / ((double) train.length + holdout.length);
  }

  /** Hits of a training point; whole but for its ties. */
  double trainHits(int index) {
    return train[index] + trainPart() * trainTies[index];
  }

  /** Hits of a hold-out point; whole but for its ties. */
  double holdoutHits(int index) {
    return holdout[index] + (1 - trainPart()) * holdoutTies[index];
  }
}
