package io.diffuscope.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class HoldoutCheckTest {
  /** Literals from src/test/python/statistics_oracles.py: all 210 labellings of 10 points. */
  @Test
  void agreesWithEnumerationOfEveryLabelling() {
    int[] nearest = {1, 0, 1, 2, 5, 4, 4, 6, 9, 8};

    NeighbourPairs pairs = NeighbourPairs.of(nearest);
    assertThat(pairs.mean(6)).isCloseTo(3.3333333333333335, within(1e-12));
    assertThat(Math.sqrt(pairs.variance(6))).isCloseTo(1.168366109179552, within(1e-12));
    assertThat(pairs.mean(4)).isCloseTo(1.3333333333333333, within(1e-12));
    assertThat(Math.sqrt(pairs.variance(4))).isCloseTo(1.0480518586466505, within(1e-12));

    HoldoutCheck check = HoldoutCheck.of(nearest, 6, 1);
    assertThat(check.trainToTrain()).isEqualTo(1);
    assertThat(check.holdoutToHoldout()).isEqualTo(.75);
    assertThat(check.trainZ()).isCloseTo(2.2823896086298228, within(1e-12));
    assertThat(check.holdoutZ()).isCloseTo(1.5902520976574896, within(1e-12));
    // stopped at 50 exceedances: a relative error of 14 %
    assertThat(check.pValue()).isCloseTo(0.04285714285714286, within(.018));
  }

  /** 1,000 splits of one law, also of unequal parts: p-values are valid at every level. */
  @Test
  void oneLawIsSeldomCalledTwo() {
    for (int train : new int[] {60, 108, 12}) {
      double[] p =
          IntStream.range(0, 1000)
              .parallel()
              .mapToDouble(
                  seed -> {
                    double[][] pool = lowRank(new SplittableRandom(seed), 120, 8, 3, 1);
                    return HoldoutCheck.of(nearestOther(pool), train, seed).pValue();
                  })
              .toArray();
      for (double a : new double[] {.01, .05, .1, .5}) {
        double share = Arrays.stream(p).filter(x -> x <= a).count() / 1000.0;
        assertThat(share)
            .as("P(p <= %s) with %s training points", a, train)
            .isLessThanOrEqualTo(a + 3 * Math.sqrt(a * (1 - a) / 1000));
      }
    }
  }

  /**
   * Noise of .2 in each of 64 coordinates of unit-variance data of rank 8, in the hold-out only.
   */
  @Test
  void noiseInTheHoldoutIsFound() {
    long found =
        IntStream.range(0, 50)
            .parallel()
            .filter(
                seed -> {
                  SplittableRandom random = new SplittableRandom(seed);
                  double[][] pool = lowRank(random, 256, 64, 8, .35);
                  for (int i = 128; i < 256; i++) {
                    for (int d = 0; d < 64; d++) {
                      pool[i][d] += .2 * random.nextGaussian();
                    }
                  }
                  HoldoutCheck check = HoldoutCheck.of(nearestOther(pool), 128, seed);
                  return check.differs() && check.trainZ() > 0 && check.holdoutZ() < 0;
                })
            .count();

    assertThat(found).isGreaterThanOrEqualTo(49);
  }

  /** Two classes, mixed 80:20 in train and 20:80 in the hold-out. */
  @Test
  void anotherMixOfClassesIsFound() {
    long found =
        IntStream.range(0, 50)
            .parallel()
            .filter(
                seed -> {
                  double[][] pool = lowRank(new SplittableRandom(seed), 400, 8, 3, 1);
                  for (int i = 0; i < 400; i++) {
                    if (i % 10 < (i < 200 ? 8 : 2)) {
                      pool[i][0] += 20;
                    }
                  }
                  return HoldoutCheck.of(nearestOther(pool), 200, seed).differs();
                })
            .count();

    assertThat(found).isGreaterThanOrEqualTo(48);
  }

  @Test
  void refusesWhatIsNoNeighbour() {
    assertThatThrownBy(() -> HoldoutCheck.of(new int[] {0, 0, 1, 2}, 2, 1))
        .hasMessageContaining("nearest other point of 0 cannot be 0");
    assertThatThrownBy(() -> HoldoutCheck.of(new int[] {1, 0, 1, 4}, 2, 1))
        .hasMessageContaining("cannot be 4 among 4");
    assertThatThrownBy(() -> HoldoutCheck.of(new int[] {1, 0, 1}, 2, 1))
        .hasMessageContaining("got 2 of train and 1 of the hold-out");
  }

  private static double[][] lowRank(
      SplittableRandom random, int n, int dimensions, int rank, double deviation) {
    double[][] basis = new double[rank][dimensions];
    for (double[] row : basis) {
      Arrays.setAll(row, d -> deviation * random.nextGaussian() / Math.sqrt(rank));
    }
    double[][] points = new double[n][dimensions];
    for (double[] point : points) {
      for (double[] row : basis) {
        double z = random.nextGaussian();
        for (int d = 0; d < dimensions; d++) {
          point[d] += z * row[d];
        }
      }
    }
    return points;
  }

  private static int[] nearestOther(double[][] points) {
    int[] nearest = new int[points.length];
    for (int i = 0; i < points.length; i++) {
      double best = Double.POSITIVE_INFINITY;
      for (int j = 0; j < points.length; j++) {
        double distance = 0;
        for (int d = 0; d < points[i].length; d++) {
          double difference = points[i][d] - points[j][d];
          distance += difference * difference;
        }
        if (j != i && distance < best) {
          best = distance;
          nearest[i] = j;
        }
      }
    }
    return nearest;
  }
}
