package io.diffuscope.model;

/**
 * The noise levels that a network was trained on: outside of them its output means nothing.
 *
 * @param min lowest noise level, in the model's units; 0 where there is no bound
 * @param max highest noise level; infinite where there is no bound
 */
public record SigmaRange(double min, double max) {
  /** All noise levels. */
  public static final SigmaRange ALL = new SigmaRange(0, Double.POSITIVE_INFINITY);

  public SigmaRange {
    if (!(min >= 0) || !(max > min) || Double.isInfinite(min)) {
      throw new IllegalArgumentException(
          "0 <= sigma_min < sigma_max must hold, not %s and %s".formatted(min, max));
    }
  }

  /** Whether a network of this range can be asked about a noise level. */
  public boolean contains(double sigma) {
    return sigma >= min && sigma <= max;
  }

  /** For example {@code 0.01 to 157.4}. */
  @Override
  public String toString() {
    return "%s to %s".formatted(min, max);
  }
}
