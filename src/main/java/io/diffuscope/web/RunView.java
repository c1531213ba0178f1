package io.diffuscope.web;

import io.diffuscope.sampling.DuplicateCounts;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A run as {@code /api/v1/runs} shows it. Times are ISO 8601 in UTC; what does not apply is null.
 *
 * @param run id
 * @param displayName name for people
 * @param probe what is measured with
 * @param state {@code preparing} what comes before the first evaluation, {@code idle} with nothing
 *     to do, {@code resting} for the budget, {@code evaluating} or {@code ended}
 * @param verdict the verdict in force
 * @param flags every flag there is, raised or not
 * @param steps what steps count
 * @param source the source of its checkpoints
 * @param endCause why the run is over; null while it goes on
 * @param foundStep step of the checkpoint found last
 * @param evaluatedStep step of the checkpoint evaluated last, sampled or not
 * @param sampledStep step of the checkpoint sampled last
 * @param evaluatedImages training images seen at the evaluated step
 * @param lag what waits longest
 * @param counts checkpoints by outcome
 * @param progress the evaluation under way
 * @param preparation what is done before the first evaluation
 * @param restingUntil when the device has rested for the budget
 * @param holdoutCheckPassed false where training and hold-out set differ, so that train affinity
 *     and denoising gap are not to be trusted; null without a hold-out set, or until it was checked
 * @param duplicates points with a duplicate, within and across the sets; null until counted
 * @param notes what the run said about itself at its start
 * @param messages failures and files passed over, the latest first
 * @param attempt the attempt under way, from 1
 * @param attempts how the latest attempts began, the last one first; the first of a run has no
 *     entry
 * @param weights what is read of its checkpoints; null where nothing is worth telling
 * @param results the latest evaluations, the last one first
 * @param series main estimates by step
 */
public record RunView(
    String run,
    String displayName,
    @Nullable String probe,
    String state,
    VerdictView verdict,
    List<FlagView> flags,
    StepsView steps,
    SourceView source,
    @Nullable String endCause,
    @Nullable Long foundStep,
    @Nullable Long evaluatedStep,
    @Nullable Long sampledStep,
    @Nullable Long evaluatedImages,
    LagView lag,
    Counts counts,
    @Nullable Progress progress,
    @Nullable Preparation preparation,
    @Nullable String restingUntil,
    @Nullable String startedAt,
    @Nullable String updatedAt,
    @Nullable String endedAt,
    @Nullable Boolean holdoutCheckPassed,
    @Nullable DuplicateCounts duplicates,
    List<String> notes,
    List<Message> messages,
    int attempt,
    List<AttemptView> attempts,
    @Nullable String weights,
    List<ResultView> results,
    List<SeriesView> series) {

  /** The verdict: its word, since when, the best checkpoint, and why. */
  public record VerdictView(
      String state, @Nullable Long sinceStep, @Nullable Long bestStep, String why) {}

  /** A flag; {@code step} and {@code evidence} belong to its last change. */
  public record FlagView(
      String flag, boolean raised, @Nullable Long step, @Nullable String evidence) {}

  /**
   * What steps count.
   *
   * @param unit {@code updates}, {@code kimg} or {@code epochs}
   * @param images training images in one step; null where not known
   */
  public record StepsView(String unit, @Nullable Long images) {}

  /** The source of checkpoints: {@code problem} says what is in its way while it is not up. */
  public record SourceView(boolean up, @Nullable String problem) {}

  /**
   * The checkpoint that was found first of those that wait or are being evaluated.
   *
   * @param seconds its age; 0 where nothing waits
   */
  public record LagView(double seconds, @Nullable Long oldestStep) {}

  /**
   * Checkpoints by what they ended as, or where they stand; each one is counted once.
   *
   * @param total of all of them
   * @param skippedByReason sums to {@code skipped}
   */
  public record Counts(
      long total,
      long evaluated,
      long skipped,
      long vanished,
      long incomplete,
      long failed,
      long waiting,
      long evaluating,
      Map<String, Long> skippedByReason) {
    public Counts {
      skippedByReason = Collections.unmodifiableMap(new TreeMap<>(skippedByReason));
    }
  }

  /** Blocks done of an evaluation. */
  public record Progress(@Nullable Long step, String checkpoint, int done, int total) {}

  /** Blocks done of what is made ready before the first evaluation. */
  public record Preparation(String what, int done, int total) {}

  /** Something that went wrong. */
  public record Message(String at, String reason, String message) {}

  /** How an attempt began: the first step that it supersedes, and the evidence. */
  public record AttemptView(int attempt, long fromStep, String at, String message) {}

  /**
   * One evaluation.
   *
   * @param attempt the attempt that the checkpoint belongs to
   * @param standing {@code judged}, {@code losses_only}, {@code superseded}, {@code earlier_step}
   *     or {@code no_step}
   * @param sampled whether it was sampled; otherwise it has no values, but points of the denoising
   *     gap
   * @param values main estimates that are not by noise level
   */
  public record ResultView(
      @Nullable Long step,
      String checkpoint,
      int attempt,
      String standing,
      boolean sampled,
      String at,
      List<ValueView> values) {}

  /** A main estimate of one evaluation. */
  public record ValueView(
      String signal,
      @Nullable String reference,
      @Nullable Double value,
      @Nullable Double standardError) {}

  /**
   * The main estimates of one signal, in order of steps.
   *
   * @param chance what its values would be around without memorization, of the checkpoint evaluated
   *     last: for train affinity the training points' part of all points, for the nearest ratio its
   *     control; null where not known
   * @param points of the attempt under way and what it goes on from
   * @param superseded what later attempts took the place of, the oldest first
   */
  public record SeriesView(
      String signal,
      @Nullable String reference,
      @Nullable Double sigma,
      String statistic,
      @Nullable Double chance,
      List<Point> points,
      List<Superseded> superseded) {}

  /** Points of an attempt that is over. */
  public record Superseded(int attempt, List<Point> points) {}

  /**
   * One estimate.
   *
   * @param step training step; the ordinal number where checkpoints carry no step
   */
  public record Point(
      long step,
      @Nullable Double value,
      @Nullable Double standardError,
      @Nullable Double lower,
      @Nullable Double upper) {}
}
