package io.diffuscope.statistics;

/**
 * Denoising loss on hold-out images minus the loss on training images, at one noise level.
 *
 * <p>The unit is the image: the losses of one image's noise draws are averaged before they come
 * here, because draws of one image are not independent. SE^2 = s_t^2/n_t + s_h^2/n_h (Welch),
 * normal interval. The gap opens in healthy runs too: evidence of fitting beyond the population,
 * never a flag by itself.
 *
 * @param gap hold-out minus train; samples are the images of both sets
 * @param train mean loss of the training images
 * @param holdout mean loss of the hold-out images
 */
public record LossGap(Estimate gap, Estimate train, Estimate holdout) {
  /**
   * The gap of two sets' per-image mean losses. Blocks are folded by {@link Moments#of} and merged
   * by {@link Moments#ofBlocks}.
   *
   * @throws IllegalArgumentException if a set is empty
   */
  public static LossGap of(Moments train, Moments holdout) {
    if (train.count() == 0 || holdout.count() == 0) {
      throw new IllegalArgumentException(
          "a denoising gap needs images on both sides: got %d of train and %d of the hold-out"
              .formatted(train.count(), holdout.count()));
    }
    Estimate gap =
        Intervals.normal(
            holdout.mean() - train.mean(),
            Math.hypot(train.standardError(), holdout.standardError()),
            train.count() + holdout.count());
    return new LossGap(gap, train.estimate(), holdout.estimate());
  }
}
