package io.diffuscope.statistics;

/**
 * Are samples nearer to the training points than to hold-out points of the same distribution?
 *
 * <p>For a model that is independent of the split, the labels "train" and "hold-out" of the pooled
 * points are exchangeable, whatever the model, the distance and the distribution. The p-value is
 * that of a permutation test; effect size and interval are those of the share A of samples whose
 * nearest pooled point is a training point (h_j: share of samples nearest to point j, p = N_t/n):
 *
 * <ul>
 *   <li>under relabelling A has mean p and variance p(1-p) n/(n-1) (sum h_j^2 - 1/n), the variance
 *       of a weighted sum in sampling without replacement;
 *   <li>away from p, logit A has variance V = N_t/(N_t-1) (Q_t/A^2 - 1/N_t) + N_h/(N_h-1)
 *       (Q_h/(1-A)^2 - 1/N_h), at least 1/(M A (1-A)), where Q_t and Q_h are sum h_j^2 over train
 *       and hold-out: the points of either side are a sample too. (The relabelling variance is the
 *       null's and covers wrongly here.)
 * </ul>
 *
 * <p>Where the labels are exchangeable only within strata, such as classes, E A = sum_c H_c p_c and
 * Var A = sum_c p_c(1-p_c) n_c/(n_c-1) (sum_{j in c} h_j^2 - H_c^2/n_c), with H_c the share of
 * samples that fall to stratum c; the excess is (A - E)/(1 - E), and the sums in V run over strata.
 * Where the split was by patient or video, a point j is a patient or a video.
 *
 * <p>Formulas derived and simulated for this project; the sequential stopping of the permutations
 * is Besag and Clifford's (1991, Biometrika 78, 301-304): after {@code exceedances} relabellings at
 * or above the observed share, p = exceedances / relabellings drawn. It is valid, P(p {@literal <=}
 * a) {@literal <=} a, and spends work only where there is evidence.
 *
 * @param relabellings most relabellings drawn, B; without any exceedance p = 1/(B + 1)
 * @param exceedances relabellings at or above the observed share after which drawing stops
 * @param decisionZ half-width of the decision bounds, in standard errors
 * @param seed seed of the relabellings: the same counts give the same p-value
 */
public record TrainAffinityTest(int relabellings, int exceedances, double decisionZ, long seed) {
  /** B = 99,999 relabellings, stopped at 100 exceedances; decision bounds at z = 3.09 (.001). */
  public static final TrainAffinityTest DEFAULT = new TrainAffinityTest(99_999, 100, 3.09, 0);

  public TrainAffinityTest {
    if (relabellings < 1 || exceedances < 1 || !(decisionZ > 0)) {
      throw new IllegalArgumentException(
          "relabellings (%d), exceedances (%d) and decision z (%s) must be positive"
              .formatted(relabellings, exceedances, decisionZ));
    }
  }

  /** The same test with other decision bounds. */
  public TrainAffinityTest withDecisionZ(double z) {
    return new TrainAffinityTest(relabellings, exceedances, z, seed);
  }

  /** The same test with other relabellings. */
  public TrainAffinityTest withSeed(long other) {
    return new TrainAffinityTest(relabellings, exceedances, decisionZ, other);
  }

  /**
   * Tests these counts.
   *
   * @throws IllegalArgumentException if no sample was counted
   */
  public TrainAffinity evaluate(AffinityCounts counts) {
    requireSamples(counts);
    AffinityShare share = AffinityShare.of(counts);
    double deviation = share.relabellingDeviation();
    double z = deviation == 0 ? 0 : (share.value() - share.expected()) / deviation;
    double guardLower = Math.max(0, share.value() - decisionZ * deviation);
    double guardUpper = Math.min(1, share.value() + decisionZ * deviation);
    return new TrainAffinity(
        share.estimate(),
        share.excess(),
        share.excess(Math.min(share.lower(decisionZ), guardLower)),
        share.excess(Math.max(share.upper(decisionZ), guardUpper)),
        z,
        deviation,
        pValue(counts, z),
        share.effectiveNeighbours(),
        counts.samples(),
        (long) Math.ceil(400.0 * counts.trainSize() / counts.holdoutSize()));
  }

  /**
   * The share and its excess alone, without any relabelling: the same numbers as {@link #evaluate}
   * has for the same counts.
   *
   * @throws IllegalArgumentException if no sample was counted
   */
  public static Shares shares(AffinityCounts counts) {
    requireSamples(counts);
    AffinityShare share = AffinityShare.of(counts);
    return new Shares(share.estimate(), share.excess());
  }

  /** {@link TrainAffinity#share} and {@link TrainAffinity#excess}. */
  public record Shares(Estimate share, Estimate excess) {}

  private static void requireSamples(AffinityCounts counts) {
    if (counts.samples() == 0) {
      throw new IllegalArgumentException("train affinity needs a sample or more: got none");
    }
  }

  private double pValue(AffinityCounts counts, double z) {
    Relabelling.Tally tally = Relabelling.of(counts).draw(relabellings, exceedances, seed);
    // The normal tail is on the safe side only where training points are not the minority.
    if (tally.exceedances() == 0 && counts.strata().trainIsNowhereTheMinority()) {
      return Math.min(tally.pValue(), Normal.upperTail(z));
    }
    return tally.pValue();
  }
}
