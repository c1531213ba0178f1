package io.diffuscope.detect;

/**
 * When {@link EarlyMemorization} raises and clears. Significance is not severity: with many samples
 * a healthy run becomes significant, hence the margin.
 *
 * @param alpha chance of early evidence, over all looks together, in a run that is independent of
 *     its split; default .01
 * @param margin kappa_0: the excess must lie above it with confidence, default .2
 * @param decisionZ half-width of the excess's decision bounds in standard errors, default 3.09
 *     (one-sided .001 a look); the signal computes the bounds with it
 * @param looks looks in a row to raise and to clear, default 2
 * @param clearLevel the flag is cleared when the excess lies below it with confidence, default .1;
 *     the bounds are about 2 / sqrt(N) wide on either side for N training and N hold-out points, so
 *     small sets seldom clear
 */
public record EarlyMemorizationSettings(
    double alpha, double margin, double decisionZ, int looks, double clearLevel) {
  public static final EarlyMemorizationSettings DEFAULT =
      new EarlyMemorizationSettings(.01, .2, 3.09, 2, .1);

  public EarlyMemorizationSettings {
    Settings.require(alpha > 0 && alpha < 1, "early memorization: alpha", alpha, "within 0 and 1");
    Settings.require(
        margin >= 0 && margin < 1, "early memorization: margin", margin, "at least 0, below 1");
    Settings.require(
        decisionZ > 0 && decisionZ < 40,
        "early memorization: decision z",
        decisionZ,
        "positive and below 40");
    Settings.require(looks >= 1, "early memorization: looks", looks, "at least 1");
    Settings.require(
        clearLevel <= margin && clearLevel > -1,
        "early memorization: clear level",
        clearLevel,
        "at most the margin, so that the flag does not flutter, and above -1");
  }
}
