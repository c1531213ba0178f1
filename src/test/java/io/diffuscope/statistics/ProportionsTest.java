package io.diffuscope.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProportionsTest {
  /** Vectors of Apache Commons Statistics, which took them from statsmodels. */
  @ParameterizedTest
  @CsvSource({
    "10, 0, 1.959963984540054, 0, .27753279986288926",
    "10, 10, 1.959963984540054, .7224672001371106, 1",
    "10, 3, 1.959963984540054, .10779126740630104, .6032218525388546",
    "400, 20, 1.959963984540054, .03259742983714725, .07596363506371961",
    "500, 50, 1.6448536269514722, .0800391858824593, .12426638582141426",
    "19436, 0, 1.959963984540054, 0, .00019760751798472573",
  })
  void wilson(long trials, long hits, double z, double lower, double upper) {
    assertThat(Proportions.wilsonLower(hits, trials, z)).isCloseTo(lower, within(1e-15));
    assertThat(Proportions.wilsonUpper(hits, trials, z)).isCloseTo(upper, within(1e-15));
  }

  @Test
  void share() {
    Estimate estimate = Proportions.share(3, 10);

    assertThat(estimate.value()).isEqualTo(.3);
    assertThat(estimate.standardError()).isCloseTo(Math.sqrt(.021), within(1e-15));
    assertThat(estimate.lower()).isCloseTo(.10779126740630104, within(1e-15));
    assertThat(estimate.upper()).isCloseTo(.6032218525388546, within(1e-15));
    assertThat(estimate.samples()).isEqualTo(10);
    assertThat(Proportions.share(0, 10).standardError()).isZero();
  }

  /**
   * The first eight are contrasts of Newcombe 1998, table II, method 10, where they stand with four
   * digits; all digits, and the last two, from src/test/python/statistics_oracles.py.
   */
  @ParameterizedTest
  @CsvSource({
    "56, 70, 48, 80, 0.052431472402364815, 0.33387265403690614",
    "9, 10, 3, 10, 0.1705227239345029, 0.8090179735354881",
    "6, 7, 2, 7, 0.05822792748231209, 0.8062496375242278",
    "5, 56, 0, 29, -0.03813714790353688, 0.19256001385511165",
    "0, 10, 0, 20, -0.1611251580528194, 0.27753279986288926",
    "0, 10, 0, 10, -0.27753279986288926, 0.27753279986288926",
    "10, 10, 0, 20, 0.6790860371419147, 1",
    "10, 10, 0, 10, 0.6075093504305242, 1",
    "0, 1000, 0, 128, -0.029136956273508423, 0.0038267584855551243",
    "24, 1000, 0, 128, -0.006168062352337449, 0.03546290561161149",
  })
  void newcombe(long x, long m, long y, long n, double lower, double upper) {
    Estimate difference = Proportions.difference(x, m, y, n);

    assertThat(difference.value()).isCloseTo((double) x / m - (double) y / n, within(1e-15));
    assertThat(difference.lower()).isCloseTo(lower, within(1e-13));
    assertThat(difference.upper()).isCloseTo(upper, within(1e-13));
    assertThat(difference.samples()).isEqualTo(m + n);
  }

  @Test
  void differenceHasTheErrorOfIndependentShares() {
    assertThat(Proportions.difference(10, 100, 30, 50).standardError())
        .isCloseTo(Math.sqrt(.1 * .9 / 100 + .6 * .4 / 50), within(1e-15));
  }

  /** Newcombe's paper finds about .95 on average; small shares with a small control are wider. */
  @Test
  void differenceCoversAtTheSharesOfTheNearestRatio() {
    double[][] cases = {{.02, .0}, {.1, .02}, {.3, .1}};
    for (double[] c : cases) {
      double coverage =
          Coverage.of(
              3000,
              c[0] - c[1],
              seed -> {
                SplittableRandom random = new SplittableRandom(seed);
                return Proportions.difference(
                    hits(random, 500, c[0]), 500, hits(random, 128, c[1]), 128);
              });
      assertThat(coverage).as("%s against %s", c[0], c[1]).isGreaterThanOrEqualTo(.94);
    }
  }

  private static long hits(SplittableRandom random, int trials, double share) {
    return random.doubles(trials).filter(u -> u < share).count();
  }

  @Test
  void refusesWhatIsNoShare() {
    assertThatThrownBy(() -> Proportions.share(0, 0)).hasMessageContaining("0 hits in 0 trials");
    assertThatThrownBy(() -> Proportions.share(-1, 5)).hasMessageContaining("-1 hits");
    assertThatThrownBy(() -> Proportions.difference(1, 2, 6, 5)).hasMessageContaining("6 hits");
  }
}
