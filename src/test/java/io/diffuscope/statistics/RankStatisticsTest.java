package io.diffuscope.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.apache.commons.statistics.distribution.NormalDistribution;
import org.junit.jupiter.api.Test;

class RankStatisticsTest {
  @Test
  void aurocAgreesWithScikitLearn() {
    for (JsonNode expected : Fixtures.read("ranks.json").get("auroc")) {
      Estimate found =
          Auroc.of(
                  Fixtures.vector(expected.get("positives")),
                  Fixtures.vector(expected.get("negatives")))
              .orElseThrow();
      assertThat(found.value()).isCloseTo(expected.get("auroc").doubleValue(), within(1e-14));
    }
  }

  /** Both ends solve the equation that defines them. */
  @Test
  void newcombesEndsSolveTheEquation() {
    for (double area : new double[] {0, .01, .3, .5, .83, .999, 1}) {
      Estimate found = Auroc.estimate(area, 12, 70);

      assertThat(found.lower()).isLessThanOrEqualTo(area);
      assertThat(found.upper()).isGreaterThanOrEqualTo(area);
      for (double end : new double[] {found.lower(), found.upper()}) {
        if (end != area) {
          double bracket = 1 + 40 * (1 - end) / (2 - end) + 40 * end / (1 + end);
          double z = Math.abs(area - end) / Math.sqrt(end * (1 - end) * bracket / (12 * 70));
          assertThat(z).as("%s at %s", end, area).isCloseTo(1.959963984540054, within(1e-6));
        }
      }
    }
    assertThat(Auroc.estimate(1, 12, 70).lower()).isBetween(.9, .99);
    assertThat(Auroc.estimate(1, 12, 70).upper()).isEqualTo(1);
    assertThat(Auroc.estimate(0, 12, 70).upper()).isBetween(.01, .1);
  }

  /** Normal scores of equal spread: the area is Phi(shift / sqrt 2). */
  @Test
  void newcombeCovers() {
    for (double shift : new double[] {0, 1, 2.5}) {
      double truth = NormalDistribution.of(0, 1).cumulativeProbability(shift / Math.sqrt(2));
      double coverage =
          Coverage.of(
              2000,
              truth,
              seed -> {
                SplittableRandom random = new SplittableRandom(seed);
                return Auroc.of(normal(random, 10, shift), normal(random, 200, 0)).orElseThrow();
              });
      assertThat(coverage).as("shift %s", shift).isBetween(.93, .995);
    }
  }

  @Test
  void absentBelowTenOnEitherSide() {
    assertThat(Auroc.of(new double[9], new double[100])).isEmpty();
    assertThat(Auroc.of(new double[100], new double[9])).isEmpty();
    assertThat(Auroc.of(new double[10], new double[10]).orElseThrow().value()).isEqualTo(.5);
  }

  @Test
  void refusesScoresThatAreNoNumbers() {
    double[] scores = new double[10];
    scores[3] = Double.NaN;
    assertThatThrownBy(() -> Auroc.of(scores, new double[10]))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void spearmanAgreesWithScipy() {
    for (JsonNode expected : Fixtures.read("ranks.json").get("spearman")) {
      Estimate found =
          SpearmanCorrelation.of(
                  Fixtures.vector(expected.get("x")), Fixtures.vector(expected.get("y")))
              .orElseThrow();
      assertThat(found.value()).isCloseTo(expected.get("spearman").doubleValue(), within(1e-13));
    }
  }

  /** Spearman's correlation of a normal pair is 6/pi asin(rho/2). */
  @Test
  void bonettAndWrightCovers() {
    for (double rho : new double[] {0, .5, -.8}) {
      double coverage =
          Coverage.of(
              2000,
              6 / Math.PI * Math.asin(rho / 2),
              seed -> {
                SplittableRandom random = new SplittableRandom(seed);
                double[] x = normal(random, 40, 0);
                double[] y = normal(random, 40, 0);
                Arrays.setAll(y, i -> rho * x[i] + Math.sqrt(1 - rho * rho) * y[i]);
                return SpearmanCorrelation.of(x, y).orElseThrow();
              });
      assertThat(coverage).as("rho %s", rho).isBetween(.93, .975);
    }
  }

  @Test
  void aPerfectOrderKeepsAnInterval() {
    double[] x = IntStream.range(0, 10).asDoubleStream().toArray();
    Estimate found = SpearmanCorrelation.of(x, x).orElseThrow();

    assertThat(found.value()).isEqualTo(1);
    assertThat(found.upper()).isEqualTo(1);
    assertThat(found.lower()).isBetween(.9, .999);
  }

  @Test
  void spearmanIsAbsentWhereItIsUndefined() {
    double[] x = IntStream.range(0, 10).asDoubleStream().toArray();
    assertThat(SpearmanCorrelation.of(x, new double[10])).isEmpty();
    assertThat(SpearmanCorrelation.of(new double[9], new double[9])).isEmpty();
    assertThatThrownBy(() -> SpearmanCorrelation.of(x, new double[9]))
        .hasMessageContaining("10 numbers against 9");
  }

  private static double[] normal(SplittableRandom random, int n, double mean) {
    return IntStream.range(0, n).mapToDouble(i -> mean + random.nextGaussian()).toArray();
  }
}
