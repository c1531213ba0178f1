package io.diffuscope.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LossGapTest {
  @Test
  void closedForm() {
    LossGap gap = LossGap.of(Moments.of(1, 2, 3), Moments.of(4, 8));

    assertThat(gap.train().value()).isEqualTo(2);
    assertThat(gap.holdout().value()).isEqualTo(6);
    assertThat(gap.gap().value()).isEqualTo(4);
    assertThat(gap.gap().standardError()).isCloseTo(Math.sqrt(1.0 / 3 + 8.0 / 2), within(1e-15));
    assertThat(gap.gap().samples()).isEqualTo(5);
    assertThat(gap.train().standardError()).isCloseTo(Math.sqrt(1.0 / 3), within(1e-15));
  }

  /**
   * Per-image losses of log-normal difficulty times the mean of four draws' gamma noise; hold-out
   * images 1.5 times as hard, sets of equal and of different size. 4,000 repetitions.
   */
  @ParameterizedTest
  @CsvSource({"128, 128", "900, 100", "64, 256"})
  void covers(int trainSize, int holdoutSize) {
    double truth = .5 * Math.exp(.125);
    double coverage =
        Coverage.of(
            4000,
            truth,
            seed -> {
              SplittableRandom random = new SplittableRandom(seed);
              return LossGap.of(losses(random, trainSize, 1), losses(random, holdoutSize, 1.5))
                  .gap();
            });

    assertThat(coverage).isBetween(.93, .965);
  }

  private static Moments losses(SplittableRandom random, int images, double scale) {
    return Moments.of(
        IntStream.range(0, images)
            .mapToDouble(
                i -> {
                  double difficulty = scale * Math.exp(.5 * random.nextGaussian());
                  double draws = 0;
                  for (int d = 0; d < 4; d++) {
                    draws += random.nextExponential();
                  }
                  return difficulty * draws / 4;
                })
            .toArray());
  }

  @Test
  void needsBothSets() {
    assertThatThrownBy(() -> LossGap.of(Moments.of(1, 2), Moments.NONE))
        .hasMessageContaining("2 of train and 0 of the hold-out");
  }
}
