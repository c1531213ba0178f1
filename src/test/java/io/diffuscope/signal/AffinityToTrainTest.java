package io.diffuscope.signal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class AffinityToTrainTest {
  /** 3 training and 2 hold-out points, p = .6; a tie counts .6 for the training set. */
  @Test
  void countsTheNearerSetAndSharesTies() {
    Signal affinity = new AffinityToTrain(3, 2, 3.09, 1);
    assertThat(affinity.estimates(true)).isEmpty();
    affinity.observe(
        Blocks.pooled(
            0,
            new int[] {0, 1, 2, 0},
            new double[] {1, 1, 5, 2},
            new int[] {0, 1, 1, 0},
            new double[] {2, 3, 4, 2}));
    double share = (1 + 1 + 0 + .6) / 4;
    assertThat(Blocks.value(affinity, Statistic.SHARE).value()).isCloseTo(share, within(1e-12));
    assertThat(Blocks.value(affinity, Statistic.EXCESS).value())
        .isCloseTo((share - .6) / .4, within(1e-12));
    // Hits: 1.6 and 1 on training points 0 and 1, 1 and .4 on hold-out points 1 and 0, of 4.
    double squares = (1.6 * 1.6 + 1 + 1 + .4 * .4) / 16;
    assertThat(Blocks.value(affinity, Statistic.EFFECTIVE_NEIGHBOURS).value())
        .isCloseTo(1 / squares, within(1e-9));
    double variance = .6 * .4 * 5 / 4 * (squares - .2);
    assertThat(Blocks.value(affinity, Statistic.Z).value())
        .isCloseTo((share - .6) / Math.sqrt(variance), within(1e-9));
    assertThat(Blocks.value(affinity, Statistic.P_VALUE).value()).isBetween(.05, 1.0);
  }

  @Test
  void testsAndBoundsComeWithTheLastObservationOnly() {
    Signal affinity = new AffinityToTrain(5, 5, 3.09, 1);
    affinity.observe(Blocks.random(0, 50, 5));
    assertThat(affinity.estimates(false).stream().map(SignalEstimate::statistic))
        .containsExactly(Statistic.SHARE, Statistic.EXCESS);
    assertThat(affinity.estimates(true))
        .as("the same share and excess, tested or not")
        .containsAll(affinity.estimates(false));
    assertThat(affinity.estimates(true).stream().map(SignalEstimate::statistic))
        .contains(
            Statistic.P_VALUE, Statistic.EXCESS_DECISION_LOWER, Statistic.EXCESS_DECISION_UPPER);
  }

  @Test
  void withoutAHoldoutSetThereIsNothingToSay() {
    Signal affinity = new AffinityToTrain(5, 5, 3.09, 1);
    affinity.observe(Blocks.squared(0, 0, 1, 2));
    assertThat(affinity.estimates(true)).isEmpty();
  }

  @Test
  void theOrderOfBlocksDoesNotChangeADigit() {
    Signal forward = new AffinityToTrain(40, 40, 3.09, 1);
    Signal mixed = new AffinityToTrain(40, 40, 3.09, 1);
    for (int i = 0; i < 9; i++) {
      forward.observe(Blocks.random(i, 20, 40));
      mixed.observe(Blocks.random(i * 7 % 9, 20, 40));
      mixed.observe(Blocks.random(i * 7 % 9, 20, 40));
    }
    assertThat(mixed.estimates(true)).isEqualTo(forward.estimates(true));
  }
}
