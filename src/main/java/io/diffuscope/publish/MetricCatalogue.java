package io.diffuscope.publish;

import static io.diffuscope.signal.SignalNames.AUTHENTICITY;
import static io.diffuscope.signal.SignalNames.BIAS_VARIANCE;
import static io.diffuscope.signal.SignalNames.DENOISING_GAP;
import static io.diffuscope.signal.SignalNames.FIDELITY;
import static io.diffuscope.signal.SignalNames.GL;
import static io.diffuscope.signal.SignalNames.ICR;
import static io.diffuscope.signal.SignalNames.NEAREST_RATIO;
import static io.diffuscope.signal.SignalNames.PFD;
import static io.diffuscope.signal.SignalNames.REPRESENTATION;
import static io.diffuscope.signal.SignalNames.RP;
import static io.diffuscope.signal.SignalNames.SCALING;
import static io.diffuscope.signal.SignalNames.SPIKINESS;
import static io.diffuscope.signal.SignalNames.TRAIN_AFFINITY;

import io.diffuscope.checkpoint.Hold;
import io.diffuscope.checkpoint.Sighting;
import io.diffuscope.publish.Metric.Kind;
import io.diffuscope.run.FailureReason;
import io.diffuscope.run.Retries;
import io.diffuscope.run.SkipReason;
import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.signal.Statistic;
import io.diffuscope.tensorfile.BadInputException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Every metric that Diffuscope publishes: name, type, labels and help in one place. Names follow
 * the Prometheus conventions: base units, {@code _total} on counters, and a metric of its own for
 * every statistic, so that a sum or mean over a metric's labels always means something.
 */
public final class MetricCatalogue {
  static final String RUN = "run";
  static final String REFERENCE = "reference";
  static final String SIGMA = "sigma";

  private static final Pattern REASON = Pattern.compile("[a-z][a-z0-9_]{0,39}");

  /** The registry makes the maximum out of the histogram, so that both share one HELP. */
  private static final String DURATION_HELP =
      "Wall-clock duration of evaluations (_max: the longest of the last minutes).";

  static final Metric FOUND_STEP =
      gauge("diffuscope_found_step", "Training step of the checkpoint found last.", RUN);
  static final Metric EVALUATED_STEP =
      gauge(
          "diffuscope_evaluated_step",
          "Training step of the checkpoint evaluated last, sampled or not; the denoising gap is"
              + " that checkpoint's.",
          RUN);
  static final Metric SAMPLED_STEP =
      gauge(
          "diffuscope_sampled_step",
          "Training step of the checkpoint sampled last; all estimates but the denoising gap are"
              + " that checkpoint's.",
          RUN);
  static final Metric OLDEST_WAITING_STEP =
      gauge(
          "diffuscope_oldest_waiting_step",
          "Training step of the checkpoint that has waited longest, of those whose evaluation has"
              + " not begun; absent when none waits.",
          RUN);
  static final Metric TRAINING_IMAGES =
      gauge(
          "diffuscope_training_images",
          "Training images seen at the step evaluated last; absent where the batch size, or the"
              + " training set for epochs, is not known.",
          RUN);
  static final Metric LAG =
      ofUnit(
          "diffuscope_lag",
          "seconds",
          "Age, since it was found, of the oldest checkpoint that waits or is being evaluated; 0"
              + " when there is none.",
          RUN);
  static final Metric CHECKPOINTS =
      gauge(
          "diffuscope_checkpoints",
          "Checkpoints by what they ended as (evaluated, skipped, vanished, incomplete, failed) or"
              + " where they stand (waiting, evaluating); each one is counted once, also one that"
              + " never became complete. Their sum is what was found, and what was passed over and"
              + " not found later.",
          RUN,
          "outcome");
  static final Metric SOURCE_UP =
      gauge(
          "diffuscope_source_up",
          "1 while the source of the run's checkpoints can be seen, 0 while it cannot.",
          RUN);
  static final Metric SOURCE_PROBLEMS =
      counter(
          "diffuscope_source_problems",
          "Problems that kept the source of the run's checkpoints from being seen.",
          RUN);
  static final Metric JOURNAL_PENDING =
      gauge(
          "diffuscope_journal_pending_events",
          "What came to the run and waits in memory because its journal cannot be written; at most"
              + " 10,000.",
          RUN);
  static final Metric JOURNAL_FAILED_WRITES =
      counter("diffuscope_journal_failed_writes", "Writes of the run's journal that failed.", RUN);
  static final Metric JOURNAL_LOST =
      counter(
          "diffuscope_journal_lost_events",
          "What came to the run when no more could wait, and is lost; after a restart it is looked"
              + " for again.",
          RUN);
  static final Metric EVIDENCE_FAILED_WRITES =
      counter(
          "diffuscope_evidence_failed_writes",
          "Checkpoints of the run whose evidence could not be kept.",
          RUN);
  static final Metric RUN_INFO =
      gauge(
          "diffuscope_run_info",
          "1; the labels name the run for people and what its steps count (updates, kimg or"
              + " epochs).",
          RUN,
          "display_name",
          "step_unit");
  static final Metric ATTEMPT =
      gauge(
          "diffuscope_attempt",
          "Attempt under way, from 1: a training that is resumed from an earlier step, or started"
              + " anew, begins another one.",
          RUN);
  static final Metric BEST_STEP =
      gauge(
          "diffuscope_best_step",
          "Training step of the best checkpoint so far; absent while no signal can tell.",
          RUN);
  static final Metric VERDICT =
      gauge(
          "diffuscope_verdict",
          "1 for the state that the run is in, 0 for the others.",
          RUN,
          "state");
  static final Metric FLAG =
      gauge("diffuscope_flag", "1 while the flag is raised, else 0.", RUN, "flag");
  static final Metric FLAG_STEP =
      gauge(
          "diffuscope_flag_step",
          "Training step at which the flag was raised last; absent until then.",
          RUN,
          "flag");
  static final Metric HOLDOUT_CHECK =
      gauge(
          "diffuscope_holdout_check_passed",
          "1 where training and hold-out set look like draws from one distribution, 0 where they"
              + " differ, so that train affinity raises no flag; absent without a hold-out set.",
          RUN);
  static final Metric DUPLICATES =
      gauge(
          "diffuscope_duplicates",
          "Points with a duplicate: within the training set (train), within the hold-out set"
              + " (holdout), and hold-out points with one in the training set (across); near ones"
              + " include equal ones.",
          RUN,
          "set",
          "kind");
  static final Metric FOUND =
      counter(
          "diffuscope_checkpoints_found",
          "Complete checkpoints found; what was passed over is not among them.",
          RUN);
  static final Metric EVALUATED =
      counter("diffuscope_checkpoints_evaluated", "Checkpoints evaluated.", RUN);
  static final Metric SKIPPED =
      counter(
          "diffuscope_checkpoints_skipped",
          "Checkpoints that were found and not evaluated, by policy; the last of a run may be"
              + " evaluated at its end after all.",
          RUN,
          "reason");
  static final Metric FAILED =
      counter(
          "diffuscope_checkpoints_failed",
          "Evaluations of found checkpoints that failed, also those of a checkpoint that vanished"
              + " first; the outcomes failed and vanished of diffuscope_checkpoints also count what"
              + " was passed over for such a reason.",
          RUN,
          "reason");
  static final Metric POSTPONED =
      counter(
          "diffuscope_evaluations_postponed",
          "Evaluations that failed for a reason that may pass; their checkpoints wait, and are"
              + " tried again.",
          RUN,
          "reason");
  static final Metric PASSED_OVER =
      counter(
          "diffuscope_checkpoints_passed_over",
          "Times that a file was passed over because it did not become a checkpoint; one that"
              + " becomes complete later is found then. In diffuscope_checkpoints it is incomplete,"
              + " vanished, or for every other reason failed.",
          RUN,
          "reason");
  static final Metric HOLDS_IN_PLACE =
      counter(
          "diffuscope_holds_in_place",
          "Checkpoints that were evaluated without a private hold, read where the training job may"
              + " remove or rewrite them.",
          RUN,
          "reason");
  static final Metric IN_PROGRESS =
      gauge("diffuscope_evaluations_in_progress", "Evaluations under way.", RUN);
  static final Metric PROGRESS =
      ofUnit(
          "diffuscope_evaluation_progress",
          "ratio",
          "Share of the evaluation under way that is done, 0 to 1; absent when there is none.",
          RUN);
  static final Metric LAST_FOUND =
      ofUnit(
          "diffuscope_last_found_timestamp",
          "seconds",
          "Unix time at which a checkpoint was found last.",
          RUN);
  static final Metric LAST_EVALUATED =
      ofUnit(
          "diffuscope_last_evaluated_timestamp",
          "seconds",
          "Unix time at which a checkpoint was evaluated last.",
          RUN);
  static final Metric ENDED =
      ofUnit(
          "diffuscope_ended_timestamp",
          "seconds",
          "Unix time at which the run ended; absent while it goes on.",
          RUN);
  static final Metric DURATION =
      new Metric(
          "diffuscope_evaluation_duration", Kind.HISTOGRAM, "seconds", DURATION_HELP, List.of(RUN));
  static final Metric DURATION_MAX =
      ofUnit("diffuscope_evaluation_duration_seconds_max", null, DURATION_HELP, RUN);
  static final Metric MEASUREMENT_INFO =
      gauge(
          "diffuscope_measurement_info",
          "1; the label names the probe: noise, samples, solver, template and data measured with.",
          RUN,
          "probe");
  static final Metric BUILD_INFO =
      gauge("diffuscope_build_info", "1; the label names the version of this monitor.", "version");

  /** Upper bounds of the histogram of durations: from the demo to a large network. */
  private static final List<Duration> DURATION_BUCKETS =
      Stream.of(1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200)
          .map(Duration::ofSeconds)
          .toList();

  /** Reasons for {@code passed_over}; series with zero exist for them from the start. */
  static final List<String> PASSED_OVER_REASONS =
      Arrays.stream(Sighting.Reason.values()).map(Sighting.Reason::label).toList();

  /** Reasons for {@code holds_in_place}. */
  static final List<String> HOLDS_IN_PLACE_REASONS =
      Arrays.stream(Hold.Obstacle.values()).map(Hold.Obstacle::label).toList();

  /** Reasons for {@code failed}: bad input, and what is no fault of the input. */
  static final List<String> FAILED_REASONS =
      Stream.concat(
              Arrays.stream(BadInputException.Reason.values()).map(BadInputException.Reason::label),
              Arrays.stream(FailureReason.values()).map(FailureReason::label))
          .toList();

  /** Reasons for {@code postponed}. */
  static final List<String> POSTPONED_REASONS = Retries.reasons();

  /** Reasons for {@code skipped}. */
  static final List<String> SKIPPED_REASONS =
      Arrays.stream(SkipReason.values()).map(SkipReason::label).toList();

  private static final List<EstimateMetric> ESTIMATES = estimates();

  private MetricCatalogue() {}

  /** All metrics, in the order of the documentation. */
  public static List<Metric> all() {
    List<Metric> all = new ArrayList<>();
    ESTIMATES.forEach(estimate -> all.addAll(estimate.metrics()));
    all.addAll(operational());
    return all;
  }

  /** The gauges for an estimate, if it is in the catalogue. */
  static Optional<EstimateMetric> find(SignalEstimate estimate) {
    return ESTIMATES.stream()
        .filter(m -> m.signal().equals(estimate.signal()))
        .filter(m -> m.statistic() == estimate.statistic())
        .findFirst();
  }

  /** Whether it is the statistic that stands for its signal, on the page and in the metrics. */
  public static boolean isMain(SignalEstimate estimate) {
    return find(estimate).map(EstimateMetric::main).orElse(false);
  }

  /** A noise level as a label: six significant digits without trailing zeros or an exponent. */
  public static String sigmaLabel(double sigma) {
    return new BigDecimal(sigma).round(new MathContext(6)).stripTrailingZeros().toPlainString();
  }

  /** A reason as a label: what is no word must not become one. */
  static String reasonLabel(String reason) {
    return REASON.matcher(reason).matches() ? reason : "other";
  }

  static Duration[] durationBuckets() {
    return DURATION_BUCKETS.toArray(new Duration[0]);
  }

  /** The catalogue as a Markdown table, for the README. */
  public static String markdown() {
    StringBuilder table = new StringBuilder();
    table.append("| metric | type | labels | meaning |\n|---|---|---|---|\n");
    for (EstimateMetric estimate : ESTIMATES) {
      String errors =
          estimate.errors().isEmpty() ? "" : " With `_standard_error`, `_lower`, `_upper`.";
      row(table, estimate.value(), estimate.plainHelp() + errors);
    }
    operational().forEach(metric -> row(table, metric, metric.help()));
    return table.toString();
  }

  private static void row(StringBuilder table, Metric metric, String meaning) {
    table
        .append("| `")
        .append(metric.name())
        .append("` | ")
        .append(metric.kind().name().toLowerCase(Locale.ROOT))
        .append(" | ")
        .append(String.join(", ", metric.labels()))
        .append(" | ")
        .append(meaning.replace("|", "\\|"))
        .append(" |\n");
  }

  private static List<Metric> operational() {
    return List.of(
        RUN_INFO,
        EVALUATED_STEP,
        SAMPLED_STEP,
        FOUND_STEP,
        OLDEST_WAITING_STEP,
        TRAINING_IMAGES,
        ATTEMPT,
        BEST_STEP,
        VERDICT,
        FLAG,
        FLAG_STEP,
        HOLDOUT_CHECK,
        DUPLICATES,
        LAG,
        CHECKPOINTS,
        FOUND,
        EVALUATED,
        SKIPPED,
        FAILED,
        POSTPONED,
        PASSED_OVER,
        HOLDS_IN_PLACE,
        SOURCE_UP,
        SOURCE_PROBLEMS,
        JOURNAL_PENDING,
        JOURNAL_FAILED_WRITES,
        JOURNAL_LOST,
        EVIDENCE_FAILED_WRITES,
        IN_PROGRESS,
        PROGRESS,
        LAST_FOUND,
        LAST_EVALUATED,
        ENDED,
        DURATION,
        DURATION_MAX,
        MEASUREMENT_INFO,
        BUILD_INFO);
  }

  private static List<EstimateMetric> estimates() {
    Signal pfd = new Signal(PFD, List.of(RUN, REFERENCE));
    Signal ratio = new Signal(NEAREST_RATIO, List.of(RUN));
    Signal searches = new Signal(NEAREST_RATIO, List.of(RUN, REFERENCE));
    Signal affinity = new Signal(TRAIN_AFFINITY, List.of(RUN));
    Signal gap = new Signal(DENOISING_GAP, List.of(RUN, SIGMA));
    Signal spikiness = new Signal(SPIKINESS, List.of(RUN, REFERENCE));
    Signal contrasts = new Signal(SPIKINESS, List.of(RUN));
    Signal gl = new Signal(GL, List.of(RUN));
    Signal rp = new Signal(RP, List.of(RUN, REFERENCE));
    Signal authenticity = new Signal(AUTHENTICITY, List.of(RUN));
    Signal fidelity = new Signal(FIDELITY, List.of(RUN));
    Signal ensemble = new Signal(BIAS_VARIANCE, List.of(RUN, REFERENCE));
    Signal levels = new Signal(REPRESENTATION, List.of(RUN, SIGMA));
    Signal curve = new Signal(REPRESENTATION, List.of(RUN));
    Signal icr = new Signal(ICR, List.of(RUN));
    Signal scaling = new Signal(SCALING, List.of(RUN));
    return List.of(
        pfd.main(
            Statistic.RMS,
            "Probability flow distance to the reference: root mean squared distance of endpoints"
                + " from the same noise; train: E_mem, teacher: E_gen."),
        pfd.estimate(Statistic.MEAN, "Mean distance of the paired endpoints."),
        pfd.estimate(Statistic.MEAN_SQUARE, "Mean squared distance of the paired endpoints."),
        pfd.exact(
            Statistic.MAX_PAIR_SHARE,
            "Share of the largest pair in the sum of squared distances; near 1 one pair decides."),
        pfd.estimate(
            Statistic.CHANGE,
            "Paired change of the distance against the checkpoint evaluated before."),
        pfd.estimate(
            Statistic.SAME_POINT,
            "Share of samples whose nearest training point is the empirical endpoint's."),
        pfd.estimate(
            Statistic.RULER,
            "The same distance between the empirical flows of training and hold-out set: a ruler"
                + " for E_mem."),
        ratio.main(
            Statistic.SHARE,
            "Share of samples with d1/d2 below 1/3 to the training set (f_mem): copies."),
        ratio.estimate(Statistic.SHARE_HALF, "The same share for d1/d2 below 1/2."),
        ratio.estimate(Statistic.SHARE_QUARTER, "The same share for d1/d2 below 1/4."),
        ratio.estimate(
            Statistic.CONTROL, "The same share for hold-out points in place of samples."),
        searches.estimate(
            Statistic.RECALL_1,
            "Share of samples checked whose nearest point of the set an approximate search found."),
        searches.estimate(
            Statistic.RECALL_2,
            "Share of samples checked whose two nearest points of the set it found both."),
        ratio.estimate(Statistic.EXCESS, "Share of samples minus share of hold-out points."),
        affinity.main(
            Statistic.SHARE,
            "Share of samples whose nearest point of train and hold-out is a training point."),
        affinity.estimate(
            Statistic.EXCESS,
            "Excess kappa = (share - p)/(1 - p) over p, the training points' part of all points; 0"
                + " without memorization."),
        affinity.exact(
            Statistic.EXCESS_DECISION_LOWER, "Lower bound of kappa that raises the flag."),
        affinity.exact(
            Statistic.EXCESS_DECISION_UPPER, "Upper bound of kappa that clears the flag."),
        affinity.exact(Statistic.P_VALUE, "Permutation p-value of the share."),
        affinity.exact(Statistic.Z, "Standardized deviation of the share from chance."),
        affinity.exact(
            Statistic.EFFECTIVE_NEIGHBOURS, "Effective number of distinct nearest points."),
        gap.main(
            Statistic.GAP,
            "Denoising loss per noise level, hold-out minus training points; its error is that of"
                + " two independent means (Welch)."),
        gap.estimate(Statistic.TRAIN_LOSS, "Denoising loss on training points."),
        gap.estimate(Statistic.HOLDOUT_LOSS, "Denoising loss on hold-out points."),
        spikiness.estimate(
            Statistic.STD,
            "Mean standard deviation over the coordinates of hidden representations, of generated,"
                + " training and hold-out inputs; grows in healthy runs, too."),
        spikiness.estimate(
            Statistic.L4_L2, "Mean of |h|_4/|h|_2 of representations, p^(-1/4) to 1."),
        spikiness.estimate(Statistic.HOYER, "Mean of Hoyer's sparseness, 0 to 1."),
        spikiness.estimate(
            Statistic.PARTICIPATION_RATIO, "Mean effective number of coordinates, 1 to p."),
        contrasts.estimate(
            Statistic.STD_AUROC,
            "Area under the ROC of training against hold-out images by the standard deviation of"
                + " their representations; 0.5 without memorization."),
        contrasts.estimate(Statistic.L4_L2_AUROC, "The same area by |h|_4/|h|_2."),
        contrasts.estimate(Statistic.HOYER_AUROC, "The same area by Hoyer's sparseness."),
        contrasts.estimate(
            Statistic.STD_RANK_CORRELATION,
            "Spearman's correlation of the standard deviation of a sample's representation with its"
                + " d1/d2; negative where copies are spiky."),
        contrasts.estimate(
            Statistic.L4_L2_RANK_CORRELATION, "The same correlation of |h|_4/|h|_2."),
        contrasts.estimate(
            Statistic.HOYER_RANK_CORRELATION, "The same correlation of Hoyer's sparseness."),
        gl.main(
            Statistic.SHARE,
            "GL: share of samples whose largest similarity to a training image, under the"
                + " descriptor, is at most the threshold; 0 where all samples are copies."),
        rp.main(
            Statistic.SHARE,
            "RP: share of noises from which model and reference make images of a similarity above"
                + " the threshold."),
        authenticity.main(
            Statistic.SHARE,
            "Share of samples farther from their nearest training image than that one is from any"
                + " other, under the descriptor."),
        fidelity.estimate(
            Statistic.KERNEL_DISTANCE,
            "Kernel distance of samples and hold-out points (KID for Inception's features), in the"
                + " descriptor's space, or that of the points; 0 where they are alike, and may be"
                + " negative."),
        fidelity.estimate(
            Statistic.PRECISION,
            "Share of samples in the neighbourhood of a hold-out point, to its fifth neighbour."),
        fidelity.estimate(
            Statistic.DENSITY,
            "Neighbourhoods of hold-out points around a sample, over five; 1 where samples lie as"
                + " hold-out points do."),
        fidelity.estimate(
            Statistic.COVERAGE, "Share of hold-out points with a sample in their neighbourhood."),
        levels.estimate(
            Statistic.ACCURACY,
            "Share of test images whose class a logistic regression on hidden representations"
                + " tells, per noise level."),
        levels.estimate(
            Statistic.SNR,
            "Signal-to-noise ratio of hidden representations by the subspaces of their classes, per"
                + " noise level, of the images that the probe was fitted to."),
        curve.estimate(
            Statistic.PEAK_SIGMA,
            "Noise level at which the accuracy is highest; between its bounds lie all levels that"
                + " may be the highest."),
        curve.estimate(Statistic.PEAK_ACCURACY, "Accuracy at that noise level."),
        curve.estimate(
            Statistic.RISE,
            "Highest accuracy above the smallest noise level, minus that at the smallest; at most 0"
                + " where the accuracy only falls."),
        curve.exact(
            Statistic.UNIMODALITY, "That rise in standard errors, the largest over the levels."),
        curve.exact(Statistic.P_VALUE, "Bootstrap p-value of no rise at all."),
        icr.main(
            Statistic.RATIO,
            "ICR: 0 where hidden representations depend on the image alone, 1 where they do not"
                + " depend on it."),
        scaling.main(
            Statistic.LOG_RATIO,
            "log2(N/sqrt(parameters)) of N training points: the run's place by its sizes alone."),
        ensemble.estimate(
            Statistic.MEAN_SQUARE, "Mean over the peers of the squared distance to the reference."),
        ensemble.estimate(
            Statistic.BIAS_SQUARED,
            "Squared distance of the peers' mean from the reference; unbiased, so it may be"
                + " negative."),
        ensemble.main(
            Statistic.VARIANCE,
            "Variance of the peers about their mean; with bias_squared it makes mean_square."));
  }

  private record Signal(String name, List<String> labels) {
    EstimateMetric main(Statistic statistic, String help) {
      return EstimateMetric.create(name, statistic, true, true, help, labels);
    }

    EstimateMetric estimate(Statistic statistic, String help) {
      return EstimateMetric.create(name, statistic, false, true, help, labels);
    }

    EstimateMetric exact(Statistic statistic, String help) {
      return EstimateMetric.create(name, statistic, false, false, help, labels);
    }
  }

  private static Metric gauge(String name, String help, String... labels) {
    return new Metric(name, Kind.GAUGE, null, help, List.of(labels));
  }

  private static Metric ofUnit(String name, @Nullable String unit, String help, String... labels) {
    return new Metric(name, Kind.GAUGE, unit, help, List.of(labels));
  }

  private static Metric counter(String name, String help, String... labels) {
    return new Metric(name, Kind.COUNTER, null, help, List.of(labels));
  }
}
