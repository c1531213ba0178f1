package io.diffuscope.signal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.diffuscope.sampling.Observation.DenoisingObservation;
import io.diffuscope.statistics.Estimate;
import org.junit.jupiter.api.Test;

class DenoisingGapTest {
  /** Two draws each of 2 training and 3 hold-out images, in blocks that cut an image in two. */
  private static final DenoisingObservation[] BLOCKS = {
    new DenoisingObservation(0, .5, 0, new double[] {1, 3, 4}),
    new DenoisingObservation(1, .5, 3, new double[] {4, 5, 7}),
    new DenoisingObservation(2, .5, 6, new double[] {8, 8, 9}),
    new DenoisingObservation(3, .5, 9, new double[] {11}),
  };

  @Test
  void averagesTheDrawsOfAnImageFirst() {
    Signal gap = new DenoisingGap(.5, 2, 3, 2);
    for (DenoisingObservation block : BLOCKS) {
      gap.observe(block);
    }
    // Images: train 2, 4; hold-out 6, 8, 10.
    Estimate difference = Blocks.value(gap, Statistic.GAP);
    assertThat(difference.value()).isCloseTo(8 - 3, within(1e-12));
    assertThat(difference.standardError()).isCloseTo(Math.sqrt(2.0 / 2 + 4.0 / 3), within(1e-12));
    assertThat(Blocks.value(gap, Statistic.TRAIN_LOSS).value()).isEqualTo(3);
    assertThat(Blocks.value(gap, Statistic.TRAIN_LOSS).standardError())
        .as("over images, not draws")
        .isCloseTo(1, within(1e-12));
    assertThat(Blocks.value(gap, Statistic.HOLDOUT_LOSS).value()).isEqualTo(8);
    assertThat(Blocks.value(gap, Statistic.HOLDOUT_LOSS).samples()).isEqualTo(3);
    assertThat(gap.estimates(true)).allSatisfy(e -> assertThat(e.sigma()).isEqualTo(.5));
  }

  @Test
  void imagesWithAMissingDrawWait() {
    Signal gap = new DenoisingGap(.5, 2, 3, 2);
    gap.observe(BLOCKS[0]);
    gap.observe(BLOCKS[1]);
    assertThat(gap.estimates(false)).as("one hold-out image only").isEmpty();
    gap.observe(BLOCKS[2]);
    Estimate partial =
        gap.estimates(false).stream()
            .filter(e -> e.statistic() == Statistic.HOLDOUT_LOSS)
            .map(SignalEstimate::estimate)
            .findFirst()
            .orElseThrow();
    assertThat(partial.value()).isEqualTo(7);
    assertThat(partial.samples()).isEqualTo(2);
  }

  @Test
  void otherNoiseLevelsAndOtherObservationsAreNotItsOwn() {
    Signal gap = new DenoisingGap(.4, 2, 3, 2);
    for (DenoisingObservation block : BLOCKS) {
      gap.observe(block);
    }
    gap.observe(Blocks.squared(0, 0, 1, 2));
    assertThat(gap.estimates(true)).isEmpty();
  }

  @Test
  void neitherOrderNorRepetitionCounts() {
    Signal forward = new DenoisingGap(.5, 2, 3, 2);
    Signal mixed = new DenoisingGap(.5, 2, 3, 2);
    for (int i = 0; i < 4; i++) {
      forward.observe(BLOCKS[i]);
      mixed.observe(BLOCKS[3 - i]);
      mixed.observe(BLOCKS[3 - i]);
    }
    assertThat(mixed.estimates(true)).isEqualTo(forward.estimates(true));
  }
}
