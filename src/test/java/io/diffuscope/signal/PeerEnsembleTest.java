package io.diffuscope.signal;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.diffuscope.sampling.Observation.EnsembleObservation;
import io.diffuscope.sampling.Reference;
import io.diffuscope.statistics.Estimate;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * The fold of peers against students with a closed form: student k makes x + b + s_k y of a noise
 * whose teacher makes x, with standard normal y in R^d, and scales s_k of mean zero. Over students
 * and noises bias^2 is |b|^2 and the variance d E[s^2].
 */
class PeerEnsembleTest {
  private static final int D = 4;
  private static final int NOISES = 4_000;
  private static final int BLOCK = 512;
  private static final double[] BIAS = {.5, -.25, 0, .75};
  private static final double BIAS_SQUARED = .875;

  /** Scales with mean 0; the unbiased variance of these is their mean square times 4/3. */
  private static final double[] SCALES = {-.3, -.1, .1, .3};

  private static final double VARIANCE = D * (.3 * .3 + .1 * .1) / 2 * 4 / 3;

  private static EnsembleObservation block(int number) {
    int first = number * BLOCK;
    int count = Math.min(BLOCK, NOISES - first);
    int peers = SCALES.length;
    double[] total = new double[count];
    double[] variance = new double[count];
    double[] toReference = new double[peers];
    double[] betweenPairs = new double[peers * (peers - 1) / 2];
    for (int i = 0; i < count; i++) {
      SplittableRandom random = new SplittableRandom(first + i);
      double[] y = new double[D];
      Arrays.setAll(y, f -> random.nextGaussian());
      double length = Arrays.stream(y).map(v -> v * v).sum();
      int pair = 0;
      for (int k = 0; k < peers; k++) {
        double squared = 0;
        for (int f = 0; f < D; f++) {
          squared += Math.pow(BIAS[f] + SCALES[k] * y[f], 2);
        }
        toReference[k] += squared;
        total[i] += squared / peers;
        for (int l = k + 1; l < peers; l++) {
          betweenPairs[pair++] += Math.pow(SCALES[k] - SCALES[l], 2) * length;
        }
        variance[i] += SCALES[k] * SCALES[k] * length / (peers - 1);
      }
    }
    return new EnsembleObservation(
        number, first, Reference.TEACHER, total, variance, toReference, betweenPairs);
  }

  private static List<EnsembleObservation> blocks() {
    return IntStream.range(0, (NOISES + BLOCK - 1) / BLOCK)
        .mapToObj(PeerEnsembleTest::block)
        .toList();
  }

  private static Map<Statistic, Estimate> estimates(PeerEnsemble fold) {
    return fold.estimates(true).stream()
        .collect(Collectors.toMap(SignalEstimate::statistic, SignalEstimate::estimate));
  }

  @Test
  void closedFormStudentsAreFound() {
    PeerEnsemble fold = new PeerEnsemble(Reference.TEACHER, NOISES);
    // In any order, and a block that comes again counts once.
    blocks().reversed().forEach(fold::observe);
    fold.observe(block(3));

    Map<Statistic, Estimate> found = estimates(fold);
    // Of these students the mean is the teacher's map plus b, so that their bias is 0.875 less the
    // share that an ensemble's mean always has of the variance.
    double bias = BIAS_SQUARED - VARIANCE / SCALES.length;
    assertClose(requireNonNull(found.get(Statistic.VARIANCE)), VARIANCE);
    assertClose(requireNonNull(found.get(Statistic.BIAS_SQUARED)), bias);
    assertClose(requireNonNull(found.get(Statistic.MEAN_SQUARE)), bias + VARIANCE);
    assertThat(
            requireNonNull(found.get(Statistic.BIAS_SQUARED)).value()
                + requireNonNull(found.get(Statistic.VARIANCE)).value())
        .isCloseTo(requireNonNull(found.get(Statistic.MEAN_SQUARE)).value(), within(1e-12));
  }

  /** Noises are the only chance here: four thousand of them leave a few per cent. */
  private static void assertClose(Estimate found, double truth) {
    assertThat(found.value()).isCloseTo(truth, withinPercentage(4));
    assertThat(found.lower()).isLessThan(truth);
    assertThat(found.upper()).isGreaterThan(truth);
  }

  @Test
  void whatLacksABlockIsNoResult() {
    PeerEnsemble fold = new PeerEnsemble(Reference.TEACHER, NOISES);
    blocks().stream().skip(1).forEach(fold::observe);
    assertThat(fold.estimates(true)).isEmpty();
    assertThat(fold.estimates(false)).hasSize(3);
    fold.observe(block(0));
    assertThat(fold.estimates(true)).hasSize(3);
  }

  @Test
  void anotherReferenceIsNotCounted() {
    PeerEnsemble fold = new PeerEnsemble(Reference.HOLDOUT, NOISES);
    blocks().forEach(fold::observe);
    assertThat(fold.estimates(false)).isEmpty();
  }
}
