package io.diffuscope.signal;

import io.diffuscope.sampling.Observation;
import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.sampling.Observation.SpikinessObservation;
import io.diffuscope.sampling.Reference;
import io.diffuscope.sampling.SpikinessMeasure;
import io.diffuscope.statistics.Estimate;
import io.diffuscope.statistics.Moments;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

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
  private final SortedMap<Integer, Map<SpikinessMeasure, double[]>> generated = new TreeMap<>();
  private final SortedMap<Integer, Map<SpikinessMeasure, double[]>> sets = new TreeMap<>();
  private final SortedMap<Integer, double[]> ratios = new TreeMap<>();

  /** A fold over images of the sets of which the first {@code trainImages} are training images. */
  public Spikiness(int trainImages) {
    this.trainImages = trainImages;
  }

  @Override
  public void observe(Observation observation) {
    switch (observation) {
      case SpikinessObservation o ->
          (o.generated() ? generated : sets).put(o.block(), o.measures());
      case SampleObservation o -> {
        double[] ratio = new double[o.count()];
        Arrays.setAll(ratio, i -> o.trainDistance()[i] / o.secondDistance()[i]);
        ratios.put(o.block(), ratio);
      }
      default -> {}
    }
  }

  @Override
  public List<SignalEstimate> estimates(boolean complete) {
    List<SignalEstimate> estimates = new ArrayList<>();
    for (SpikinessMeasure measure : SpikinessMeasure.values()) {
      double[] inSets = joined(sets, measure);
      int train = Math.min(trainImages, inSets.length);
      Map<Reference, double[]> inputs = new EnumMap<>(Reference.class);
      inputs.put(Reference.GENERATED, joined(generated, measure));
      inputs.put(Reference.TRAIN, Arrays.copyOf(inSets, train));
      inputs.put(Reference.HOLDOUT, Arrays.copyOfRange(inSets, train, inSets.length));
      inputs.forEach(
          (input, values) -> {
            if (values.length > 1) {
              estimates.add(estimate(input, Statistic.of(measure), Moments.of(values).estimate()));
            }
          });
    }
    return estimates;
  }

  private static SignalEstimate estimate(Reference input, Statistic statistic, Estimate estimate) {
    return SignalEstimate.of(SignalNames.SPIKINESS, input, statistic, estimate);
  }

  private static double[] joined(
      SortedMap<Integer, Map<SpikinessMeasure, double[]>> blocks, SpikinessMeasure measure) {
    return blocks.values().stream()
        .flatMapToDouble(measures -> Arrays.stream(measures.getOrDefault(measure, NONE)))
        .toArray();
  }
}
