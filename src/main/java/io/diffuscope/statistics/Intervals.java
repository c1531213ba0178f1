package io.diffuscope.statistics;

/** 95 % intervals from a value and its standard error. */
final class Intervals {
  private Intervals() {}

  /** The symmetric normal interval. */
  static Estimate normal(double value, double standardError, long samples) {
    double half = Normal.Z95 * standardError;
    return new Estimate(value, standardError, value - half, value + half, samples);
  }

  /**
   * The normal interval of the logarithm, for what cannot be negative. Zero with no error stays
   * exactly zero.
   */
  static Estimate positive(double value, double standardError, long samples) {
    if (value == 0) {
      double end = standardError == 0 ? 0 : Double.NaN;
      return new Estimate(0, standardError, end, end, samples);
    }
    double factor = Math.exp(Normal.Z95 * standardError / value);
    return new Estimate(value, standardError, value / factor, value * factor, samples);
  }
}
