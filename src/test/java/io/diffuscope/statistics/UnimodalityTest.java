package io.diffuscope.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.apache.commons.statistics.distribution.NormalDistribution;
import org.junit.jupiter.api.Test;

class UnimodalityTest {
  /** Logistic probe on CIFAR-10, sigma .008 to 1.923 (arXiv 2502.05743, tables of appendix D). */
  private static final double[] CIFAR = {.9372, .9494, .9520, .9411, .9136, .8525, .7295, .5621};

  @Test
  void sizeOnFlatCurves() {
    double[] flat = new double[8];
    Arrays.fill(flat, .9372);

    assertThat(rejections(flat, 1000, 1000, .8)).isLessThanOrEqualTo(.065);
    assertThat(rejections(flat, 300, 1000, .3)).isLessThanOrEqualTo(.065);
  }

  @Test
  void powerGrowsWithTheImages() {
    double few = rejections(CIFAR, 500, 300, .8);
    double many = rejections(CIFAR, 2000, 200, .8);

    assertThat(few).isBetween(.1, .7);
    assertThat(many).isGreaterThan(few + .1);
    assertThat(rejections(CIFAR, 10_000, 20, .8)).isGreaterThanOrEqualTo(.95);
  }

  /** Share of curves with p <= .05; images differ in difficulty, so their values correlate. */
  private static double rejections(double[] curve, int images, int repetitions, double shared) {
    return IntStream.range(0, repetitions)
            .parallel()
            .filter(seed -> Unimodality.of(draw(curve, images, shared, seed), 3).pValue() <= .05)
            .count()
        / (double) repetitions;
  }

  private static double[][] draw(double[] curve, int images, double shared, int seed) {
    SplittableRandom random = new SplittableRandom(seed);
    NormalDistribution normal = NormalDistribution.of(0, 1);
    double[] thresholds = Arrays.stream(curve).map(normal::inverseCumulativeProbability).toArray();
    double[][] values = new double[images][curve.length];
    for (double[] row : values) {
      double difficulty = random.nextGaussian();
      for (int j = 0; j < row.length; j++) {
        double latent =
            Math.sqrt(shared) * difficulty + Math.sqrt(1 - shared) * random.nextGaussian();
        row[j] = latent <= thresholds[j] ? 1 : 0;
      }
    }
    return values;
  }

  /** Two levels: T is the paired t statistic and the p-value its normal tail. */
  @Test
  void twoLevelsAreAPairedTest() {
    double[][] values = {{0, 1}, {1, 1}, {0, 0}, {1, 0}, {0, 1}, {0, 1}, {1, 1}, {0, 0}};
    Unimodality found = Unimodality.of(values, 1);

    // Differences 1 0 0 -1 1 1 0 0: mean .25, sample variance .5.
    assertThat(found.statistic()).isCloseTo(.25 / Math.sqrt(.5 / 8), within(1e-12));
    assertThat(found.pValue()).isCloseTo(Normal.upperTail(1), within(.015));
    assertThat(found.peak()).isEqualTo(1);
    assertThat(found.peakFirst()).isZero();
    assertThat(found.peakLast()).isEqualTo(1);
    assertThat(found.height().value()).isEqualTo(.625);
    assertThat(found.rise().value()).isEqualTo(.25);
    assertThat(found.rise().lower()).isCloseTo(.25 - 1.96 * .25, within(.02));
    assertThat(found.rise().upper()).isCloseTo(.25 + 1.96 * .25, within(1e-4));
  }

  @Test
  void theRiseCovers() {
    double coverage =
        Coverage.of(
            400, .9520 - .9372, seed -> Unimodality.of(draw(CIFAR, 1000, .8, seed), 3).rise());
    assertThat(coverage).isGreaterThanOrEqualTo(.93);
  }

  /** The lower end is for the largest of seven differences: pointwise ends would err in a tenth. */
  @Test
  void theRiseOfAFlatCurveIsRarelyAboveZero() {
    double[] flat = new double[8];
    Arrays.fill(flat, .7);
    long above =
        IntStream.range(0, 1000)
            .parallel()
            .filter(seed -> Unimodality.of(draw(flat, 500, .3, seed), 3).rise().lower() > 0)
            .count();
    assertThat(above).isBetween(5L, 45L);
  }

  @Test
  void thePeakIsFoundAndItsSetHoldsIt() {
    Unimodality found = Unimodality.of(draw(CIFAR, 10_000, .8, 1), 3);

    assertThat(found.peak()).isBetween(1, 2);
    assertThat(found.peakFirst()).isBetween(1, 2);
    assertThat(found.peakLast()).isEqualTo(2);
    assertThat(found.pValue()).isLessThan(.001);
  }

  @Test
  void degenerateCurves() {
    double[][] same = new double[20][4];
    Unimodality flat = Unimodality.of(same, 1);
    assertThat(flat.statistic()).isZero();
    assertThat(flat.pValue()).isEqualTo(1);
    assertThat(flat.peakLast()).isEqualTo(3);

    for (double[] row : same) {
      row[2] = 1;
    }
    Unimodality jump = Unimodality.of(same, 1);
    assertThat(jump.statistic()).isCloseTo(20, within(1e-9));
    assertThat(jump.pValue()).isCloseTo(1e-4, within(1e-9));
    assertThat(jump.peak()).isEqualTo(2);
  }

  @Test
  void sameSeedSameDigits() {
    double[][] values = draw(CIFAR, 200, .5, 9);
    assertThat(Unimodality.of(values, 4)).isEqualTo(Unimodality.of(values, 4));
  }

  @Test
  void refusesWhatIsNoCurve() {
    assertThatThrownBy(() -> Unimodality.of(new double[0][], 1)).hasMessageContaining("0 and 0");
    assertThatThrownBy(() -> Unimodality.of(new double[][] {{1, 2}, {1}}, 1))
        .hasMessageContaining("2 and 1 levels");
  }
}
