package io.diffuscope.statistics;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Do train and hold-out look like two random parts of one set, before any model comes in?
 *
 * <p>For each pooled point its nearest other pooled point is given. T1 is the share of training
 * points whose nearest is a training point, T2 the share of hold-out points whose nearest is a
 * hold-out point. Under random labels their counts have the moments of nearest-neighbour
 * contingency tables (Dixon 1994, Ecology 75, 1940-1948); the p-value is a permutation test's of
 * max(|z1|, |z2|). Both parts are needed: noise in the hold-out makes T1 rise and T2 fall, and the
 * two cancel in a pooled count.
 *
 * <p>Where the sets may differ in their mix of classes the labels are exchangeable within classes
 * only; where the split was by patient or video, patients or videos are. {@link Strata} says both.
 *
 * @param trainToTrain T1
 * @param holdoutToHoldout T2
 * @param trainZ z1, T1 in standard deviations under relabelling
 * @param holdoutZ z2
 * @param pValue permutation p-value of max(|z1|, |z2|)
 */
public record HoldoutCheck(
    double trainToTrain, double holdoutToHoldout, double trainZ, double holdoutZ, double pValue) {
  /** Below this p-value the sets differ, and what compares them is not trustworthy. */
  public static final double LEVEL = .01;

  private static final int MOST_RELABELLINGS = 9_999;
  private static final int LEAST_RELABELLINGS = 999;
  private static final long POINTS_RELABELLED = 100_000_000;
  private static final int EXCEEDANCES = 50;
  private static final int MOMENT_RELABELLINGS = 1_999;

  /**
   * Checks a split of points that are all exchangeable. Costs at most about 10^8 label look-ups up
   * to 100,000 points and 999 per point beyond; far less where nothing differs.
   *
   * @param nearest for each pooled point the index of its nearest other pooled point, {@code [N_t +
   *     N_h]}; training points come first
   * @param trainSize N_t
   * @param seed seed of the relabellings
   * @throws IllegalArgumentException if a set has fewer than two points, or an index is out of
   *     range or the point's own
   */
  public static HoldoutCheck of(int[] nearest, int trainSize, long seed) {
    int holdoutSize = nearest.length - trainSize;
    requireSizes(trainSize, holdoutSize);
    NeighbourPairs pairs = NeighbourPairs.of(nearest);
    UnitLabels labels = new UnitLabels(Strata.one(trainSize, holdoutSize), seed);
    SameSide counter = new SameSide(IntStream.range(0, nearest.length).toArray(), nearest);
    return check(
        counter, labels, Standardized.of(pairs, trainSize), Standardized.of(pairs, holdoutSize));
  }

  /**
   * Checks a split that was made by units, such as patients, or within strata, such as classes:
   * units are relabelled within their stratum. Mean and deviation under relabelling, which scale z1
   * and z2, are those of 1,999 relabellings that the p-value has no part in, so that it is valid
   * whatever they are.
   *
   * @param nearest for each pooled point the index of its nearest point of another unit
   * @param units the unit of each pooled point, {@code [N_t + N_h]}: those of train as {@link
   *     Strata} numbers them, then those of the hold-out
   * @param strata units by stratum
   * @param seed seed of the relabellings
   * @throws IllegalArgumentException if a set has fewer than two units, an index is out of range or
   *     of the point's own unit, or no stratum has units of both sets
   */
  public static HoldoutCheck of(int[] nearest, int[] units, Strata strata, long seed) {
    requireSizes(strata.trainUnits(), strata.holdoutUnits());
    if (!strata.canExchange()) {
      throw new IllegalArgumentException(
          "the hold-out check within classes needs a class that both sets have");
    }
    int[] neighbours = new int[nearest.length];
    for (int i = 0; i < nearest.length; i++) {
      neighbours[i] = units[nearest[i]];
      if (neighbours[i] == units[i]) {
        throw new IllegalArgumentException(
            "nearest point of another unit of %d cannot be %d".formatted(i, nearest[i]));
      }
    }
    SameSide counter = new SameSide(units, neighbours);
    int draws = Math.clamp(POINTS_RELABELLED / nearest.length, 199, MOMENT_RELABELLINGS);
    double[] train = new double[draws];
    double[] holdout = new double[draws];
    UnitLabels first = new UnitLabels(strata, ~seed);
    for (int i = 0; i < draws; i++) {
      Shares shares = counter.of(first.next());
      train[i] = shares.train();
      holdout[i] = shares.holdout();
    }
    return check(
        counter, new UnitLabels(strata, seed), Standardized.of(train), Standardized.of(holdout));
  }

  private static void requireSizes(int train, int holdout) {
    if (train < 2 || holdout < 2) {
      throw new IllegalArgumentException(
          "the hold-out check needs two points or more on each side: got %d of train and %d of the"
                  .formatted(train, holdout)
              + " hold-out");
    }
  }

  private static HoldoutCheck check(
      SameSide counter, UnitLabels labels, Standardized train, Standardized holdout) {
    Shares found = counter.of(labels.found());
    double trainZ = train.z(found.train());
    double holdoutZ = holdout.z(found.holdout());
    // Equal outcomes are ties, whatever rounding did to them.
    double observed = Math.max(Math.abs(trainZ), Math.abs(holdoutZ)) - 1e-9;

    int most =
        Math.clamp(POINTS_RELABELLED / counter.points(), LEAST_RELABELLINGS, MOST_RELABELLINGS);
    int exceedances = 0;
    int drawn = 0;
    while (drawn < most && exceedances < EXCEEDANCES) {
      Shares shares = counter.of(labels.next());
      drawn++;
      double drawnTrain = Math.abs(train.z(shares.train()));
      double drawnHoldout = Math.abs(holdout.z(shares.holdout()));
      if (Math.max(drawnTrain, drawnHoldout) >= observed) {
        exceedances++;
      }
    }
    Relabelling.Tally tally = new Relabelling.Tally(exceedances, drawn, exceedances == EXCEEDANCES);
    return new HoldoutCheck(found.train(), found.holdout(), trainZ, holdoutZ, tally.pValue());
  }

  /** Whether train and hold-out differ: then affinity and denoising gap must raise nothing. */
  public boolean differs() {
    return pValue < LEVEL;
  }

  /**
   * Shares of points whose nearest other point carries their own label.
   *
   * @param train of training points, T1
   * @param holdout of hold-out points, T2
   */
  private record Shares(double train, double holdout) {}

  /**
   * Counts neighbours on the same side.
   *
   * @param units the unit of each point
   * @param neighbours the unit of its nearest other point
   */
  private record SameSide(int[] units, int[] neighbours) {
    int points() {
      return units.length;
    }

    /** Labels are 1 for train, 0 for hold-out: sums of products, as branches on chance are slow. */
    Shares of(int[] labels) {
      int both = 0;
      int first = 0;
      int second = 0;
      for (int i = 0; i < units.length; i++) {
        int label = labels[units[i]];
        int neighbour = labels[neighbours[i]];
        both += label & neighbour;
        first += label;
        second += neighbour;
      }
      int others = units.length - first;
      return new Shares((double) both / first, (double) (others - second + both) / others);
    }
  }

  /** Centres and scales a share; one that cannot vary is at its mean. */
  private record Standardized(double mean, double deviation) {
    static Standardized of(NeighbourPairs pairs, int size) {
      return new Standardized(
          pairs.mean(size) / size, Math.sqrt(Math.max(0, pairs.variance(size))) / size);
    }

    static Standardized of(double[] shares) {
      Moments moments = Moments.of(shares);
      return new Standardized(moments.mean(), Math.sqrt(moments.variance()));
    }

    double z(double share) {
      return deviation == 0 ? 0 : (share - mean) / deviation;
    }
  }

  /**
   * Random labels of units with a fixed number of train in each stratum; rewritten by each draw.
   */
  private static final class UnitLabels {
    private final Strata strata;
    private final int[] labels;

    /** Units, stratum by stratum. */
    private final int[] order;

    private final SplittableRandom random;

    UnitLabels(Strata strata, long seed) {
      this.strata = strata;
      int trainUnits = strata.trainUnits();
      labels = new int[trainUnits + strata.holdoutUnits()];
      order = new int[labels.length];
      int next = 0;
      int train = 0;
      int holdout = trainUnits;
      for (int c = 0; c < strata.count(); c++) {
        for (int i = 0; i < strata.train().get(c); i++) {
          order[next++] = train++;
        }
        for (int i = 0; i < strata.holdout().get(c); i++) {
          order[next++] = holdout++;
        }
      }
      random = new SplittableRandom(seed);
    }

    /** The labels that the units have. */
    int[] found() {
      Arrays.fill(labels, 0, strata.trainUnits(), 1);
      Arrays.fill(labels, strata.trainUnits(), labels.length, 0);
      return labels;
    }

    /** Partial Fisher-Yates shuffles; any starting order gives uniform subsets. */
    int[] next() {
      int from = 0;
      for (int c = 0; c < strata.count(); c++) {
        int train = strata.train().get(c);
        int to = from + train + strata.holdout().get(c);
        int minority = Math.min(train, to - from - train);
        int minorityLabel = train == minority ? 1 : 0;
        for (int i = from; i < to; i++) {
          labels[order[i]] = 1 - minorityLabel;
        }
        for (int i = from; i < from + minority; i++) {
          int j = random.nextInt(i, to);
          int chosen = order[j];
          order[j] = order[i];
          order[i] = chosen;
          labels[chosen] = minorityLabel;
        }
        from = to;
      }
      return labels;
    }
  }
}
