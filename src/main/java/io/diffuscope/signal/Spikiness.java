package io.diffuscope.signal;

import io.diffuscope.sampling.Observation;
import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.sampling.Observation.SpikinessObservation;
import io.diffuscope.sampling.Reference;
import io.diffuscope.sampling.SpikinessMeasure;
import io.diffuscope.statistics.Auroc;
import io.diffuscope.statistics.Estimate;
import io.diffuscope.statistics.Moments;
import io.diffuscope.statistics.SpearmanCorrelation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * How spiky hidden representations are at a low noise level: of samples, of training images and of
 * hold-out images (arXiv 2512.20963: spiky where single images are stored, balanced where
 * statistics were learned).
 *
 * <p>Raw spikiness grows with training in healthy runs, too. What tells is the contrast within a
 * checkpoint: whether training images are spikier than hold-out images (area under the receiver
 * operating characteristic, 0.5 without memorization), and whether samples are the spikier the
 * nearer they come to a single training image (rank correlation with d1/d2).
 */
public final class Spikiness implements Signal {
  private static final double[] NONE = {};

  private final int trainImages;
  private final boolean contrasts;
  private final boolean means;
  private final SortedMap<Integer, Map<SpikinessMeasure, double[]>> generated = new TreeMap<>();
  private final SortedMap<Integer, Map<SpikinessMeasure, double[]>> sets = new TreeMap<>();
  private final SortedMap<Integer, double[]> ratios = new TreeMap<>();

  /**
   * A fold.
   *
   * @param trainImages the first so many of the sets' images are training images
   * @param contrasts whether areas and rank correlations are estimated
   * @param means whether the raw means are estimated
   */
  public Spikiness(int trainImages, boolean contrasts, boolean means) {
    this.trainImages = trainImages;
    this.contrasts = contrasts;
    this.means = means;
  }

  @Override
  public void observe(Observation observation) {
    switch (observation) {
      case SpikinessObservation o ->
          (o.generated() ? generated : sets).put(o.block(), o.measures());
      case SampleObservation o -> {
        double[] ratio = new double[o.count()];
        // 0/0: on a point that other groups share exactly; nothing is nearer.
        Arrays.setAll(
            ratio,
            i -> o.trainDistance()[i] == 0 ? 0 : o.trainDistance()[i] / o.secondDistance()[i]);
        ratios.put(o.block(), ratio);
      }
      default -> {}
    }
  }

  @Override
  public List<SignalEstimate> estimates(boolean complete) {
    List<SignalEstimate> estimates = new ArrayList<>();
    double[] nearness = joined(ratios.values().stream());
    for (SpikinessMeasure measure : SpikinessMeasure.values()) {
      double[] inSets = joined(sets, measure);
      int train = Math.min(trainImages, inSets.length);
      double[] ofSamples = joined(generated, measure);
      double[] ofTrain = Arrays.copyOf(inSets, train);
      double[] ofHoldout = Arrays.copyOfRange(inSets, train, inSets.length);
      if (means) {
        addMean(estimates, Reference.GENERATED, measure, ofSamples);
        addMean(estimates, Reference.TRAIN, measure, ofTrain);
        addMean(estimates, Reference.HOLDOUT, measure, ofHoldout);
      }
      if (contrasts && complete) {
        addContrasts(estimates, measure, ofTrain, ofHoldout, ofSamples, nearness);
      }
    }
    return estimates;
  }

  private static void addMean(
      List<SignalEstimate> estimates, Reference inputs, SpikinessMeasure measure, double[] values) {
    double[] defined = Arrays.stream(values).filter(value -> !Double.isNaN(value)).toArray();
    if (defined.length > 1) {
      estimates.add(estimate(inputs, Statistic.of(measure), Moments.of(defined).estimate()));
    }
  }

  /** NaN stands for a representation that is 0 and has no spikiness: then there is no contrast. */
  private static void addContrasts(
      List<SignalEstimate> estimates,
      SpikinessMeasure measure,
      double[] train,
      double[] holdout,
      double[] samples,
      double[] nearness) {
    Statistic area = Statistic.aurocOf(measure);
    Statistic correlation = Statistic.rankCorrelationOf(measure);
    if (area == null || correlation == null) {
      return;
    }
    if (areNumbers(train) && areNumbers(holdout)) {
      Auroc.of(train, holdout)
          .ifPresent(found -> estimates.add(estimate(Reference.HOLDOUT, area, found)));
    }
    if (samples.length == nearness.length && areNumbers(samples) && areNumbers(nearness)) {
      SpearmanCorrelation.of(samples, nearness)
          .ifPresent(found -> estimates.add(estimate(Reference.GENERATED, correlation, found)));
    }
  }

  private static boolean areNumbers(double[] values) {
    return Arrays.stream(values).noneMatch(Double::isNaN);
  }

  private static SignalEstimate estimate(Reference input, Statistic statistic, Estimate estimate) {
    return SignalEstimate.of(SignalNames.SPIKINESS, input, statistic, estimate);
  }

  private static double[] joined(
      SortedMap<Integer, Map<SpikinessMeasure, double[]>> blocks, SpikinessMeasure measure) {
    return joined(blocks.values().stream().map(all -> all.getOrDefault(measure, NONE)));
  }

  private static double[] joined(Stream<double[]> parts) {
    return parts.flatMapToDouble(Arrays::stream).toArray();
  }
}
