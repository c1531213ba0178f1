package io.diffuscope.statistics;

/**
 * Intervals of shares: counts of hits among independent trials. Both methods stay inside the
 * possible range and give a useful upper end where nothing was hit.
 */
public final class Proportions {
  private Proportions() {}

  /**
   * A share with Wilson's score interval (Wilson 1927): the shares p0 with |p - p0| {@literal <=} z
   * sqrt(p0 (1 - p0) / n).
   *
   * @return value hits/trials, standard error sqrt(p (1 - p) / n), 95 % interval
   * @throws IllegalArgumentException unless 0 {@literal <=} hits {@literal <=} trials and trials >
   *     0
   */
  public static Estimate share(long hits, long trials) {
    check(hits, trials);
    double p = (double) hits / trials;
    return new Estimate(
        p,
        Math.sqrt(p * (1 - p) / trials),
        wilsonLower(hits, trials, Normal.Z95),
        wilsonUpper(hits, trials, Normal.Z95),
        trials);
  }

  /**
   * The difference of two independent shares with Newcombe's hybrid score interval without
   * continuity correction (Newcombe 1998, Statistics in Medicine 17, 873-890, method 10).
   *
   * @return value first minus second share; standard error of independent shares; 95 % interval;
   *     samples of both together
   * @throws IllegalArgumentException unless 0 {@literal <=} hits {@literal <=} trials and trials >
   *     0 on both sides
   */
  public static Estimate difference(
      long hits, long trials, long subtractedHits, long subtractedTrials) {
    Estimate first = share(hits, trials);
    Estimate second = share(subtractedHits, subtractedTrials);
    double difference = first.value() - second.value();
    double down = Math.hypot(first.value() - first.lower(), second.upper() - second.value());
    double up = Math.hypot(first.upper() - first.value(), second.value() - second.lower());
    return new Estimate(
        difference,
        Math.hypot(first.standardError(), second.standardError()),
        difference - down,
        difference + up,
        trials + subtractedTrials);
  }

  /** Lower end of Wilson's interval at {@code z}; exactly 0 where nothing was hit. */
  static double wilsonLower(long hits, long trials, double z) {
    return hits == 0 ? 0 : wilson(hits, trials, z, -1);
  }

  /** Upper end of Wilson's interval at {@code z}; exactly 1 where everything was hit. */
  static double wilsonUpper(long hits, long trials, double z) {
    return hits == trials ? 1 : wilson(hits, trials, z, 1);
  }

  private static double wilson(long hits, long trials, double z, int side) {
    double p = (double) hits / trials;
    double square = z * z / trials;
    double half = z * Math.sqrt(p * (1 - p) / trials + square / (4 * trials));
    return (p + square / 2 + side * half) / (1 + square);
  }

  private static void check(long hits, long trials) {
    if (trials <= 0 || hits < 0 || hits > trials) {
      throw new IllegalArgumentException(
          "%d hits in %d trials are no share: trials must be positive, hits within 0 and trials"
              .formatted(hits, trials));
    }
  }
}
