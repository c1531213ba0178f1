package io.diffuscope.signal;

import io.diffuscope.sampling.Observation;
import io.diffuscope.sampling.Observation.DenoisingObservation;
import io.diffuscope.statistics.Estimate;
import io.diffuscope.statistics.LossGap;
import io.diffuscope.statistics.Moments;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Denoising gap at one noise level: the loss {@code |D(y + sigma eps; sigma) - y|^2 / (d sigma^2)}
 * on hold-out points minus that on training points. The draws of one image are averaged first, so
 * that the standard error is over images. It opens in healthy runs too: evidence of fitting beyond
 * the population at that noise level, never a flag by itself.
 */
public final class DenoisingGap implements Signal {
  private final double sigma;
  private final int trainImages;
  private final int draws;
  private final double[] losses;

  /** A fold over {@code (trainImages + holdoutImages) * draws} rows, the training images first. */
  public DenoisingGap(double sigma, int trainImages, int holdoutImages, int draws) {
    this.sigma = sigma;
    this.trainImages = trainImages;
    this.draws = draws;
    this.losses = new double[(trainImages + holdoutImages) * draws];
    Arrays.fill(losses, Double.NaN);
  }

  @Override
  public void observe(Observation observation) {
    if (observation instanceof DenoisingObservation block && block.sigma() == sigma) {
      System.arraycopy(
          block.losses(), 0, losses, Math.toIntExact(block.firstRow()), block.losses().length);
    }
  }

  @Override
  public List<SignalEstimate> estimates(boolean complete) {
    // Images with a draw still missing average to NaN and wait.
    double[] perImage = new double[losses.length / draws];
    for (int i = 0; i < perImage.length; i++) {
      perImage[i] = Arrays.stream(losses, i * draws, (i + 1) * draws).sum() / draws;
    }
    Moments train = moments(perImage, 0, trainImages);
    Moments holdout = moments(perImage, trainImages, perImage.length);
    if (train.count() < 2 || holdout.count() < 2) {
      return List.of();
    }
    LossGap gap = LossGap.of(train, holdout);
    List<SignalEstimate> estimates = new ArrayList<>();
    add(estimates, Statistic.GAP, gap.gap());
    add(estimates, Statistic.TRAIN_LOSS, gap.train());
    add(estimates, Statistic.HOLDOUT_LOSS, gap.holdout());
    return estimates;
  }

  private static Moments moments(double[] perImage, int from, int to) {
    return Moments.of(
        Arrays.stream(perImage, from, to).filter(loss -> !Double.isNaN(loss)).toArray());
  }

  private void add(List<SignalEstimate> estimates, Statistic statistic, Estimate estimate) {
    estimates.add(new SignalEstimate(SignalNames.DENOISING_GAP, null, statistic, sigma, estimate));
  }
}
