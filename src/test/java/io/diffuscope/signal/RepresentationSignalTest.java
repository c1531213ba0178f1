package io.diffuscope.signal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.diffuscope.sampling.Observation.IcrObservation;
import io.diffuscope.sampling.Observation.NetworkObservation;
import io.diffuscope.sampling.Observation.RepresentationObservation;
import io.diffuscope.statistics.Estimate;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Constructed curves whose shape is known. */
class RepresentationSignalTest {
  private static final double[] SIGMAS = {.01, .1, 1, 2};
  private static final int IMAGES = 400;

  @Test
  void aCurveWithAPeakHasOne() {
    Representation signal = folded(new int[] {200, 320, 240, 120});
    assertThat(value(signal, Statistic.ACCURACY, .1).value()).isEqualTo(.8);
    // Wilson's interval of 320 of 400, by the textbook: (k + z^2/2) / (n + z^2) +- ...
    assertThat(value(signal, Statistic.ACCURACY, .1).lower()).isCloseTo(.7581, within(1e-4));
    assertThat(value(signal, Statistic.ACCURACY, .1).upper()).isCloseTo(.8363, within(1e-4));
    Estimate peak = value(signal, Statistic.PEAK_SIGMA, null);
    assertThat(peak.value()).isEqualTo(.1);
    assertThat(peak.lower()).isEqualTo(.1);
    assertThat(peak.upper()).isEqualTo(.1);
    assertThat(value(signal, Statistic.PEAK_ACCURACY, null).value()).isEqualTo(.8);
    assertThat(value(signal, Statistic.RISE, null).value()).isCloseTo(.3, within(1e-12));
    assertThat(value(signal, Statistic.RISE, null).lower()).isPositive();
    // Paired: 120 of 400 images change, all in one direction.
    double error = Math.sqrt(.3 * .7 / (IMAGES - 1));
    assertThat(value(signal, Statistic.UNIMODALITY, null).value())
        .isCloseTo(.3 / error, within(1e-9));
    assertThat(value(signal, Statistic.P_VALUE, null).value()).isLessThan(.001);
  }

  @Test
  void aCurveThatFallsHasNoRise() {
    Representation signal = folded(new int[] {320, 300, 200, 120});
    assertThat(value(signal, Statistic.PEAK_SIGMA, null).value()).isEqualTo(.01);
    assertThat(value(signal, Statistic.RISE, null).value()).isNegative();
    assertThat(value(signal, Statistic.RISE, null).upper()).isNegative();
    assertThat(value(signal, Statistic.P_VALUE, null).value()).isGreaterThan(.9);
  }

  @Test
  void theCurveIsJudgedWhenItIsWhole() {
    Representation signal = new Representation(1);
    signal.observe(level(2, 240));
    signal.observe(level(0, 200));
    assertThat(signal.estimates(false))
        .extracting(SignalEstimate::statistic)
        .containsOnly(Statistic.ACCURACY, Statistic.SNR);
    signal.observe(level(1, 320));
    signal.observe(level(3, 120));
    assertThat(signal.estimates(true))
        .isEqualTo(folded(new int[] {200, 320, 240, 120}).estimates(true));
  }

  @Test
  void whatWasNotMeasuredIsLeftOut() {
    Representation signal = new Representation(1);
    signal.observe(new RepresentationObservation(0, .01, 0, new byte[0], null));
    assertThat(signal.estimates(true)).isEmpty();
    signal.observe(new RepresentationObservation(1, .1, 3, new byte[] {5}, null));
    assertThat(signal.estimates(true))
        .extracting(SignalEstimate::statistic)
        .containsExactly(Statistic.ACCURACY);
    assertThat(value(signal, Statistic.ACCURACY, .1).value()).isCloseTo(2 / 3.0, within(1e-12));
  }

  @Test
  void ratioAndScalingAreTakenAsTheyCome() {
    LabelFreeRatio icr = new LabelFreeRatio();
    assertThat(icr.estimates(true)).isEmpty();
    Estimate ratio = new Estimate(.4, .01, .38, .42, 100);
    icr.observe(new IcrObservation(0, ratio));
    assertThat(icr.estimates(true))
        .containsExactly(SignalEstimate.of(SignalNames.ICR, null, Statistic.RATIO, ratio));
    ScalingPosition scaling = new ScalingPosition(4096);
    assertThat(scaling.estimates(true)).isEmpty();
    // 2^12 points, 2^20 parameters: 12 - 20/2.
    scaling.observe(new NetworkObservation(0, 1 << 20));
    assertThat(scaling.estimates(true).getFirst().estimate().value()).isCloseTo(2, within(1e-12));
  }

  private static Representation folded(int[] right) {
    Representation signal = new Representation(1);
    for (int j = 0; j < right.length; j++) {
      signal.observe(level(j, right[j]));
    }
    return signal;
  }

  /** The first so many images are told. */
  private static RepresentationObservation level(int j, int right) {
    BitSet bits = new BitSet();
    bits.set(0, right);
    return new RepresentationObservation(
        j, SIGMAS[j], IMAGES, bits.toByteArray(), new Estimate(3, .5, 2.2, 4.1, 100));
  }

  private static Estimate value(
      Representation signal, Statistic statistic, @Nullable Double sigma) {
    List<SignalEstimate> all = signal.estimates(true);
    Optional<Estimate> found =
        all.stream()
            .filter(e -> e.statistic() == statistic)
            .filter(e -> sigma == null ? e.sigma() == null : sigma.equals(e.sigma()))
            .map(SignalEstimate::estimate)
            .findFirst();
    return found.orElseThrow();
  }
}
