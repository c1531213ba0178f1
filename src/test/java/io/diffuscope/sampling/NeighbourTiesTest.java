package io.diffuscope.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.diffuscope.statistics.HoldoutCheck;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Distances here are found by plain loops over bits. */
class NeighbourTiesTest {
  @Test
  void theNearerIsTheNearest() {
    NeighbourTies ties = new NeighbourTies(10, 20, 1);
    for (int query = 0; query < 100; query++) {
      assertThat(ties.isFirst(new double[] {1, 2}, new double[] {2, 2}, query)).isTrue();
      assertThat(ties.isFirst(new double[] {2, 2}, new double[] {1, 2}, query)).isFalse();
    }
  }

  @ParameterizedTest
  @CsvSource({"2, 2, .5", "1, 2, .66667", "2, 1, .33333", "1, 1, .25"})
  void tiesAreSharedByTheirNumber(double firstNext, double secondNext, double share) {
    NeighbourTies ties = new NeighbourTies(100, 300, 1);
    int first = 0;
    for (int query = 0; query < 20_000; query++) {
      first +=
          ties.isFirst(new double[] {1, firstNext}, new double[] {1, secondNext}, query) ? 1 : 0;
    }
    assertThat(first / 20_000.).isCloseTo(share, within(.015));
  }

  /** Random binary images, of which a tenth and more tie: a good split must not be called bad. */
  @ParameterizedTest
  @CsvSource({"16, 150, 150", "16, 240, 80"})
  void theHoldoutCheckKeepsItsLevelUnderTies(int bits, int n, int h) {
    int differs = 0;
    int tied = 0;
    for (int trial = 0; trial < 200; trial++) {
      SplittableRandom random = new SplittableRandom(trial);
      Set<Integer> points = new LinkedHashSet<>();
      while (points.size() < n + h) {
        points.add(random.nextInt(1 << bits));
      }
      List<Integer> all = new ArrayList<>(points);
      NeighbourTies ties = new NeighbourTies(n, h, trial);
      int[] nearest = new int[n + h];
      for (int i = 0; i < n + h; i++) {
        int[] train = twoNearest(all, i, 0, n);
        int[] holdout = twoNearest(all, i, n, n + h);
        double[] toTrain = distances(all, i, train);
        double[] toHoldout = distances(all, i, holdout);
        tied += toTrain[0] == toHoldout[0] ? 1 : 0;
        nearest[i] = ties.isFirst(toTrain, toHoldout, i) ? train[0] : holdout[0];
      }
      differs += HoldoutCheck.of(nearest, n, trial).differs() ? 1 : 0;
    }
    assertThat(tied).isGreaterThan(200 * (n + h) / 10);
    // Of 200 at a level of 1 %: 2 are expected, and 8 are beyond four standard errors.
    assertThat(differs).isLessThanOrEqualTo(7);
  }

  private static int[] twoNearest(List<Integer> points, int query, int from, int to) {
    int[] best = {-1, -1};
    for (int i = from; i < to; i++) {
      if (i != query && (best[0] < 0 || bits(points, query, i) < bits(points, query, best[0]))) {
        best = new int[] {i, best[0]};
      } else if (i != query
          && (best[1] < 0 || bits(points, query, i) < bits(points, query, best[1]))) {
        best[1] = i;
      }
    }
    return best;
  }

  private static double[] distances(List<Integer> points, int query, int[] others) {
    return new double[] {
      Math.sqrt(bits(points, query, others[0])), Math.sqrt(bits(points, query, others[1]))
    };
  }

  private static int bits(List<Integer> points, int a, int b) {
    return Integer.bitCount(points.get(a) ^ points.get(b));
  }
}
