package io.diffuscope.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Labels that are exchangeable within classes only, or by groups of points. */
class StratifiedSplitTest {
  private static final TrainAffinityTest QUICK = new TrainAffinityTest(1_999, 50, 3.09, 7);

  /** Literals from src/test/python/stratified_split_oracle.py: all 150 relabellings. */
  @Test
  void affinityAgreesWithEnumerationOfEveryRelabellingWithinClasses() {
    AffinityCounts counts = new AffinityCounts(new Strata(List.of(4, 2), List.of(2, 3)));
    int[] hits = {5, 4, 3, 0, 2, 1, 1, 0, 0, 1, 3};
    for (int j = 0; j < hits.length; j++) {
      for (int k = 0; k < hits[j]; k++) {
        if (j < 6) {
          counts.train(j);
        } else {
          counts.holdout(j - 6);
        }
      }
    }

    TrainAffinity found = new TrainAffinityTest(99_999, 20_000, 3.09, 7).evaluate(counts);

    assertThat(found.share().value()).isEqualTo(.75);
    assertThat(found.relabellingDeviation()).isCloseTo(0.13828312341794363, within(1e-12));
    assertThat(found.z())
        .isCloseTo((.75 - 0.5733333333333334) / 0.13828312341794363, within(1e-12));
    assertThat(found.excess().value()).isCloseTo(0.41406249999999994, within(1e-12));
    // stopped at 20,000 exceedances: a relative error of .7 %
    assertThat(found.pValue()).isCloseTo(0.14666666666666667, within(.004));
  }

  /** Literals from the same program: all 60 relabellings of units within strata. */
  @Test
  void checkAgreesWithEnumerationOfEveryRelabellingOfUnits() {
    int[] units = {0, 0, 1, 1, 1, 2, 3, 3, 4, 5, 5, 6, 7, 7, 8};
    int[] nearest = {2, 5, 0, 5, 1, 3, 8, 8, 7, 11, 12, 9, 14, 8, 12};

    HoldoutCheck check =
        HoldoutCheck.of(nearest, units, new Strata(List.of(3, 2), List.of(2, 2)), 1);

    assertThat(check.trainToTrain()).isEqualTo(1);
    assertThat(check.holdoutToHoldout()).isCloseTo(5 / 6.0, within(1e-12));
    // moments of 1,999 relabellings, p-value of as many as hold 50 exceedances
    assertThat(check.trainZ()).isCloseTo(2.878595645282417, within(.2));
    assertThat(check.holdoutZ()).isCloseTo(2.247704762683108, within(.2));
    assertThat(check.pValue()).isCloseTo(0.016666666666666666, within(.008));
  }

  /** One stratum of single points is the plain test, to the last digit. */
  @Test
  void onePlainStratumIsThePlainAffinity() {
    AffinityCounts plain = TrainAffinitySimulationTest.copyModel(3, 40, 30, 200, .1);
    assertThat(QUICK.evaluate(plain).excess().value())
        .isCloseTo((QUICK.evaluate(plain).share().value() - 4 / 7.0) / (3 / 7.0), within(1e-12));
  }

  /**
   * Two classes mixed 70:30 in train and 30:70 in the hold-out; samples of a model that knows
   * nothing of the split, of either class by halves and at 70:30. Found of 300: p below .01 in 0 to
   * 9 within classes (the check, and affinity), and for plain affinity in .46 where the samples
   * have the mix of train.
   */
  @Test
  void anotherMixOfClassesIsNoMemorizationWithinClasses() {
    int repetitions = 300;
    for (double mix : new double[] {.5, .7}) {
      boolean[][] found =
          IntStream.range(0, repetitions)
              .parallel()
              .mapToObj(seed -> classMix(seed, mix))
              .toArray(boolean[][]::new);
      assertThat(share(found, 0)).as("check within classes").isLessThanOrEqualTo(.03);
      assertThat(share(found, 2)).as("affinity within classes").isLessThanOrEqualTo(.03);
      if (mix == .7) {
        assertThat(share(found, 1)).as("plain affinity").isGreaterThan(.3);
      }
    }
  }

  /** Whether p is below .01: of the check within classes, of affinity plain and within classes. */
  private static boolean[] classMix(int seed, double mix) {
    int side = 100;
    SplittableRandom random = new SplittableRandom(seed);
    double[][] pool = new double[2 * side][];
    int[] classes = new int[2 * side];
    for (int i = 0; i < pool.length; i++) {
      // Ordered by class on either side, as strata number their units.
      classes[i] = i % side < (i < side ? 70 : 30) ? 0 : 1;
      pool[i] = draw(random, classes[i]);
    }
    Strata within = new Strata(List.of(70, 30), List.of(30, 70));
    AffinityCounts plain = new AffinityCounts(side, side);
    AffinityCounts stratified = new AffinityCounts(within);
    for (int i = 0; i < 400; i++) {
      int j = nearest(pool, draw(random, random.nextDouble() < mix ? 0 : 1), -1, null);
      for (AffinityCounts counts : List.of(plain, stratified)) {
        if (j < side) {
          counts.train(j);
        } else {
          counts.holdout(j - side);
        }
      }
    }
    int[] neighbours =
        IntStream.range(0, pool.length).map(i -> nearest(pool, pool[i], i, null)).toArray();
    int[] units = IntStream.range(0, pool.length).toArray();
    return new boolean[] {
      HoldoutCheck.of(neighbours, units, within, seed).differs(),
      QUICK.withSeed(seed).evaluate(plain).pValue() < .01,
      QUICK.withSeed(seed).evaluate(stratified).pValue() < .01
    };
  }

  /**
   * 30 + 30 groups of 8 points each, split by group, and samples that know nothing of it. Beyond z
   * = 2.33 (nominal .0099) by points .06, by groups .003 in an independent program (numpy, 300
   * repetitions); the reference's simulation found .07 by points.
   */
  @Test
  void groupsTreatedAsPointsWarnFalselyAndAsGroupsDoNot() {
    double[][] z =
        IntStream.range(0, 800)
            .parallel()
            .mapToObj(seed -> new Groups(seed).affinity())
            .toArray(double[][]::new);
    assertThat(Arrays.stream(z).filter(x -> x[0] > 2.33).count() / 800.0)
        .as("affinity by points")
        .isBetween(.03, .1);
    assertThat(Arrays.stream(z).filter(x -> x[1] > 2.33).count() / 800.0)
        .as("affinity by groups")
        .isLessThanOrEqualTo(.02);

    boolean[][] differ =
        IntStream.range(0, 150)
            .parallel()
            .mapToObj(seed -> new Groups(seed).check())
            .toArray(boolean[][]::new);
    assertThat(share(differ, 0)).as("check by points").isGreaterThan(.9);
    assertThat(share(differ, 1)).as("check by groups").isLessThanOrEqualTo(.03);
  }

  /** Two sets of groups of points. */
  private static final class Groups {
    private static final int GROUPS = 30;
    private static final int SIZE = 8;
    private static final int SIDE = GROUPS * SIZE;
    private static final TrainAffinityTest NO_P = new TrainAffinityTest(1, 1, 3.09, 7);

    private final SplittableRandom random;
    private final double[][] pool = new double[2 * SIDE][];
    private final int[] units = new int[2 * SIDE];

    Groups(int seed) {
      random = new SplittableRandom(seed);
      for (int g = 0; g < 2 * GROUPS; g++) {
        double[] centre = centre();
        for (int i = g * SIZE; i < (g + 1) * SIZE; i++) {
          units[i] = g;
          pool[i] = around(centre);
        }
      }
    }

    private double[] centre() {
      double[] centre = new double[8];
      Arrays.setAll(centre, d -> random.nextGaussian());
      return centre;
    }

    private double[] around(double[] centre) {
      double[] point = new double[centre.length];
      Arrays.setAll(point, d -> centre[d] + .3 * random.nextGaussian());
      return point;
    }

    /** z by points and by groups. */
    double[] affinity() {
      AffinityCounts points = new AffinityCounts(SIDE, SIDE);
      AffinityCounts groups = new AffinityCounts(GROUPS, GROUPS);
      for (int i = 0; i < 500; i++) {
        int j = nearest(pool, around(centre()), -1, null);
        if (j < SIDE) {
          points.train(j);
          groups.train(units[j]);
        } else {
          points.holdout(j - SIDE);
          groups.holdout(units[j] - GROUPS);
        }
      }
      return new double[] {NO_P.evaluate(points).z(), NO_P.evaluate(groups).z()};
    }

    /** Whether the sets are called different, by points and by groups. */
    boolean[] check() {
      int[] other = new int[pool.length];
      int[] otherGroup = new int[pool.length];
      for (int i = 0; i < pool.length; i++) {
        other[i] = nearest(pool, pool[i], i, null);
        otherGroup[i] = nearest(pool, pool[i], i, units);
      }
      return new boolean[] {
        HoldoutCheck.of(other, SIDE, 1).differs(),
        HoldoutCheck.of(otherGroup, units, Strata.one(GROUPS, GROUPS), 1).differs()
      };
    }
  }

  /** A class that one set lacks says nothing; without a common one there is nothing to say. */
  @Test
  void aClassOfOneSideSaysNothing() {
    AffinityCounts counts = new AffinityCounts(new Strata(List.of(2, 3), List.of(2, 0)));
    counts.train(0);
    counts.train(4);
    counts.train(3);
    counts.holdout(1);
    TrainAffinity found = QUICK.evaluate(counts);
    // E = .5 of the two samples in the first class, and all of the two in the second.
    assertThat(found.share().value()).isEqualTo(.75);
    assertThat(found.excess().value()).isCloseTo(0, within(1e-12));
    assertThat(found.z()).isCloseTo(0, within(1e-12));

    assertThatThrownBy(() -> new AffinityCounts(new Strata(List.of(2, 0), List.of(0, 2))))
        .hasMessageContaining("needs a class that both sets have");
  }

  /** A fraction .2 of copies within each class, mixes 3:1 and 1:3: the truth is kappa = .2. */
  @Test
  void excessIsTheFractionOfCopiesAndItsIntervalCovers() {
    double coverage =
        Coverage.of(
            500,
            .2,
            seed -> {
              SplittableRandom random = new SplittableRandom(seed);
              Strata strata = new Strata(List.of(150, 50), List.of(50, 150));
              AffinityCounts counts = new AffinityCounts(strata);
              double[][] attraction = new double[4][];
              for (int k = 0; k < 4; k++) {
                int size = k == 0 || k == 3 ? 150 : 50;
                attraction[k] = new double[size];
                for (int i = 0; i < size; i++) {
                  attraction[k][i] = (i == 0 ? 0 : attraction[k][i - 1]) + random.nextExponential();
                }
              }
              for (int i = 0; i < 1000; i++) {
                int stratum = random.nextInt(2);
                double[] train = attraction[stratum];
                double[] holdout = attraction[2 + stratum];
                double trainMass = train[train.length - 1];
                double mass = trainMass + holdout[holdout.length - 1];
                boolean copy = random.nextDouble() < .2;
                double at = random.nextDouble() * (copy ? trainMass : mass);
                if (at < trainMass) {
                  counts.train((stratum == 0 ? 0 : 150) + position(train, at));
                } else {
                  counts.holdout((stratum == 0 ? 0 : 50) + position(holdout, at - trainMass));
                }
              }
              return QUICK.evaluate(counts).excess();
            });
    assertThat(coverage).isBetween(.92, .995);
  }

  private static int position(double[] cumulative, double value) {
    int found = Arrays.binarySearch(cumulative, value);
    return Math.min(cumulative.length - 1, found < 0 ? -found - 1 : found);
  }

  private static double[] draw(SplittableRandom random, int label) {
    return new double[] {10 * label + random.nextGaussian(), random.nextGaussian()};
  }

  private static double share(boolean[][] outcomes, int which) {
    return Arrays.stream(outcomes).filter(o -> o[which]).count() / (double) outcomes.length;
  }

  /** The nearest point, but for one index, and for all points of its unit where there are any. */
  private static int nearest(double[][] pool, double[] query, int except, int @Nullable [] units) {
    int best = -1;
    double least = Double.POSITIVE_INFINITY;
    for (int j = 0; j < pool.length; j++) {
      if (j == except || (units != null && units[j] == units[except])) {
        continue;
      }
      double distance = 0;
      for (int d = 0; d < query.length; d++) {
        distance += (pool[j][d] - query[d]) * (pool[j][d] - query[d]);
      }
      if (distance < least) {
        least = distance;
        best = j;
      }
    }
    return best;
  }
}
