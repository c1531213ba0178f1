package io.diffuscope.sampling;

import java.util.List;

/**
 * Where the denoising loss is measured.
 *
 * @param sigmas noise levels, in the model's units; empty switches the signal off
 * @param draws noises per image
 * @param images at most this many images of each set, evenly spread over it
 */
public record DenoisingSettings(List<Double> sigmas, int draws, int images) {
  public DenoisingSettings {
    sigmas = List.copyOf(sigmas);
    if (sigmas.stream().anyMatch(s -> !(s > 0))) {
      throw new IllegalArgumentException("denoising sigmas must be above 0, not " + sigmas);
    }
    if (draws < 1 || images < 2) {
      throw new IllegalArgumentException("denoising needs at least 1 draw of 2 images");
    }
  }

  /** The same at other noise levels. */
  DenoisingSettings at(List<Double> others) {
    return new DenoisingSettings(others, draws, images);
  }
}
