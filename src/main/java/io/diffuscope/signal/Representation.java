package io.diffuscope.signal;

import io.diffuscope.sampling.Observation;
import io.diffuscope.sampling.Observation.RepresentationObservation;
import io.diffuscope.statistics.Estimate;
import io.diffuscope.statistics.LogisticProbe;
import io.diffuscope.statistics.Unimodality;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What hidden representations tell of the classes of images, noise level by noise level (arXiv
 * 2502.05743): accuracy of a class probe, and signal-to-noise ratio by class subspaces. Over the
 * noise levels the accuracy usually rises to a peak and falls where a model has captured the
 * distribution, and only falls where it memorizes; not so for classes that lie far apart, where it
 * only falls in models that generalize, too.
 *
 * <p>All noise levels share test images and noises, and so do checkpoints: they are compared in
 * pairs. Errors are over test images, given the probe.
 */
public final class Representation implements Signal {
  private final long seed;
  private final SortedMap<Double, RepresentationObservation> levels = new TreeMap<>();

  /**
   * A fold.
   *
   * @param seed of the bootstrap that gives the p-value
   */
  public Representation(long seed) {
    this.seed = seed;
  }

  @Override
  public void observe(Observation observation) {
    if (observation instanceof RepresentationObservation level) {
      levels.put(level.sigma(), level);
    }
  }

  @Override
  public List<SignalEstimate> estimates(boolean complete) {
    List<SignalEstimate> estimates = new ArrayList<>();
    Collection<RepresentationObservation> measured =
        levels.values().stream().filter(level -> level.testImages() > 0).toList();
    for (RepresentationObservation level : measured) {
      double[] correct = correct(level);
      add(estimates, Statistic.ACCURACY, level.sigma(), LogisticProbe.accuracy(correct));
      Estimate snr = level.snr();
      if (snr != null) {
        add(estimates, Statistic.SNR, level.sigma(), snr);
      }
    }
    if (complete && measured.size() > 1) {
      addCurve(estimates, List.copyOf(measured));
    }
    return estimates;
  }

  private void addCurve(List<SignalEstimate> estimates, List<RepresentationObservation> curve) {
    int images = curve.getFirst().testImages();
    if (images < 2 || curve.stream().anyMatch(level -> level.testImages() != images)) {
      return;
    }
    double[][] values = new double[images][curve.size()];
    for (int j = 0; j < curve.size(); j++) {
      double[] correct = correct(curve.get(j));
      for (int i = 0; i < images; i++) {
        values[i][j] = correct[i];
      }
    }
    Unimodality found = Unimodality.of(values, seed);
    Estimate position =
        new Estimate(
            curve.get(found.peak()).sigma(),
            Double.NaN,
            curve.get(found.peakFirst()).sigma(),
            curve.get(found.peakLast()).sigma(),
            images);
    add(estimates, Statistic.PEAK_SIGMA, null, position);
    add(
        estimates,
        Statistic.PEAK_ACCURACY,
        null,
        LogisticProbe.accuracy(correct(curve.get(found.peak()))));
    add(estimates, Statistic.RISE, null, found.rise());
    add(estimates, Statistic.UNIMODALITY, null, Estimate.exact(found.statistic(), images));
    add(estimates, Statistic.P_VALUE, null, Estimate.exact(found.pValue(), images));
  }

  private static double[] correct(RepresentationObservation level) {
    BitSet right = BitSet.valueOf(level.correct());
    double[] correct = new double[level.testImages()];
    for (int i = 0; i < correct.length; i++) {
      correct[i] = right.get(i) ? 1 : 0;
    }
    return correct;
  }

  private static void add(
      List<SignalEstimate> estimates,
      Statistic statistic,
      @Nullable Double sigma,
      Estimate estimate) {
    estimates.add(new SignalEstimate(SignalNames.REPRESENTATION, null, statistic, sigma, estimate));
  }
}
