package io.diffuscope.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.InputStream;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ShapeFitsTest {
  /** Computed with scipy's isotonic regression and all splits tried. */
  @ParameterizedTest
  @ValueSource(strings = {"DD", "OVER", "MONO"})
  void agreesWithScipy(String name) throws Exception {
    JsonNode vector = vector(name);
    ShapeFits fits = ShapeFits.of(values(vector));
    assertThat(fits.falling()).isCloseTo(vector.get("RSS_dec").asDouble(), within(1e-12));
    assertThat(fits.fallRise()).isCloseTo(vector.get("RSS_du").asDouble(), within(1e-12));
    assertThat(fits.fallRiseFall()).isCloseTo(vector.get("RSS_dud").asDouble(), within(1e-12));
    assertThat(ShapeFits.noiseVariance(values(vector)))
        .isCloseTo(vector.get("mad2").asDouble(), within(1e-12));
    double left = 0;
    for (double residual : fits.residuals()) {
      left += residual * residual;
    }
    assertThat(left).isCloseTo(fits.fallRiseFall(), within(1e-12));
  }

  @Test
  void splitsAreThoseOfScipy() throws Exception {
    ShapeFits bump = ShapeFits.of(values(vector("DD")));
    assertThat(bump.bumpStart()).isEqualTo(4);
    assertThat(bump.bumpEnd()).isEqualTo(7);
    assertThat(ShapeFits.of(values(vector("OVER"))).valley()).isEqualTo(4);
  }

  /** Every falling sequence is a mixture of steps: the best of all coarse ones is no better. */
  @Test
  void noFallingSequenceFitsBetter() {
    RandomGenerator random = new SplittableRandom(5);
    for (int repetition = 0; repetition < 200; repetition++) {
      double[] values = random.doubles(6).toArray();
      ShapeFits fits = ShapeFits.of(values);
      double best = Double.POSITIVE_INFINITY;
      for (int trial = 0; trial < 500; trial++) {
        double[] other = random.doubles(6).sorted().toArray();
        double error = 0;
        for (int i = 0; i < 6; i++) {
          error += Math.pow(values[i] - other[5 - i], 2);
        }
        best = Math.min(best, error);
      }
      assertThat(fits.falling()).isLessThanOrEqualTo(best + 1e-12);
      assertThat(fits.fallRise()).isLessThanOrEqualTo(fits.falling() + 1e-12);
      assertThat(fits.fallRiseFall()).isLessThanOrEqualTo(fits.fallRise() + 1e-12);
    }
  }

  @Test
  void noiseIsFoundBesideATrend() {
    RandomGenerator random = new SplittableRandom(6);
    double[] values = new double[20_000];
    for (int i = 0; i < values.length; i++) {
      values[i] = 40 * Math.exp(-i / 3000.) + .5 * random.nextGaussian();
    }
    assertThat(ShapeFits.noiseVariance(values)).isCloseTo(.25, within(.01));
    assertThat(ShapeFits.noiseVariance(1, 2)).isNaN();
    assertThat(ShapeFits.noiseVariance(3, 2, 1, 0)).isZero();
  }

  /** An autoregression of first order has its coefficient as correlation. */
  @Test
  void autocorrelation() {
    RandomGenerator random = new SplittableRandom(7);
    double[] values = new double[50_000];
    for (int i = 1; i < values.length; i++) {
      values[i] = .6 * values[i - 1] + random.nextGaussian();
    }
    assertThat(ShapeFits.autocorrelation(values)).isCloseTo(.6, within(.01));
    assertThat(ShapeFits.autocorrelation(2, 2, 2)).isZero();
    assertThat(ShapeFits.autocorrelation(1, -1, 1, -1)).isEqualTo(-.75);
  }

  @Test
  void refusesWhatHasNoShape() {
    assertThatThrownBy(ShapeFits::of).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> ShapeFits.of(1, Double.NaN))
        .isInstanceOf(IllegalArgumentException.class);
    ShapeFits one = ShapeFits.of(1);
    assertThat(one.falling()).isZero();
    assertThat(one.fallRiseFall()).isZero();
  }

  private static double[] values(JsonNode vector) {
    double[] values = new double[vector.get("y").size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = vector.get("y").get(i).asDouble();
    }
    return values;
  }

  private static JsonNode vector(String name) throws Exception {
    try (InputStream in = ShapeFitsTest.class.getResourceAsStream("shape_vectors.json")) {
      return Objects.requireNonNull(new ObjectMapper().readTree(in).get(name));
    }
  }
}
