package io.diffuscope.signal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;
import static org.assertj.core.api.Assertions.within;

import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.sampling.Reference;
import io.diffuscope.sampling.SearchRecall;
import io.diffuscope.statistics.Estimate;
import io.diffuscope.statistics.Proportions;
import java.util.Map;
import org.junit.jupiter.api.Test;

class NearestRatioTest {
  @Test
  void countsRatiosBelowEachThreshold() {
    Signal ratio = new NearestRatio(0, 0);
    assertThat(ratio.estimates(false)).isEmpty();
    // Ratios .2, .3, exactly 1/3, .4, 1 and 0/0 (a point that is there twice). Where there is no
    // second point, there is no ratio.
    ratio.observe(
        Blocks.neighbours(
            0,
            new double[] {.2, .3, 1, .4, 1, 0, 1},
            new double[] {1, 1, 3, 1, 1, 0, Double.POSITIVE_INFINITY}));
    assertThat(Blocks.value(ratio, Statistic.SHARE).value()).isEqualTo(3.0 / 6);
    assertThat(Blocks.value(ratio, Statistic.SHARE_HALF).value()).isEqualTo(5.0 / 6);
    assertThat(Blocks.value(ratio, Statistic.SHARE_QUARTER).value()).isEqualTo(2.0 / 6);
    assertThat(Blocks.find(ratio, Statistic.CONTROL)).isNull();
    assertThat(Blocks.find(ratio, Statistic.EXCESS)).isNull();
    assertThat(ratio.estimates(true))
        .allSatisfy(e -> assertThat(e.reference()).isEqualTo(Reference.TRAIN));
  }

  @Test
  void recallIsThatOfTheSamplesChecked() {
    Signal ratio = new NearestRatio(0, 0);
    double[] ones = {1, 1};
    ratio.observe(
        new SampleObservation(
            0,
            0,
            Map.of(),
            new int[2],
            ones,
            ones,
            new int[2],
            ones,
            new boolean[2],
            null,
            new SearchRecall(32, 30, 24),
            new SearchRecall(32, 32, 16)));
    ratio.observe(Blocks.neighbours(1, ones, ones));
    assertThat(ratio.estimates(true))
        .filteredOn(e -> e.statistic().label().startsWith("recall"))
        .extracting(e -> e.reference(), e -> e.statistic(), e -> e.estimate())
        .containsExactly(
            tuple(Reference.TRAIN, Statistic.RECALL_1, Proportions.share(30, 32)),
            tuple(Reference.TRAIN, Statistic.RECALL_2, Proportions.share(24, 32)),
            tuple(Reference.HOLDOUT, Statistic.RECALL_1, Proportions.share(32, 32)),
            tuple(Reference.HOLDOUT, Statistic.RECALL_2, Proportions.share(16, 32)));
  }

  /** Newcombe (1998), method 10, his example (b): 9/10 against 3/10 is .17 to .809. */
  @Test
  void theControlIsSubtracted() {
    Signal ratio = new NearestRatio(3, 10);
    double[] first = new double[10];
    double[] second = new double[10];
    for (int i = 0; i < 10; i++) {
      first[i] = i == 0 ? 1 : .1;
      second[i] = 1;
    }
    ratio.observe(Blocks.neighbours(0, first, second));
    assertThat(Blocks.value(ratio, Statistic.CONTROL).value()).isEqualTo(.3);
    Estimate excess = Blocks.value(ratio, Statistic.EXCESS);
    assertThat(excess.value()).isCloseTo(.6, within(1e-12));
    assertThat(excess.lower()).isCloseTo(.1705, within(5e-4));
    assertThat(excess.upper()).isCloseTo(.8090, within(5e-4));
  }

  @Test
  void neitherOrderNorRepetitionCounts() {
    Signal forward = new NearestRatio(1, 2);
    Signal mixed = new NearestRatio(1, 2);
    for (int i = 0; i < 9; i++) {
      forward.observe(Blocks.random(i, 20, 5));
      mixed.observe(Blocks.random(i * 7 % 9, 20, 5));
      mixed.observe(Blocks.random(i * 7 % 9, 20, 5));
    }
    assertThat(mixed.estimates(true)).isEqualTo(forward.estimates(true));
    assertThat(Blocks.value(forward, Statistic.SHARE).samples()).isEqualTo(180);
  }
}
