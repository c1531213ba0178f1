package io.diffuscope.model;

/**
 * The noise levels of a probability flow: the schedule of EDM (Karras et al. 2022, equation 5).
 *
 * <p>{@code sigma_i = (sigmaMax^(1/rho) + i/(n-1) (sigmaMin^(1/rho) - sigmaMax^(1/rho)))^rho} for i
 * = 0..n-1, followed by 0.
 *
 * @param steps number n of solver steps, at least 2
 * @param sigmaMin last noise level before 0, in the model's units
 * @param sigmaMax first noise level; noise is standard normal times this
 * @param rho exponent that spends more steps at low noise the larger it is
 */
public record SigmaGrid(int steps, double sigmaMin, double sigmaMax, double rho) {
  public SigmaGrid {
    if (steps < 2) {
      throw new IllegalArgumentException("ode-steps must be at least 2, not " + steps);
    }
    if (!(sigmaMin > 0) || !(sigmaMax > sigmaMin) || !Double.isFinite(sigmaMax)) {
      throw new IllegalArgumentException(
          "0 < sigma-min < sigma-max must hold, not %s and %s".formatted(sigmaMin, sigmaMax));
    }
    if (!(rho > 0) || !Double.isFinite(rho)) {
      throw new IllegalArgumentException("rho must be above 0, not " + rho);
    }
  }

  /** EDM's defaults: 0.002 to 80 with rho 7. */
  public static SigmaGrid edm(int steps) {
    return new SigmaGrid(steps, 0.002, 80, 7);
  }

  /**
   * This grid within the noise levels that a network knows: its ends are moved into the range, the
   * number of steps and rho stay.
   *
   * @throws IllegalArgumentException if grid and range have no more than a point in common
   */
  public SigmaGrid clippedTo(SigmaRange range) {
    double low = Math.max(sigmaMin, range.min());
    double high = Math.min(sigmaMax, range.max());
    if (!(low < high)) {
      throw new IllegalArgumentException(
          "noise levels %s to %s lie outside of what the network was trained on, %s: set sigma-min and sigma-max"
              .formatted(sigmaMin, sigmaMax, range));
    }
    return new SigmaGrid(steps, low, high, rho);
  }

  /** The {@code steps + 1} levels, falling, the last one 0. */
  public double[] levels() {
    double[] levels = new double[steps + 1];
    double high = Math.pow(sigmaMax, 1 / rho);
    double low = Math.pow(sigmaMin, 1 / rho);
    for (int i = 0; i < steps; i++) {
      levels[i] = Math.pow(high + (double) i / (steps - 1) * (low - high), rho);
    }
    return levels;
  }
}
