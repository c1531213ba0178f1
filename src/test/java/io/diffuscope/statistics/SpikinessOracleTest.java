package io.diffuscope.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class SpikinessOracleTest {
  private static final Offset<Double> EXACT = within(1e-12);

  @Test
  void agreesWithNumpyAndScipy() {
    for (JsonNode expected : Fixtures.read("spikiness.json")) {
      SpikinessOracle found = SpikinessOracle.of(Fixtures.vector(expected.get("h")));

      assertClose(found.standardDeviation(), expected, "standardDeviation");
      assertClose(found.coefficientOfVariation(), expected, "coefficientOfVariation");
      assertClose(found.hoyer(), expected, "hoyer");
      assertClose(found.l4OverL2(), expected, "l4OverL2");
      assertClose(found.participationRatio(), expected, "participationRatio");
      assertClose(found.gini(), expected, "gini");
      assertClose(found.excessKurtosis(), expected, "excessKurtosis");
      assertClose(found.maxOverMean(), expected, "maxOverMean");
    }
  }

  private static void assertClose(double found, JsonNode expected, String name) {
    double value = expected.get(name).doubleValue();
    assertThat(found).as(name).isCloseTo(value, within(1e-10 * Math.max(1, Math.abs(value))));
  }

  /** The one of height 17.3 is the memorizing network's representation in the paper's toy. */
  @Test
  void oneHotOfAHundred() {
    double[] h = new double[100];
    h[41] = 17.3;
    SpikinessOracle found = SpikinessOracle.of(h);

    assertThat(found.standardDeviation()).isCloseTo(1.7213, within(5e-5));
    assertThat(found.hoyer()).isCloseTo(1, EXACT);
    assertThat(found.gini()).isCloseTo(.99, EXACT);
    assertThat(found.participationRatio()).isCloseTo(1, EXACT);
    // A Bernoulli variable's: (p^2 - 3p + 3)/(p - 1) is 98.01, and the excess is 3 less.
    assertThat(found.excessKurtosis() + 3).isCloseTo(9703 / 99.0, within(1e-9));
    assertThat(found.maxOverMean()).isCloseTo(100, within(1e-10));
    assertThat(found.l4OverL2()).isCloseTo(1, EXACT);
  }

  /** Tolerances are about four standard errors at p = 100,000. */
  @Test
  void gaussian() {
    SpikinessOracle found = SpikinessOracle.of(gaussian(100_000));

    assertThat(found.standardDeviation()).isCloseTo(1, within(.01));
    assertThat(found.hoyer()).isCloseTo(.202, within(.006));
    assertThat(found.gini()).isCloseTo(.413, within(.005));
    assertThat(found.participationRatio() / 100_000).isCloseTo(1 / 3.0, within(.007));
    assertThat(found.excessKurtosis()).isCloseTo(0, within(.07));
  }

  /** The kurtosis of max(Z, 0) is about 5.26, from its closed-form moments. */
  @Test
  void rectifiedGaussian() {
    SpikinessOracle found =
        SpikinessOracle.of(Arrays.stream(gaussian(100_000)).map(x -> Math.max(x, 0)).toArray());

    assertThat(found.hoyer()).isCloseTo(.438, within(.006));
    assertThat(found.gini()).isCloseTo(.708, within(.005));
    assertThat(found.participationRatio() / 100_000).isCloseTo(1 / 6.0, within(.007));
    assertThat(found.l4OverL2()).isCloseTo(.088, within(.001));
    double mean = 1 / Math.sqrt(2 * Math.PI);
    double variance = .5 - mean * mean;
    double fourth = 1.5 - 4 * mean * 2 * mean + 6 * mean * mean * .5 - 3 * Math.pow(mean, 4);
    assertThat(found.excessKurtosis() + 3).isCloseTo(fourth / (variance * variance), within(.25));
  }

  private static double[] gaussian(int p) {
    SplittableRandom random = new SplittableRandom(5);
    double[] h = new double[p];
    Arrays.setAll(h, i -> random.nextGaussian());
    return h;
  }

  @Test
  void zeroVectorHasNoShape() {
    SpikinessOracle found = SpikinessOracle.of(0, 0, 0);

    assertThat(found.standardDeviation()).isZero();
    assertThat(
            new double[] {
              found.coefficientOfVariation(),
              found.hoyer(),
              found.l4OverL2(),
              found.participationRatio(),
              found.gini(),
              found.excessKurtosis(),
              found.maxOverMean()
            })
        .containsOnly(Double.NaN);
  }

  @Test
  void constantVectorIsBalanced() {
    SpikinessOracle found = SpikinessOracle.of(.1, .1, .1, .1, .1, .1, .1, .1, .1, .1);

    assertThat(found.standardDeviation()).isZero();
    assertThat(found.coefficientOfVariation()).isZero();
    assertThat(found.hoyer()).isCloseTo(0, EXACT);
    assertThat(found.participationRatio()).isCloseTo(10, EXACT);
    assertThat(found.l4OverL2()).isCloseTo(Math.pow(10, -.25), EXACT);
    assertThat(found.gini()).isCloseTo(0, EXACT);
    assertThat(found.excessKurtosis()).isNaN();
    assertThat(found.maxOverMean()).isCloseTo(1, EXACT);
  }

  @Test
  void onlyTheStandardDeviationKnowsTheScale() {
    SpikinessOracle plain = SpikinessOracle.of(1, -2, 3, 0);
    for (double scale : new double[] {1e-120, 1e120}) {
      SpikinessOracle scaled = SpikinessOracle.of(scale, -2 * scale, 3 * scale, 0);

      assertThat(scaled.standardDeviation() / scale).isCloseTo(plain.standardDeviation(), EXACT);
      assertThat(scaled.l4OverL2()).isCloseTo(plain.l4OverL2(), EXACT);
      assertThat(scaled.excessKurtosis()).isCloseTo(plain.excessKurtosis(), EXACT);
    }
  }

  @Test
  void whatIsNotFiniteHasNoSpikiness() {
    assertThat(SpikinessOracle.of(1, Double.NaN).standardDeviation()).isNaN();
    assertThat(SpikinessOracle.of(1, Double.POSITIVE_INFINITY).hoyer()).isNaN();
    assertThatThrownBy(SpikinessOracle::of).hasMessageContaining("one coordinate or more");
  }
}
