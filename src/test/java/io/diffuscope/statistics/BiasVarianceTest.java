package io.diffuscope.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class BiasVarianceTest {
  private static final int FEATURES = 3;
  private static final int NOISES = 150;
  private static final double[] BIAS = {.3, -.4, .2};
  private static final double SPREAD = .25;

  /** bias^2 = |b|^2, variance = E|G x|^2 = features^2 spread^2. */
  private static final double BIAS_SQUARED = .29;

  private static final double VARIANCE = FEATURES * FEATURES * SPREAD * SPREAD;

  /**
   * Linear students: f_k(x) - f*(x) = b + G_k x with independent Gaussian entries of G_k.
   *
   * @param deviations {@code [M][K][features]}
   * @param maps G_k, {@code [K][features][features]}
   */
  private record Students(double[][][] deviations, double[][][] maps) {
    static Students draw(int students, SplittableRandom ofStudents, SplittableRandom ofNoises) {
      double[][][] maps = new double[students][FEATURES][FEATURES];
      for (double[][] map : maps) {
        for (double[] row : map) {
          Arrays.setAll(row, j -> SPREAD * ofStudents.nextGaussian());
        }
      }
      double[][][] deviations = new double[NOISES][students][FEATURES];
      for (double[][] noise : deviations) {
        double[] x = new double[FEATURES];
        Arrays.setAll(x, j -> ofNoises.nextGaussian());
        for (int k = 0; k < students; k++) {
          for (int f = 0; f < FEATURES; f++) {
            noise[k][f] = BIAS[f];
            for (int j = 0; j < FEATURES; j++) {
              noise[k][f] += maps[k][f][j] * x[j];
            }
          }
        }
      }
      return new Students(deviations, maps);
    }

    double[][] toReference() {
      return Arrays.stream(deviations)
          .map(noise -> Arrays.stream(noise).mapToDouble(f -> squared(f, new double[3])).toArray())
          .toArray(double[][]::new);
    }

    double[][] pairs() {
      return Arrays.stream(deviations).map(Students::pairs).toArray(double[][]::new);
    }

    private static double[] pairs(double[][] noise) {
      double[] pairs = new double[noise.length * (noise.length - 1) / 2];
      int next = 0;
      for (int k = 0; k < noise.length; k++) {
        for (int l = k + 1; l < noise.length; l++) {
          pairs[next++] = squared(noise[k], noise[l]);
        }
      }
      return pairs;
    }

    BiasVariance given() {
      return BiasVariance.of(toReference(), pairs());
    }

    BiasVariance over() {
      return BiasVariance.overStudents(toReference(), pairs()).orElseThrow();
    }
  }

  private static Students draw(int students, int seed) {
    return Students.draw(
        students, new SplittableRandom(seed), new SplittableRandom(1_000_000L + seed));
  }

  private static double squared(double[] a, double[] b) {
    double sum = 0;
    for (int f = 0; f < a.length; f++) {
      sum += (a[f] - b[f]) * (a[f] - b[f]);
    }
    return sum;
  }

  /** The identity as it is defined, through the mean of the students. */
  @Test
  void isTheDefinition() {
    int students = 4;
    Students drawn = draw(students, 5);
    double variance = 0;
    double bias = 0;
    for (double[][] noise : drawn.deviations()) {
      double[] mean = new double[FEATURES];
      for (double[] f : noise) {
        Arrays.setAll(mean, j -> mean[j] + f[j] / students);
      }
      double own = 0;
      for (double[] f : noise) {
        own += squared(f, mean) / (students - 1);
      }
      variance += own / NOISES;
      bias += (squared(mean, new double[3]) - own / students) / NOISES;
    }
    BiasVariance found = drawn.given();

    assertThat(found.variance().value()).isCloseTo(variance, within(1e-12));
    assertThat(found.bias().value()).isCloseTo(bias, within(1e-12));
    assertThat(found.total().value()).isCloseTo(bias + variance, within(1e-12));
    assertThat(found.total().samples()).isEqualTo(NOISES);
  }

  @Test
  void isUnbiasedAtTwoStudents() {
    Moments bias = Moments.NONE;
    Moments variance = Moments.NONE;
    for (int seed = 0; seed < 3000; seed++) {
      BiasVariance found = draw(2, seed).given();
      bias = bias.plus(Moments.of(found.bias().value()));
      variance = variance.plus(Moments.of(found.variance().value()));
    }
    assertThat(bias.mean()).isCloseTo(BIAS_SQUARED, within(4 * bias.standardError()));
    assertThat(variance.mean()).isCloseTo(VARIANCE, within(4 * variance.standardError()));
  }

  /** Given the students, the variance over all noises is that of their maps. */
  @Test
  void coversOverNoisesGivenTheStudents() {
    double[][][] maps = Students.draw(3, new SplittableRandom(8), new SplittableRandom(0)).maps();
    double truth = 0;
    for (int k = 0; k < 3; k++) {
      for (int l = k + 1; l < 3; l++) {
        for (int f = 0; f < FEATURES; f++) {
          truth += squared(maps[k][f], maps[l][f]) / 6;
        }
      }
    }
    double coverage =
        Coverage.of(
            2000,
            truth,
            seed ->
                Students.draw(3, new SplittableRandom(8), new SplittableRandom(seed))
                    .given()
                    .variance());
    assertThat(coverage).isBetween(.92, .97);
  }

  @Test
  void coversOverStudents() {
    assertThat(Coverage.of(2000, VARIANCE, seed -> draw(4, seed).over().variance()))
        .isBetween(.9, .99);
    assertThat(Coverage.of(2000, BIAS_SQUARED, seed -> draw(4, seed).over().bias()))
        .isBetween(.9, .995);
    // The point of it: given the students is far from enough.
    assertThat(Coverage.of(2000, VARIANCE, seed -> draw(4, seed).given().variance()))
        .isLessThan(.7);
  }

  /** The jackknife by its definition: the parts of the other students, for each left out. */
  @Test
  void leavesOneStudentOut() {
    int students = 4;
    Students drawn = draw(students, 6);
    double[] variances = new double[students];
    double[] biases = new double[students];
    for (int out = 0; out < students; out++) {
      double[][][] rest = new double[NOISES][students - 1][];
      for (int i = 0; i < NOISES; i++) {
        for (int k = 0; k < students - 1; k++) {
          rest[i][k] = drawn.deviations()[i][k < out ? k : k + 1];
        }
      }
      BiasVariance found = new Students(rest, drawn.maps()).given();
      variances[out] = found.variance().value();
      biases[out] = found.bias().value();
    }
    BiasVariance given = drawn.given();
    BiasVariance over = drawn.over();

    assertThat(over.variance().standardError())
        .isCloseTo(error(variances, given.variance()), within(1e-12));
    assertThat(over.bias().standardError()).isCloseTo(error(biases, given.bias()), within(1e-12));
    // Student's t with three degrees of freedom.
    assertThat(over.bias().upper() - over.bias().value())
        .isCloseTo(3.182446305284263 * over.bias().standardError(), within(1e-9));
  }

  private static double error(double[] leftOut, Estimate given) {
    double mean = Arrays.stream(leftOut).average().orElseThrow();
    double squares = Arrays.stream(leftOut).map(x -> (x - mean) * (x - mean)).sum();
    return Math.sqrt(.75 * squares + given.standardError() * given.standardError());
  }

  @Test
  void twoStudentsHaveNoErrorOverStudents() {
    Students two = draw(2, 1);
    assertThat(BiasVariance.overStudents(two.toReference(), two.pairs())).isEmpty();
  }

  @Test
  void refusesWhatDoesNotFit() {
    assertThatThrownBy(() -> BiasVariance.of(new double[5][1], new double[5][0]))
        .hasMessageContaining("got 1 students");
    assertThatThrownBy(() -> BiasVariance.of(new double[5][3], new double[5][2]))
        .hasMessageContaining("noise 0 has 3 distances to the reference and 2 between");
  }
}
