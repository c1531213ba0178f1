package io.diffuscope.signal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.diffuscope.sampling.Observation.SimilarityObservation;
import io.diffuscope.sampling.Reference;
import io.diffuscope.statistics.Estimate;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Shares of pairs whose similarities are known. */
class SimilaritySignalsTest {
  private static final double[] TO_TRAIN = {.59, .6, .61, 1, -.2};
  private static final double[] TO_TEACHER = {.6, .6000001, .99, .1, .7};
  private static final SimilarityObservation BLOCK =
      new SimilarityObservation(
          0,
          0,
          TO_TRAIN,
          new int[5],
          Map.of(Reference.TEACHER, TO_TEACHER),
          new boolean[] {true, true, false, false, true});

  @Test
  void aCopyIsAboveTheThresholdAndNotAtIt() {
    assertThat(only(new GeneralizationScore(.6)).value()).isEqualTo(3 / 5.0);
    assertThat(only(new Reproducibility(Reference.TEACHER, .6)).value()).isEqualTo(3 / 5.0);
    assertThat(only(new GeneralizationScore(.6)).samples()).isEqualTo(5);
  }

  /** Wilson's interval of 3 in 5, as statsmodels' proportion_confint gives it. */
  @Test
  void intervalsAreWilsons() {
    for (Signal signal : List.of(new GeneralizationScore(.6), new Authenticity())) {
      Estimate estimate = only(signal);
      assertThat(estimate.lower()).isCloseTo(.230724, within(1e-5));
      assertThat(estimate.upper()).isCloseTo(.882379, within(1e-5));
    }
  }

  @Test
  void aBlockCountsOnceAndWhatIsAbsentIsLeftOut() {
    GeneralizationScore signal = new GeneralizationScore(.6);
    signal.observe(BLOCK);
    assertThat(only(signal).samples()).isEqualTo(5);
    Reproducibility absent = new Reproducibility(Reference.HOLDOUT, .6);
    absent.observe(BLOCK);
    assertThat(absent.estimates(true)).isEmpty();
    Authenticity off = new Authenticity();
    off.observe(new SimilarityObservation(0, 0, TO_TRAIN, new int[5], Map.of(), new boolean[0]));
    assertThat(off.estimates(true)).isEmpty();
  }

  private static Estimate only(Signal signal) {
    signal.observe(BLOCK);
    List<SignalEstimate> estimates = signal.estimates(true);
    assertThat(estimates).hasSize(1);
    return estimates.get(0).estimate();
  }
}
