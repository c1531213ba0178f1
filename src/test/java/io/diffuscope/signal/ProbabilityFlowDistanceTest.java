package io.diffuscope.signal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.sampling.Reference;
import io.diffuscope.statistics.Estimate;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ProbabilityFlowDistanceTest {
  /** Distances 1, 2, 3, 4 in two blocks. */
  @Test
  void foldsToNumbersFoundByHand() {
    Signal pfd = new ProbabilityFlowDistance(Reference.TRAIN, 4, null);
    assertThat(pfd.estimates(false)).isEmpty();
    pfd.observe(Blocks.squared(0, 0, 1, 4));
    pfd.observe(Blocks.squared(1, 2, 9, 16));
    Estimate rms = Blocks.value(pfd, Statistic.RMS);
    assertThat(rms.value()).isCloseTo(Math.sqrt(7.5), within(1e-12));
    // sd(d^2) = sqrt(43); 2 P sqrt(M) = 4 sqrt(7.5).
    assertThat(rms.standardError()).isCloseTo(Math.sqrt(43) / (4 * Math.sqrt(7.5)), within(1e-12));
    assertThat(rms.samples()).isEqualTo(4);
    assertThat(Blocks.value(pfd, Statistic.MEAN).value()).isCloseTo(2.5, within(1e-12));
    assertThat(Blocks.value(pfd, Statistic.MEAN_SQUARE).value()).isCloseTo(7.5, within(1e-12));
    assertThat(Blocks.value(pfd, Statistic.MAX_PAIR_SHARE).value())
        .isCloseTo(16.0 / 30, within(1e-12));
    assertThat(Blocks.find(pfd, Statistic.CHANGE)).isNull();
    assertThat(Blocks.find(pfd, Statistic.RULER)).isNull();
    assertThat(pfd.estimates(true))
        .allSatisfy(
            e -> {
              assertThat(e.signal()).isEqualTo("pfd");
              assertThat(e.reference()).isEqualTo(Reference.TRAIN);
              assertThat(e.sigma()).isNull();
            });
  }

  /** Before 2, 2, 2, 2 and after 1, 2, 3, 4: SE from the paired influences. */
  @Test
  void theChangeIsPairedByNoise() {
    double[] before = {4, 4, 4, 4};
    ProbabilityFlowDistance pfd = new ProbabilityFlowDistance(Reference.TRAIN, 4, before);
    pfd.observe(Blocks.squared(1, 2, 9, 16));
    assertThat(pfd.estimates(false)).noneMatch(e -> e.statistic() == Statistic.CHANGE);
    pfd.observe(Blocks.squared(0, 0, 1, 4));
    Estimate change = Blocks.value(pfd, Statistic.CHANGE);
    assertThat(change.value()).isCloseTo(Math.sqrt(7.5) - 2, within(1e-12));
    assertThat(change.standardError())
        .isCloseTo(Math.sqrt(43) / (2 * Math.sqrt(7.5)) / 2, within(1e-12));
    assertThat(pfd.squaredDistances()).containsExactly(1, 4, 9, 16);
    assertThat(pfd.reference()).isEqualTo(Reference.TRAIN);
  }

  @Test
  void aCheckpointOfAnotherNumberOfSamplesIsNotCompared() {
    Signal pfd = new ProbabilityFlowDistance(Reference.TRAIN, 2, new double[3]);
    pfd.observe(Blocks.squared(0, 0, 1, 4));
    assertThat(Blocks.find(pfd, Statistic.CHANGE)).isNull();
  }

  @Test
  void toTheTrainingSetItComesWithSamePointAndRuler() {
    SampleObservation block =
        new SampleObservation(
            0,
            0,
            Map.of(
                Reference.TRAIN, new double[] {1, 1, 1, 1},
                Reference.HOLDOUT, new double[] {4, 4, 4, 4}),
            new int[4],
            new double[4],
            new double[4],
            new int[4],
            new double[4],
            new boolean[] {true, false, true, true},
            new double[] {9, 9, 9, 9});
    Signal train = new ProbabilityFlowDistance(Reference.TRAIN, 4, null);
    Signal holdout = new ProbabilityFlowDistance(Reference.HOLDOUT, 4, null);
    Signal teacher = new ProbabilityFlowDistance(Reference.TEACHER, 4, null);
    for (Signal signal : new Signal[] {train, holdout, teacher}) {
      signal.observe(block);
    }
    assertThat(Blocks.value(train, Statistic.SAME_POINT).value()).isEqualTo(.75);
    assertThat(Blocks.value(train, Statistic.RULER).value()).isEqualTo(3);
    assertThat(Blocks.value(holdout, Statistic.RMS).value()).isEqualTo(2);
    assertThat(Blocks.find(holdout, Statistic.SAME_POINT)).isNull();
    assertThat(Blocks.find(holdout, Statistic.RULER)).isNull();
    assertThat(teacher.estimates(true)).as("not among the references").isEmpty();
  }

  @Test
  void theOrderOfBlocksDoesNotChangeADigit() {
    int blocks = 9;
    int count = 37;
    Signal forward = new ProbabilityFlowDistance(Reference.TRAIN, blocks * count, null);
    Signal mixed = new ProbabilityFlowDistance(Reference.TRAIN, blocks * count, null);
    for (int i = 0; i < blocks; i++) {
      forward.observe(Blocks.random(i, count, 5));
      mixed.observe(Blocks.random(i * 7 % blocks, count, 5));
      // A unit that was given out twice counts once.
      mixed.observe(Blocks.random(i * 7 % blocks, count, 5));
    }
    assertThat(mixed.estimates(true)).isEqualTo(forward.estimates(true)).isNotEmpty();
  }
}
