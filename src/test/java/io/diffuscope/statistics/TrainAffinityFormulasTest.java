package io.diffuscope.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

/** Literals from src/test/python/statistics_oracles.py: enumeration of every labelling. */
class TrainAffinityFormulasTest {
  private static final Offset<Double> EXACT = within(1e-12);
  private static final TrainAffinityTest TEST = TrainAffinityTest.DEFAULT;

  @Test
  void smallSets() {
    TrainAffinity a = TEST.evaluate(Counts.of(new int[] {5, 0, 3, 2}, new int[] {1, 0, 1}));

    assertThat(a.share().value()).isCloseTo(10.0 / 12, EXACT);
    assertThat(a.share().standardError()).isCloseTo(0.1075828707279838, EXACT);
    assertThat(a.share().lower()).isCloseTo(0.5227982652768053, EXACT);
    assertThat(a.share().upper()).isCloseTo(0.9580177536445644, EXACT);
    assertThat(a.excess().value()).isCloseTo(0.6111111111111113, EXACT);
    assertThat(a.excess().standardError()).isCloseTo(0.1075828707279838 * 7 / 3, EXACT);
    assertThat(a.excess().lower()).isCloseTo(-0.11347071435412091, EXACT);
    assertThat(a.excess().upper()).isCloseTo(0.9020414251706503, EXACT);
    assertThat(a.decisionLower()).isCloseTo(-0.8044884870176187, EXACT);
    assertThat(a.decisionUpper()).isCloseTo(1, EXACT);
    assertThat(a.relabellingDeviation()).isCloseTo(0.1963383631246505, EXACT);
    assertThat(a.z()).isCloseTo(1.3339459376998317, EXACT);
    assertThat(a.effectiveNeighbours()).isCloseTo(3.6, EXACT);
    assertThat(a.samples()).isEqualTo(12);
    assertThat(a.share().samples()).isEqualTo(12);
    // 400 p/(1-p) = 400 * 4/3
    assertThat(a.recommendedSamples()).isEqualTo(534);
    // stopped at 100 exceedances: a relative error of 10 %
    assertThat(a.pValue()).isCloseTo(1.0 / 7, within(.045));
  }

  @Test
  void setsOfDifferentSize() {
    TrainAffinity a =
        TEST.evaluate(Counts.of(new int[] {4, 1, 2, 0, 3, 1, 5, 2, 1}, new int[] {1, 0}));

    assertThat(a.share().value()).isCloseTo(.95, EXACT);
    assertThat(a.share().standardError()).isCloseTo(0.04902167887781899, EXACT);
    assertThat(a.share().lower()).isCloseTo(0.7153856929018945, EXACT);
    assertThat(a.share().upper()).isCloseTo(0.9930854655195489, EXACT);
    assertThat(a.excess().lower()).isCloseTo(-0.5653786890395809, EXACT);
    assertThat(a.relabellingDeviation()).isCloseTo(0.10240900012101048, EXACT);
    assertThat(a.z()).isCloseTo(1.2871737997873254, EXACT);
    assertThat(a.effectiveNeighbours()).isCloseTo(6.451612903225806, EXACT);
  }

  @Test
  void aPerfectCopierHasExcessOneInsideItsInterval() {
    TrainAffinity a = TEST.evaluate(Counts.of(new int[] {5, 4, 3}, new int[] {0, 0, 0}));

    assertThat(a.share().value()).isEqualTo(1);
    assertThat(a.excess().value()).isEqualTo(1);
    assertThat(a.excess().upper()).isEqualTo(1);
    assertThat(a.share().standardError()).isCloseTo(0.05768488793693105, EXACT);
    assertThat(a.share().lower()).isCloseTo(0.5754373989238524, EXACT);
    assertThat(a.z()).isCloseTo(2.1483446221182985, EXACT);
    assertThat(a.pValue()).isCloseTo(.05, within(.015));
  }

  @Test
  void tiesCountByClassSize() {
    AffinityCounts counts = Counts.of(new int[] {5, 0, 3, 2}, new int[] {1, 0, 1});
    counts.tie(1, 2);

    TrainAffinity a = TEST.evaluate(counts);

    assertThat(a.samples()).isEqualTo(13);
    assertThat(a.share().value()).isCloseTo((10 + 4.0 / 7) / 13, EXACT);
    assertThat(a.share().standardError()).isCloseTo(0.10810038783317896, EXACT);
    assertThat(a.share().lower()).isCloseTo(0.519031399404411, EXACT);
    assertThat(a.relabellingDeviation()).isCloseTo(0.1706458805865142, EXACT);
    assertThat(a.z()).isCloseTo(1.4167247455802192, EXACT);
    assertThat(a.effectiveNeighbours()).isCloseTo(4.085347804637395, EXACT);
  }

  @Test
  void onlyTiesIsExactlyNoExcess() {
    AffinityCounts counts = new AffinityCounts(30, 10);
    for (int i = 0; i < 10; i++) {
      counts.tie(i, i);
    }

    TrainAffinity a = TEST.evaluate(counts);

    assertThat(a.share().value()).isCloseTo(.75, EXACT);
    assertThat(a.excess().value()).isCloseTo(0, EXACT);
  }

  @Test
  void equalHitsEverywhereCannotDeviate() {
    TrainAffinity a = TEST.evaluate(Counts.of(new int[] {2, 2, 2}, new int[] {2, 2}));

    assertThat(a.z()).isZero();
    assertThat(a.pValue()).isEqualTo(1);
  }

  /** z = 11: no relabelling gets there, and the normal tail says how far out it is. */
  @Test
  void beyondTheRelabellingsTheNormalTailSpeaksWhereTrainIsNoMinority() {
    int[] many = new int[200];
    java.util.Arrays.fill(many, 1);
    TrainAffinity balanced = TEST.evaluate(Counts.of(many, new int[200]));
    TrainAffinity minority = TEST.evaluate(Counts.of(many, new int[201]));

    assertThat(balanced.z()).isGreaterThan(10);
    assertThat(balanced.pValue()).isPositive().isLessThan(1e-20);
    assertThat(minority.pValue()).isEqualTo(1e-5);
  }

  @Test
  void sameCountsSameDigitsWhateverTheOrderOfTheSamples() {
    AffinityCounts forward = new AffinityCounts(7, 3);
    AffinityCounts backward = new AffinityCounts(7, 3);
    for (int i = 0; i < 70; i++) {
      add(forward, i);
      add(backward, 69 - i);
    }

    assertThat(TEST.evaluate(backward)).isEqualTo(TEST.evaluate(forward));
  }

  private static void add(AffinityCounts counts, int sample) {
    switch (sample % 3) {
      case 0 -> counts.train(sample % 7);
      case 1 -> counts.holdout(sample % 2);
      default -> counts.tie(sample % 5, sample % 3);
    }
  }

  @Test
  void refusesWhatCannotBeTested() {
    assertThatThrownBy(() -> new AffinityCounts(1, 5)).hasMessageContaining("got 1 of train");
    assertThatThrownBy(() -> TEST.evaluate(new AffinityCounts(2, 2)))
        .hasMessageContaining("got none");
    assertThatThrownBy(() -> TEST.withDecisionZ(Double.NaN)).hasMessageContaining("decision z");
  }
}
