package io.diffuscope.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ClassProbesTest {
  private static final JsonNode PROBES = Fixtures.read("probes.json");
  private static final double[][] TRAIN = Fixtures.matrix(PROBES.get("train"));
  private static final double[][] TEST = Fixtures.matrix(PROBES.get("test"));
  private static final int[] TRAIN_LABELS = Fixtures.integers(PROBES.get("trainLabels"));
  private static final int[] TEST_LABELS = Fixtures.integers(PROBES.get("testLabels"));

  @Test
  void subspacesAgreeWithNumpy() {
    FeatureMatrix train = FeatureMatrix.ofTrain(TRAIN);
    ClassSubspaces found =
        ClassSubspaces.fit(train, TRAIN_LABELS, 3, PROBES.get("dimension").intValue());

    assertThat(found.snr(train.rows(), TRAIN_LABELS).orElseThrow().value())
        .isCloseTo(PROBES.get("snr").doubleValue(), within(1e-9));
    assertThat(found.correct(train.ofTest(TEST).rows(), TEST_LABELS))
        .isEqualTo(Fixtures.vector(PROBES.get("projectionCorrect")));
  }

  @Test
  void logisticRegressionAgreesWithScikitLearn() {
    FeatureMatrix train = FeatureMatrix.ofTrain(TRAIN);
    LogisticProbe found =
        LogisticProbe.fit(train.rows(), TRAIN_LABELS, 3, PROBES.get("c").doubleValue());

    double[][] coefficients = Fixtures.matrix(PROBES.get("coefficients"));
    double[] intercepts = Fixtures.vector(PROBES.get("intercepts"));
    for (int k = 0; k < 3; k++) {
      for (int f = 0; f < 12; f++) {
        assertThat(found.weight(f, k)).isCloseTo(coefficients[k][f], within(2e-4));
      }
      assertThat(found.weight(12, k)).isCloseTo(intercepts[k], within(2e-4));
    }
    double[] correct = found.correct(train.ofTest(TEST).rows(), TEST_LABELS);
    assertThat(correct).isEqualTo(Fixtures.vector(PROBES.get("logisticCorrect")));
    assertThat(LogisticProbe.accuracy(correct))
        .isEqualTo(Proportions.share((long) Arrays.stream(correct).sum(), 40));
  }

  /**
   * The optimal denoiser of a noisy mixture of low-rank Gaussians (arXiv 2502.05743, proposition 1;
   * n = 50, d = 5, K = 2, delta = .2): Monte-Carlo values of an independent program, which the
   * paper's trained networks (table 4) follow within 2 %.
   */
  @ParameterizedTest
  @CsvSource({
    ".008, 25.06", ".023, 25.29", ".06, 27.26", ".14, 36.13",
    ".296, 58.51", ".585, 20.88", "1.088, 4.11", "1.923, 1.56"
  })
  void snrOfTheOptimalDenoiser(double sigma, double expected) {
    int n = 40_000;
    double[][] denoised = new double[n][];
    int[] labels = new int[n];
    SplittableRandom random = new SplittableRandom(Double.hashCode(sigma));
    for (int i = 0; i < n; i++) {
      labels[i] = i % 2;
      denoised[i] = denoise(draw(random, labels[i], sigma), sigma);
    }
    double[][][] bases = new double[2][5][50];
    for (int j = 0; j < 10; j++) {
      bases[j / 5][j % 5][j] = 1;
    }
    Estimate found = ClassSubspaces.given(bases).snr(denoised, labels).orElseThrow();

    assertThat(found.standardError()).isLessThan(.02 * expected);
    // Five standard errors of ours, and half a per cent for the other side's and rounding.
    assertThat(found.value())
        .isCloseTo(expected, within(5 * found.standardError() + .005 * expected));
  }

  /** Class 0 lives on the first five axes, class 1 on the next five, each with .2 of the other. */
  private static double[] draw(SplittableRandom random, int label, double sigma) {
    double[] x = new double[50];
    for (int j = 0; j < 50; j++) {
      double own = j >= 10 ? 0 : j / 5 == label ? 1 : .2;
      x[j] = own * random.nextGaussian() + sigma * random.nextGaussian();
    }
    return x;
  }

  private static double[] denoise(double[] x, double sigma) {
    double s2 = sigma * sigma;
    double zeta = 1 / (1 + s2);
    double xi = .04 / (.04 + s2);
    double first = 0;
    double second = 0;
    for (int j = 0; j < 5; j++) {
      first += x[j] * x[j];
      second += x[j + 5] * x[j + 5];
    }
    double phi = 1 / (2 * s2 * (1 + s2));
    double psi = .04 / (2 * s2 * (.04 + s2));
    double weight = 1 / (1 + Math.exp((phi - psi) * (second - first)));
    double[] out = new double[50];
    for (int j = 0; j < 10; j++) {
      double own = j < 5 ? weight : 1 - weight;
      out[j] = (own * zeta + (1 - own) * xi) * x[j];
    }
    return out;
  }

  /** Signal and noise energies are sums of squares of normals: the SNR is 2 * 4 / (3 * .25). */
  @Test
  void snrCovers() {
    double coverage =
        Coverage.of(
            2000,
            8 / .75,
            seed -> {
              SplittableRandom random = new SplittableRandom(seed);
              double[][] rows = new double[60][5];
              for (double[] row : rows) {
                Arrays.setAll(row, j -> (j < 2 ? 2 : .5) * random.nextGaussian());
              }
              double[][][] basis = {{{1, 0, 0, 0, 0}, {0, 1, 0, 0, 0}}};
              return ClassSubspaces.given(basis).snr(rows, new int[60]).orElseThrow();
            });
    assertThat(coverage).isBetween(.92, .97);
  }

  /** More images than features, and fewer, give the same subspaces. */
  @Test
  void eitherGramMatrixGivesTheSingularVectors() {
    SplittableRandom random = new SplittableRandom(8);
    double[][] wide = new double[9][12];
    for (double[] row : wide) {
      Arrays.setAll(row, j -> random.nextGaussian() * (j == 3 ? 5 : 1));
    }
    double[][] tall = new double[27][];
    Arrays.setAll(tall, i -> wide[i % 9].clone());
    FeatureMatrix few = FeatureMatrix.ofTrain(wide);
    FeatureMatrix many = FeatureMatrix.ofTrain(tall);
    Estimate a =
        ClassSubspaces.fit(few, new int[9], 1, 3).snr(few.rows(), new int[9]).orElseThrow();
    Estimate b =
        ClassSubspaces.fit(many, new int[27], 1, 3).snr(many.rows(), new int[27]).orElseThrow();

    assertThat(b.value()).isCloseTo(a.value(), within(1e-9));
  }

  @Test
  void aClassInsideItsSubspaceHasNoSnr() {
    double[][] rows = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
    FeatureMatrix train = FeatureMatrix.ofTrain(rows);

    assertThat(ClassSubspaces.fit(train, new int[3], 1, 5).snr(train.rows(), new int[3])).isEmpty();
  }

  @Test
  void classesWithoutTrainingImagesAndZeroFeaturesAreNoError() {
    double[][] rows = {{1, 0}, {0, 0}, {0, 1}, {1, 1}};
    int[] labels = {0, 0, 2, 2};
    FeatureMatrix train = FeatureMatrix.ofTrain(rows);

    assertThat(ClassSubspaces.fit(train, labels, 4, 1).correct(train.rows(), labels))
        .containsOnly(0.0, 1.0);
    assertThat(LogisticProbe.fit(train.rows(), labels, 4, 1e6).correct(train.rows(), labels))
        .contains(1.0);
  }

  @Test
  void refusesWhatDoesNotFit() {
    FeatureMatrix train = FeatureMatrix.ofTrain(new double[][] {{1, 2}, {3, 4}});
    assertThatThrownBy(() -> ClassSubspaces.fit(train, new int[] {0, 3}, 3, 1))
        .hasMessageContaining("label 3 is outside of 0 to 2");
    assertThatThrownBy(() -> LogisticProbe.fit(train.rows(), new int[1], 3, 1))
        .hasMessageContaining("2 features and 1 labels");
    assertThatThrownBy(() -> FeatureMatrix.ofTrain(new double[][] {{Double.NaN}}))
        .hasMessageContaining("feature 0 is not finite");
    assertThatThrownBy(() -> train.ofTest(new double[][] {{1}})).hasMessageContaining("2 and 1");
  }
}
