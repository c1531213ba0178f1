package io.diffuscope.statistics;

/**
 * A number with its error. What does not apply (a p-value has no standard error) is {@code NaN} and
 * is published as absent.
 *
 * @param value the point estimate
 * @param standardError standard error of {@code value}, or NaN
 * @param lower lower end of the 95 % interval, or NaN
 * @param upper upper end of the 95 % interval, or NaN
 * @param samples number of independent samples behind it
 */
public record Estimate(
    double value, double standardError, double lower, double upper, long samples) {

  /** A number that carries no error of its own, such as a p-value or a count. */
  public static Estimate exact(double value, long samples) {
    return new Estimate(value, Double.NaN, Double.NaN, Double.NaN, samples);
  }
}
