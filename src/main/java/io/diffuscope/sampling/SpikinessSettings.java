package io.diffuscope.sampling;

import io.diffuscope.model.Pooling;

/**
 * Where the spikiness of hidden representations is measured.
 *
 * @param sigma noise level of the network's input, in the model's units; low, so that the input is
 *     still recognised
 * @param pooling what becomes of a representation with a spatial extent
 * @param images at most this many images of each set, evenly spread over it; 0 switches the signal
 *     off
 */
public record SpikinessSettings(double sigma, Pooling pooling, int images) {
  /** Timestep 50 of the linear schedule of DDPM, as in the experiments of arXiv 2512.20963. */
  public static final double DEFAULT_SIGMA = 0.17;

  /** Nothing is measured. */
  public static final SpikinessSettings OFF = new SpikinessSettings(DEFAULT_SIGMA, Pooling.MAX, 0);

  public SpikinessSettings {
    if (!(sigma > 0)) {
      throw new IllegalArgumentException("spikiness.sigma must be above 0, not " + sigma);
    }
    if (images < 0 || images == 1) {
      throw new IllegalArgumentException(
          "spikiness.images must be 0 (off) or at least 2, not " + images);
    }
  }
}
