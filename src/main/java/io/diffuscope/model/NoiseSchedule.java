package io.diffuscope.model;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The noise levels of a network that was trained on discrete timesteps: {@code sigma_t = sqrt((1 -
 * abar_t) / abar_t)}, t = 0..T-1, abar being the cumulative product of {@code 1 - beta} (Ho et al.
 * 2020, equation 4; sigma as in Karras et al. 2022, appendix B).
 *
 * @param sigmas noise level by timestep, rising; a last timestep of pure noise (abar = 0) is left
 *     out, since no finite sigma belongs to it
 */
public record NoiseSchedule(List<Double> sigmas) {
  public NoiseSchedule {
    sigmas = List.copyOf(sigmas);
    if (sigmas.size() < 2) {
      throw new IllegalArgumentException(
          "a schedule needs at least 2 timesteps, not " + sigmas.size());
    }
    double previous = 0;
    for (int t = 0; t < sigmas.size(); t++) {
      double sigma = sigmas.get(t);
      if (!(sigma > previous) || !Double.isFinite(sigma)) {
        throw new IllegalArgumentException(
            "noise levels must rise with the timestep, but timestep %d has %s after %s%s"
                .formatted(
                    t,
                    sigma,
                    previous,
                    t == 1 ? ": give them in the order of training, timestep 0 first" : ""));
      }
      previous = sigma;
    }
  }

  /** The schedule of these abar_t, each at most 1 and above 0 but for the last, which may be 0. */
  static NoiseSchedule ofAlphasCumprod(List<Double> alphasCumprod) {
    List<Double> sigmas = new ArrayList<>();
    for (int t = 0; t < alphasCumprod.size(); t++) {
      double kept = alphasCumprod.get(t);
      if (!(kept >= 0 && kept <= 1)) {
        throw new IllegalArgumentException(
            "alphas_cumprod must lie between 0 and 1, but timestep %d has %s".formatted(t, kept));
      }
      if (kept > 0 || t < alphasCumprod.size() - 1) {
        sigmas.add(Math.sqrt((1 - kept) / kept));
      }
    }
    return new NoiseSchedule(sigmas);
  }

  /** The noise levels from the first timestep's to the last one's. */
  SigmaRange range() {
    return new SigmaRange(sigmas.getFirst(), sigmas.getLast());
  }

  /**
   * The timestep of a noise level, linear in log sigma between two timesteps; levels outside of the
   * schedule get its first or last timestep.
   */
  double timestep(double sigma) {
    int above = firstAtOrAbove(sigma);
    if (above == 0 || above == sigmas.size()) {
      return Math.min(above, sigmas.size() - 1);
    }
    double low = Math.log(sigmas.get(above - 1));
    double high = Math.log(sigmas.get(above));
    return above - 1 + (Math.log(sigma) - low) / (high - low);
  }

  /** The timestep whose noise level is nearest, by difference. */
  int nearestTimestep(double sigma) {
    int above = firstAtOrAbove(sigma);
    if (above == 0 || above == sigmas.size()) {
      return Math.min(above, sigmas.size() - 1);
    }
    return sigmas.get(above) - sigma < sigma - sigmas.get(above - 1) ? above : above - 1;
  }

  private int firstAtOrAbove(double sigma) {
    int found = Collections.binarySearch(sigmas, sigma);
    return found >= 0 ? found : -found - 1;
  }
}
