package io.diffuscope.signal;

import io.diffuscope.sampling.SpikinessMeasure;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The closed list of what an estimate can be an estimate of; the same word in every output. */
public enum Statistic {
  /** Root of the mean squared distance: the main value of {@code pfd}. */
  RMS,
  /** Mean distance. */
  MEAN,
  /** Mean squared distance. */
  MEAN_SQUARE,
  /** Share of the largest pair in the sum of squared distances. */
  MAX_PAIR_SHARE,
  /** Paired change of the main value against the checkpoint evaluated before. */
  CHANGE,
  /** Share of samples whose nearest training point is the empirical endpoint's. */
  SAME_POINT,
  /** The same distance between the empirical flows of training and hold-out set: a ruler. */
  RULER,
  /**
   * A share of samples: the main value of {@code nearest_ratio}, {@code train_affinity}, {@code
   * gl}, {@code rp} and {@code authenticity}.
   */
  SHARE,
  /** The nearest ratio's share at d1/d2 below 1/2. */
  SHARE_HALF,
  /** The nearest ratio's share at d1/d2 below 1/4. */
  SHARE_QUARTER,
  /** The same share for hold-out points in place of samples. */
  CONTROL,
  /** Share of the checked samples whose nearest point an approximate search found. */
  RECALL_1,
  /** Share of the checked samples whose two nearest points it found both. */
  RECALL_2,
  /**
   * {@code nearest_ratio}: share minus control; {@code train_affinity}: kappa = (A - p)/(1 - p).
   */
  EXCESS,
  /** The bound of kappa that decisions use: {@code value} only, at the detector's z. */
  EXCESS_DECISION_LOWER,
  /** Upper counterpart of {@link #EXCESS_DECISION_LOWER}, for clearing. */
  EXCESS_DECISION_UPPER,
  /** P-value: of a permutation; {@code representation}: of the bootstrap, of no rise at all. */
  P_VALUE,
  /** Standardized deviation from the permutation mean. */
  Z,
  /** Effective number of distinct neighbours, 1 / sum h_j^2. */
  EFFECTIVE_NEIGHBOURS,
  /** Paired denoising loss, hold-out minus train: the main value of {@code denoising_gap}. */
  GAP,
  /** Denoising loss on training points. */
  TRAIN_LOSS,
  /** Denoising loss on hold-out points. */
  HOLDOUT_LOSS,
  /** Mean standard deviation of representations over their coordinates: the paper's spikiness. */
  STD,
  /** Mean of |h|_4 / |h|_2 of representations. */
  L4_L2,
  /** Mean of Hoyer's sparseness of representations. */
  HOYER,
  /** Mean effective number of coordinates of representations. */
  PARTICIPATION_RATIO,
  /**
   * Area under the receiver operating characteristic of training against hold-out images by {@link
   * #STD}; 0.5 where spikiness does not tell them apart.
   */
  STD_AUROC,
  /** The same area by {@link #L4_L2}, which is also that of the participation ratio, reversed. */
  L4_L2_AUROC,
  /** The same area by {@link #HOYER}. */
  HOYER_AUROC,
  /** Spearman's correlation of a sample's {@link #STD} with its d1/d2; negative: copies spike. */
  STD_RANK_CORRELATION,
  /** The same correlation of {@link #L4_L2}. */
  L4_L2_RANK_CORRELATION,
  /** The same correlation of {@link #HOYER}. */
  HOYER_RANK_CORRELATION,
  /** Squared maximum mean discrepancy under the cubic kernel: KID for Inception's features. */
  KERNEL_DISTANCE,
  /** Share of samples in the neighbourhood of a hold-out point. */
  PRECISION,
  /** Neighbourhoods of hold-out points around a sample, over those expected; 1: as they lie. */
  DENSITY,
  /** Share of hold-out points with a sample in their neighbourhood. */
  COVERAGE,
  /** Share of test images whose class a probe of their representations tells. */
  ACCURACY,
  /** Signal-to-noise ratio of representations by the subspaces of their classes. */
  SNR,
  /** Noise level at which the accuracy is highest; the interval is that of a set of levels. */
  PEAK_SIGMA,
  /** Accuracy at that noise level. */
  PEAK_ACCURACY,
  /** Highest accuracy above the smallest noise level, minus that at the smallest. */
  RISE,
  /** The same rise in standard errors of the paired differences: the largest over the levels. */
  UNIMODALITY,
  /** A ratio of variances: the main value of {@code icr}. */
  RATIO,
  /** log2(N / sqrt(parameters)): the main value of {@code scaling}. */
  LOG_RATIO;

  /** The mean of this measure. */
  public static Statistic of(SpikinessMeasure measure) {
    return switch (measure) {
      case STD -> STD;
      case L4_L2 -> L4_L2;
      case HOYER -> HOYER;
      case PARTICIPATION_RATIO -> PARTICIPATION_RATIO;
    };
  }

  /** The area by this measure; null where another measure has the same, reversed. */
  static @Nullable Statistic aurocOf(SpikinessMeasure measure) {
    return switch (measure) {
      case STD -> STD_AUROC;
      case L4_L2 -> L4_L2_AUROC;
      case HOYER -> HOYER_AUROC;
      case PARTICIPATION_RATIO -> null;
    };
  }

  /** The rank correlation of this measure; null as for {@link #aurocOf}. */
  static @Nullable Statistic rankCorrelationOf(SpikinessMeasure measure) {
    return switch (measure) {
      case STD -> STD_RANK_CORRELATION;
      case L4_L2 -> L4_L2_RANK_CORRELATION;
      case HOYER -> HOYER_RANK_CORRELATION;
      case PARTICIPATION_RATIO -> null;
    };
  }

  /** The word used in JSON lines, tables and metric names, for example {@code p_value}. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
