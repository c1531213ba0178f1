package io.diffuscope.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SquaredDistancesTest {
  private static final double Z = 1.959963984540054;

  @Test
  void closedForms() {
    SquaredDistances pairs = SquaredDistances.of(1, 4, 9, 36); // mean 12.5, variance 769/3

    double se = Math.sqrt(769.0 / 3) / (2 * Math.sqrt(12.5) * 2);
    Estimate rms = pairs.rootMeanSquare();
    assertThat(rms.value()).isCloseTo(Math.sqrt(12.5), within(1e-15));
    assertThat(rms.standardError()).isCloseTo(se, within(1e-12));
    assertThat(rms.lower())
        .isCloseTo(Math.sqrt(12.5) * Math.exp(-Z * se / Math.sqrt(12.5)), within(1e-12));
    assertThat(rms.upper())
        .isCloseTo(Math.sqrt(12.5) * Math.exp(Z * se / Math.sqrt(12.5)), within(1e-12));
    assertThat(rms.samples()).isEqualTo(4);
    // the interval of the mean square is the square of the root's
    assertThat(pairs.meanSquare().value()).isEqualTo(12.5);
    assertThat(pairs.meanSquare().standardError())
        .isCloseTo(Math.sqrt(769.0 / 3) / 2, within(1e-12));
    assertThat(pairs.meanSquare().lower()).isCloseTo(rms.lower() * rms.lower(), within(1e-12));
    assertThat(pairs.meanSquare().upper()).isCloseTo(rms.upper() * rms.upper(), within(1e-10));
    assertThat(pairs.meanDistance().value()).isEqualTo(3);
    assertThat(pairs.meanDistance().standardError())
        .isCloseTo(Math.sqrt(14.0 / 3 / 4), within(1e-15));
    assertThat(pairs.largestShare().value()).isCloseTo(36.0 / 50, within(1e-15));
  }

  @Test
  void identicalEndpointsAreExactlyZero() {
    SquaredDistances pairs = SquaredDistances.of(new double[50]);

    assertThat(pairs.rootMeanSquare()).isEqualTo(new Estimate(0, 0, 0, 0, 50));
    assertThat(pairs.meanDistance()).isEqualTo(new Estimate(0, 0, 0, 0, 50));
    assertThat(pairs.meanSquare()).isEqualTo(new Estimate(0, 0, 0, 0, 50));
    assertThat(pairs.largestShare().value()).isNaN();
    assertThat(SquaredDistances.change(new double[50], new double[50]))
        .isEqualTo(new Estimate(0, 0, 0, 0, 50));
  }

  @Test
  void noPairsAndOnePair() {
    assertThat(SquaredDistances.NONE.rootMeanSquare().value()).isNaN();
    assertThat(SquaredDistances.of(4).rootMeanSquare().value()).isEqualTo(2);
    assertThat(SquaredDistances.of(4).rootMeanSquare().standardError()).isNaN();
  }

  @Test
  void blocksGiveTheSameDigitsInWhateverOrderTheyArrive() {
    SplittableRandom random = new SplittableRandom(2);
    List<SquaredDistances> blocks =
        IntStream.range(0, 30)
            .mapToObj(i -> SquaredDistances.of(gamma2(random, i == 29 ? 5 : 64)))
            .toList();
    List<Integer> order = new ArrayList<>(IntStream.range(0, 30).boxed().toList());
    TreeMap<Integer, SquaredDistances> sorted = new TreeMap<>();
    order.forEach(i -> sorted.put(i, blocks.get(i)));
    Collections.shuffle(order, new Random(3));
    TreeMap<Integer, SquaredDistances> shuffled = new TreeMap<>();
    order.forEach(i -> shuffled.put(i, blocks.get(i)));

    assertThat(SquaredDistances.ofBlocks(shuffled)).isEqualTo(SquaredDistances.ofBlocks(sorted));
    assertThat(SquaredDistances.ofBlocks(sorted).count()).isEqualTo(29 * 64 + 5);
  }

  /**
   * d^2 of a gamma law with shape 2. The reference's simulation of the log form gave .940 at M = 50
   * and .946 at 200; 4,000 repetitions have a standard error of .004.
   */
  @ParameterizedTest
  @CsvSource({"50, .925, .955", "200, .933, .96", "1000, .937, .963"})
  void rootMeanSquareCovers(int pairs, double least, double most) {
    double coverage =
        Coverage.of(
            4000,
            Math.sqrt(2),
            seed ->
                SquaredDistances.of(gamma2(new SplittableRandom(seed), pairs)).rootMeanSquare());

    assertThat(coverage).isBetween(least, most);
  }

  @Test
  void meanDistanceAndMeanSquareCover() {
    // E sqrt(gamma(2)) = Gamma(2.5) = 3/4 sqrt(pi)
    assertThat(
            Coverage.of(
                4000,
                .75 * Math.sqrt(Math.PI),
                seed ->
                    SquaredDistances.of(gamma2(new SplittableRandom(seed), 200)).meanDistance()))
        .isBetween(.935, .965);
    assertThat(
            Coverage.of(
                4000,
                2,
                seed -> SquaredDistances.of(gamma2(new SplittableRandom(seed), 200)).meanSquare()))
        .isBetween(.933, .965);
  }

  @Test
  void changeInClosedForm() {
    double[] before = {1, 4, 9, 36}; // P = sqrt 12.5
    double[] after = {4, 4, 1, 7}; // P = 2
    double[] influence = new double[4];
    for (int i = 0; i < 4; i++) {
      influence[i] = after[i] / 4 - before[i] / (2 * Math.sqrt(12.5));
    }
    double mean = Arrays.stream(influence).average().orElseThrow();
    double variance = Arrays.stream(influence).map(x -> (x - mean) * (x - mean)).sum() / 3;

    Estimate change = SquaredDistances.change(before, after);

    assertThat(change.value()).isCloseTo(2 - Math.sqrt(12.5), within(1e-15));
    assertThat(change.standardError()).isCloseTo(Math.sqrt(variance / 4), within(1e-14));
    assertThat(change.lower())
        .isCloseTo(change.value() - Z * change.standardError(), within(1e-14));
  }

  /** Doubling every distance doubles P, with half the error of P after. */
  @Test
  void changeOfAScaledModel() {
    double[] before = gamma2(new SplittableRandom(5), 300);
    double[] after = Arrays.stream(before).map(d -> 4 * d).toArray();
    Estimate rms = SquaredDistances.of(before).rootMeanSquare();

    Estimate change = SquaredDistances.change(before, after);

    assertThat(change.value()).isCloseTo(rms.value(), within(1e-12));
    assertThat(change.standardError()).isCloseTo(rms.standardError(), within(1e-12));
    assertThat(SquaredDistances.change(new double[300], before).standardError())
        .isCloseTo(rms.standardError(), within(1e-12));
  }

  /** Pairs correlated .9 and more: the paired error covers and is far below the unpaired one. */
  @Test
  void changeCoversAndIsSharperThanUnpaired() {
    double truth = Math.sqrt(1.1 * 2 + .1) - Math.sqrt(2);
    double coverage =
        Coverage.of(
            4000,
            truth,
            seed -> {
              double[][] pair = correlated(seed);
              return SquaredDistances.change(pair[0], pair[1]);
            });
    assertThat(coverage).isBetween(.935, .965);

    double[][] pair = correlated(0);
    double unpaired =
        Math.hypot(
            SquaredDistances.of(pair[0]).rootMeanSquare().standardError(),
            SquaredDistances.of(pair[1]).rootMeanSquare().standardError());
    assertThat(SquaredDistances.change(pair[0], pair[1]).standardError()).isLessThan(unpaired / 3);
  }

  /** d_a^2 gamma(2) and d_b^2 = 1.1 d_a^2 + .1 Exp(1). */
  private static double[][] correlated(int seed) {
    SplittableRandom random = new SplittableRandom(seed);
    double[] before = gamma2(random, 400);
    double[] after =
        Arrays.stream(before).map(d -> 1.1 * d + .1 * random.nextExponential()).toArray();
    return new double[][] {before, after};
  }

  @Test
  void changeNeedsTheSameNoises() {
    assertThatThrownBy(() -> SquaredDistances.change(new double[3], new double[4]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("3 and 4");
  }

  private static double[] gamma2(SplittableRandom random, int n) {
    return IntStream.range(0, n)
        .mapToDouble(i -> random.nextExponential() + random.nextExponential())
        .toArray();
  }
}
