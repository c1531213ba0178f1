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
 * <p>A point here is what was randomised: where the split was by patient, a "point" is a patient,
 * and where the labels are exchangeable only within classes, {@link Strata} says so.
 *
 * <p>A tie counts by class size: p = N_train / (N_train + N_holdout) for the training point and 1 -
 * p for the hold-out point, in their stratum, which is what a coin thrown without regard to the
 * split would give on average.
 */
public final class AffinityCounts {
  private final Strata strata;
  private final int[] trainStrata;
  private final int[] holdoutStrata;
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
    this(Strata.one(trainSize, holdoutSize));
  }

  /**
   * Counts over the units of two sets.
   *
   * @throws IllegalArgumentException if a set has fewer than two units, or no stratum has units of
   *     both sets: nothing can be estimated then
   */
  public AffinityCounts(Strata strata) {
    int trainSize = strata.trainUnits();
    int holdoutSize = strata.holdoutUnits();
    if (trainSize < 2 || holdoutSize < 2) {
      throw new IllegalArgumentException(
          "train affinity needs two points or more on each side: got %d of train and %d of the"
                  .formatted(trainSize, holdoutSize)
              + " hold-out; give larger sets or switch the signal off");
    }
    if (!strata.canExchange()) {
      throw new IllegalArgumentException(
          "train affinity within classes needs a class that both sets have; give sets of the same"
              + " classes, or no labels");
    }
    this.strata = strata;
    trainStrata = Strata.ofUnits(strata.train());
    holdoutStrata = Strata.ofUnits(strata.holdout());
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

  /** Within what the labels are exchangeable. */
  Strata strata() {
    return strata;
  }

  int trainStratum(int index) {
    return trainStrata[index];
  }

  int holdoutStratum(int index) {
    return holdoutStrata[index];
  }

  /** Hits of a training point; whole but for its ties. */
  double trainHits(int index) {
    int ties = trainTies[index];
    return ties == 0 ? train[index] : train[index] + strata.trainPart(trainStrata[index]) * ties;
  }

  /** Hits of a hold-out point; whole but for its ties. */
  double holdoutHits(int index) {
    int ties = holdoutTies[index];
    return ties == 0
        ? holdout[index]
        : holdout[index] + (1 - strata.trainPart(holdoutStrata[index])) * ties;
  }
}
