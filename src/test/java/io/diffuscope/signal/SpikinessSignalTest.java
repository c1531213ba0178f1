package io.diffuscope.signal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.sampling.Observation.SpikinessObservation;
import io.diffuscope.sampling.Reference;
import io.diffuscope.sampling.SpikinessMeasure;
import io.diffuscope.statistics.Estimate;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Constructed inputs whose order is known. */
class SpikinessSignalTest {
  private static final int TRAIN = 12;
  private static final int SAMPLES = 20;

  @Test
  void trainingImagesThatAreAllSpikierThanTheOthersGiveAnAreaOfOne() {
    Spikiness signal = new Spikiness(TRAIN, true, true);
    // Twenty-two images in two blocks that come in the wrong order: 1 + 22 - i for image i.
    signal.observe(block(1, false, 16, 6, i -> 7 - i));
    signal.observe(block(0, false, 0, 16, i -> 23 - i));
    assertThat(value(signal, Reference.HOLDOUT, Statistic.STD_AUROC, false)).isEmpty();
    assertThat(value(signal, Reference.HOLDOUT, Statistic.STD_AUROC, true).orElseThrow().value())
        .isEqualTo(1);
    assertThat(value(signal, Reference.HOLDOUT, Statistic.STD_AUROC, true).orElseThrow().samples())
        .isEqualTo(22);
    Estimate train = value(signal, Reference.TRAIN, Statistic.HOYER, false).orElseThrow();
    assertThat(train.value()).isCloseTo(17.5, within(1e-12));
    assertThat(train.samples()).isEqualTo(TRAIN);
    assertThat(value(signal, Reference.HOLDOUT, Statistic.HOYER, false).orElseThrow().value())
        .isCloseTo(6.5, within(1e-12));
  }

  @Test
  void samplesThatAreTheSpikierTheNearerTheyAreCorrelateNegatively() {
    Spikiness signal = new Spikiness(TRAIN, true, true);
    signal.observe(samples());
    signal.observe(block(0, true, 0, SAMPLES, i -> SAMPLES - i));
    assertThat(
            value(signal, Reference.GENERATED, Statistic.L4_L2_RANK_CORRELATION, true)
                .orElseThrow()
                .value())
        .isEqualTo(-1);
    // A representation that is 0 has no spikiness.
    signal.observe(block(0, true, 0, SAMPLES, i -> i == 3 ? Double.NaN : SAMPLES - i));
    assertThat(value(signal, Reference.GENERATED, Statistic.L4_L2_RANK_CORRELATION, true))
        .isEmpty();
    assertThat(value(signal, Reference.GENERATED, Statistic.L4_L2, true).orElseThrow().samples())
        .isEqualTo(SAMPLES - 1);
  }

  private interface Values {
    double at(int i);
  }

  private static SpikinessObservation block(
      int block, boolean generated, long first, int count, Values values) {
    double[] all = new double[count];
    Arrays.setAll(all, values::at);
    return new SpikinessObservation(
        block,
        generated,
        first,
        Map.of(
            SpikinessMeasure.STD, all,
            SpikinessMeasure.L4_L2, all,
            SpikinessMeasure.HOYER, all,
            SpikinessMeasure.PARTICIPATION_RATIO, all));
  }

  /** Sample i lies at i from its nearest point, and 100 from the next; the first one is on it. */
  private static SampleObservation samples() {
    double[] first = new double[SAMPLES];
    Arrays.setAll(first, i -> i);
    double[] second = new double[SAMPLES];
    Arrays.fill(second, 100);
    second[0] = 0;
    return new SampleObservation(
        0, 0, Map.of(), new int[SAMPLES], first, second, null, null, new boolean[0], null);
  }

  private static Optional<Estimate> value(
      Spikiness signal, Reference inputs, Statistic statistic, boolean complete) {
    return signal.estimates(complete).stream()
        .filter(e -> e.statistic() == statistic && e.reference() == inputs)
        .map(SignalEstimate::estimate)
        .findFirst();
  }
}
