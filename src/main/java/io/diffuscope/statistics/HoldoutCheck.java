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

  /**
   * Checks a split. Costs at most about 10^8 label look-ups up to 100,000 points and 999 per point
   * beyond; far less where nothing differs.
   *
   * @param nearest for each pooled point the index of its nearest other pooled point, {@code [N_t +
   *     N_h]}; training points come first
   * @param trainSize N_t
   * @param seed seed of the relabellings
   * @throws IllegalArgumentException if a set has fewer than two points, or an index is out of
   *     range or the point's own
   */
  public static HoldoutCheck of(int[] nearest, int trainSize, long seed) {
    int pool = nearest.length;
    int holdoutSize = pool - trainSize;
    if (trainSize < 2 || holdoutSize < 2) {
      throw new IllegalArgumentException(
          "the hold-out check needs two points or more on each side: got %d of train and %d of the"
                  .formatted(trainSize, holdoutSize)
              + " hold-out");
    }
    NeighbourPairs pairs = NeighbourPairs.of(nearest);
    int[] labels = new int[pool];
    Arrays.fill(labels, 0, trainSize, 1);
    Standardized train = new Standardized(pairs, trainSize);
    Standardized holdout = new Standardized(pairs, holdoutSize);

    Pairs found = Pairs.count(nearest, labels);
    double trainZ = train.z(found.train());
    double holdoutZ = holdout.z(found.holdout());
    // Equal outcomes are ties, whatever rounding did to them.
    double observed = Math.max(Math.abs(trainZ), Math.abs(holdoutZ)) - 1e-9;

    int most = Math.clamp(POINTS_RELABELLED / pool, LEAST_RELABELLINGS, MOST_RELABELLINGS);
    Shuffle shuffle = new Shuffle(pool, trainSize, seed);
    int exceedances = 0;
    int drawn = 0;
    while (drawn < most && exceedances < EXCEEDANCES) {
      Pairs drawnPairs = Pairs.count(nearest, shuffle.next());
      double drawnTrain = train.z(drawnPairs.train());
      double drawnHoldout = holdout.z(drawnPairs.holdout());
      drawn++;
      if (Math.max(Math.abs(drawnTrain), Math.abs(drawnHoldout)) >= observed) {
        exceedances++;
      }
    }
    Relabelling.Tally tally = new Relabelling.Tally(exceedances, drawn, exceedances == EXCEEDANCES);
    return new HoldoutCheck(
        (double) found.train() / trainSize,
        (double) found.holdout() / holdoutSize,
        trainZ,
        holdoutZ,
        tally.pValue());
  }

  /** Whether train and hold-out differ: then affinity and denoising gap must raise nothing. */
  public boolean differs() {
    return pValue < LEVEL;
  }

  /**
   * Points whose nearest other point carries their own label.
   *
   * @param train among training points
   * @param holdout among hold-out points
   */
  private record Pairs(int train, int holdout) {
    /** Labels are 1 for train, 0 for hold-out: sums of products, as branches on chance are slow. */
    static Pairs count(int[] nearest, int[] labels) {
      int both = 0;
      int first = 0;
      int second = 0;
      for (int i = 0; i < nearest.length; i++) {
        int label = labels[i];
        int neighbour = labels[nearest[i]];
        both += label & neighbour;
        first += label;
        second += neighbour;
      }
      return new Pairs(both, nearest.length - first - second + both);
    }
  }

  /** Centres and scales a count of pairs; a count that cannot vary is at its mean. */
  private record Standardized(double mean, double deviation) {
    Standardized(NeighbourPairs pairs, int size) {
      this(pairs.mean(size), Math.sqrt(Math.max(0, pairs.variance(size))));
    }

    double z(int count) {
      return deviation == 0 ? 0 : (count - mean) / deviation;
    }
  }

  /** Random labels with a fixed number of training points; one array, rewritten by each draw. */
  private static final class Shuffle {
    private final int[] order;
    private final int[] labels;
    private final int minority;
    private final int minorityLabel;
    private final SplittableRandom random;

    Shuffle(int pool, int trainSize, long seed) {
      order = IntStream.range(0, pool).toArray();
      labels = new int[pool];
      minority = Math.min(trainSize, pool - trainSize);
      minorityLabel = trainSize == minority ? 1 : 0;
      random = new SplittableRandom(seed);
    }

    /** A partial Fisher-Yates shuffle; any starting order gives uniform subsets. */
    int[] next() {
      Arrays.fill(labels, 1 - minorityLabel);
      for (int i = 0; i < minority; i++) {
        int j = random.nextInt(i, order.length);
        int chosen = order[j];
        order[j] = order[i];
        order[i] = chosen;
        labels[chosen] = minorityLabel;
      }
      return labels;
    }
  }
}
