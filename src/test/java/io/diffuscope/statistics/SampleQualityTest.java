package io.diffuscope.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Kernel distance, precision and recall, authenticity. */
class SampleQualityTest {
  private static final JsonNode FIXTURE = Fixtures.read("distances.json");
  private static final double[][] HOLDOUT = Fixtures.matrix(FIXTURE.get("holdout"));

  @Test
  void kernelDistanceAgreesWithNumpy() {
    List<KernelDistance.Block> blocks = new ArrayList<>();
    for (JsonNode block : FIXTURE.get("blocks")) {
      blocks.add(KernelDistance.Block.of(Fixtures.matrix(block), HOLDOUT));
    }
    double expected = FIXTURE.get("kernelDistance").doubleValue();
    double[] within = KernelDistance.within(HOLDOUT);

    assertThat(KernelDistance.of(blocks, Arrays.stream(within).average().orElseThrow()).value())
        .isCloseTo(expected, within(1e-10));
    Estimate both = KernelDistance.of(blocks, within, new double[HOLDOUT.length]);
    assertThat(both.value()).isCloseTo(expected, within(1e-10));
    assertThat(both.samples()).isEqualTo(36);
  }

  /**
   * In one dimension the kernel compares moments: the distance of N(.5, 1) and N(0, 1) is 3 (.5)^2
   * + 3 (.25)^2 + (1.625)^2.
   */
  @Test
  void kernelDistanceCoversOverSamplesAndHoldout() {
    double coverage =
        Coverage.of(400, 3 * .25 + 3 * .0625 + 1.625 * 1.625, seed -> overBoth(seed, .5));
    assertThat(coverage).isBetween(.9, .98);
  }

  @Test
  void kernelDistanceCoversWhereThereIsNone() {
    assertThat(Coverage.of(400, 0, seed -> overBoth(seed, 0))).isGreaterThanOrEqualTo(.93);
  }

  private static Estimate overBoth(int seed, double mean) {
    SplittableRandom random = new SplittableRandom(seed);
    double[][] holdout = normal(random, 300, 0);
    double[][] samples = normal(random, 400, mean);
    List<KernelDistance.Block> blocks = blocks(samples, holdout);
    double[] across = new double[holdout.length];
    for (int j = 0; j < across.length; j++) {
      for (double[] x : samples) {
        across[j] += KernelDistance.kernel(x[0] * holdout[j][0], 1) / samples.length;
      }
    }
    return KernelDistance.of(blocks, KernelDistance.within(holdout), across);
  }

  /** Given the hold-out, the distance is to its empirical moments. */
  @Test
  void kernelDistanceCoversGivenTheHoldout() {
    double[][] holdout = normal(new SplittableRandom(77), 100, 0);
    double holdoutMean = Arrays.stream(KernelDistance.within(holdout)).average().orElseThrow();
    double[] moments = {.5, 1.25, 1.625};
    double[] binomials = {3, 3, 1};
    double truth = holdoutMean - 1;
    for (int r = 0; r < 3; r++) {
      double empirical = 0;
      for (double[] y : holdout) {
        empirical += Math.pow(y[0], r + 1) / holdout.length;
      }
      truth += binomials[r] * (moments[r] * moments[r] - 2 * moments[r] * empirical);
    }
    double coverage =
        Coverage.of(
            1000,
            truth,
            seed ->
                KernelDistance.of(
                    blocks(normal(new SplittableRandom(seed), 400, .5), holdout), holdoutMean));
    assertThat(coverage).isBetween(.91, .975);
  }

  private static List<KernelDistance.Block> blocks(double[][] samples, double[][] holdout) {
    List<KernelDistance.Block> blocks = new ArrayList<>();
    for (int from = 0; from < samples.length; from += 100) {
      blocks.add(KernelDistance.Block.of(Arrays.copyOfRange(samples, from, from + 100), holdout));
    }
    return blocks;
  }

  private static double[][] normal(SplittableRandom random, int n, double mean) {
    double[][] rows = new double[n][1];
    for (double[] row : rows) {
      row[0] = mean + random.nextGaussian();
    }
    return rows;
  }

  @Test
  void precisionAndRecallAgreeWithNumpy() {
    List<double[]> fake = new ArrayList<>();
    for (JsonNode block : FIXTURE.get("blocks")) {
      fake.addAll(Arrays.asList(Fixtures.matrix(block)));
    }
    double[][] samples = fake.toArray(double[][]::new);
    int k = FIXTURE.get("neighbours").intValue();
    PrecisionRecall.Collector collector = new PrecisionRecall.Collector(radii(HOLDOUT, k), k);
    double[] radii = radii(samples, k);
    for (int j = 0; j < samples.length; j++) {
      collector.add(distances(samples[j], HOLDOUT), radii[j]);
    }
    PrecisionRecall found = collector.estimate();

    assertClose(found.precision(), "precision");
    assertClose(found.recall(), "recall");
    assertClose(found.density(), "density");
    assertClose(found.coverage(), "coverage");
    assertThat(found.precision().samples()).isEqualTo(samples.length);
    assertThat(found.recall().samples()).isEqualTo(HOLDOUT.length);
    assertThat(found.recall().lower()).isLessThan(found.recall().value());
  }

  private static void assertClose(Estimate found, String name) {
    assertThat(found.value()).as(name).isCloseTo(FIXTURE.get(name).doubleValue(), within(1e-12));
  }

  private static double[] radii(double[][] rows, int k) {
    double[] radii = new double[rows.length];
    Arrays.setAll(radii, i -> PrecisionRecall.radius(distances(rows[i], rows), i, k));
    return radii;
  }

  private static double[] distances(double[] x, double[][] rows) {
    return Arrays.stream(rows)
        .mapToDouble(
            y -> {
              double squares = 0;
              for (int f = 0; f < y.length; f++) {
                squares += (x[f] - y[f]) * (x[f] - y[f]);
              }
              return Math.sqrt(squares);
            })
        .toArray();
  }

  /** The samples are the real points: precision and coverage are 1, and so is recall. */
  @Test
  void copiesHavePrecisionAndRecall() {
    PrecisionRecall.Collector collector = new PrecisionRecall.Collector(radii(HOLDOUT, 5), 5);
    for (double[] y : HOLDOUT) {
      collector.add(distances(y, HOLDOUT), .1);
    }
    PrecisionRecall found = collector.estimate();
    assertThat(found.precision().value()).isEqualTo(1);
    assertThat(found.recall().value()).isEqualTo(1);
    assertThat(found.coverage().value()).isEqualTo(1);
  }

  @Test
  void radiusIsTheKthSmallestOfTheOthers() {
    double[] distances = {4, 1, 0, 3, 2, 2};
    assertThat(PrecisionRecall.radius(distances, 2, 1)).isEqualTo(1);
    assertThat(PrecisionRecall.radius(distances, 2, 3)).isEqualTo(2);
    assertThat(PrecisionRecall.radius(distances, 2, 5)).isEqualTo(4);
    assertThat(PrecisionRecall.radius(distances, 0, 1)).isZero();
    assertThatThrownBy(() -> PrecisionRecall.radius(distances, 2, 6))
        .hasMessageContaining("6 neighbours needs more points");
  }

  /** A copy is not authentic; in one dimension with points 0, 1, 3 the distances are plain. */
  @Test
  void authenticity() {
    // Samples .1, .9, 5, -2: nearest 0, 1, 3, 0, whose nearest others are at 1, 1, 2, 1.
    Estimate found = Authenticity.of(new double[] {.1, .1, 2, 2}, new double[] {1, 1, 2, 1});

    assertThat(found).isEqualTo(Proportions.share(1, 4));
    assertThatThrownBy(() -> Authenticity.of(new double[1], new double[2]))
        .hasMessageContaining("got 1 and 2");
  }

  /** Samples and training points of one distribution: about half are authentic. */
  @Test
  void authenticityOfAnotherDraw() {
    SplittableRandom random = new SplittableRandom(3);
    double[][] train = new double[400][2];
    double[][] samples = new double[2000][2];
    for (double[][] set : List.of(train, samples)) {
      for (double[] x : set) {
        Arrays.setAll(x, f -> random.nextDouble());
      }
    }
    double[] toTrain = new double[samples.length];
    double[] toOther = new double[samples.length];
    for (int i = 0; i < samples.length; i++) {
      double[] distances = distances(samples[i], train);
      int nearest = 0;
      for (int j = 1; j < distances.length; j++) {
        nearest = distances[j] < distances[nearest] ? j : nearest;
      }
      toTrain[i] = distances[nearest];
      toOther[i] = PrecisionRecall.radius(distances(train[nearest], train), nearest, 1);
    }
    assertThat(Authenticity.of(toTrain, toOther).value()).isBetween(.3, .6);
  }

  @Test
  void refusesWhatDoesNotFit() {
    assertThatThrownBy(() -> KernelDistance.of(List.of(), 1)).hasMessageContaining("got none");
    assertThatThrownBy(() -> new KernelDistance.Block(new double[1], new double[1]))
        .hasMessageContaining("two samples or more");
    assertThatThrownBy(() -> new PrecisionRecall.Collector(new double[3], 5).add(new double[2], 1))
        .hasMessageContaining("each of 3 real points: got 2");
  }
}
