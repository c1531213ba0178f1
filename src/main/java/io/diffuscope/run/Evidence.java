package io.diffuscope.run;

import com.fasterxml.jackson.annotation.JsonIgnore;
import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.sampling.WorstSample;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What is kept of the worst samples of one checkpoint, as a table.
 *
 * @param run id
 * @param step null where the checkpoint has none
 * @param checkpoint its name
 * @param attempt the attempt that it belongs to
 * @param at when it was evaluated, ISO 8601 in UTC
 * @param probe what it was measured with
 * @param pictured whether there is a sheet of pictures beside it
 * @param worst worst first
 */
public record Evidence(
    String run,
    @Nullable Long step,
    String checkpoint,
    int attempt,
    String at,
    String probe,
    boolean pictured,
    List<Row> worst) {
  private static final Pattern NAME = Pattern.compile("[0-9]{1,19}|at-[A-Za-z0-9._-]{1,100}");

  public Evidence {
    if (run == null || checkpoint == null || at == null || probe == null || worst == null) {
      throw new IllegalArgumentException("evidence lacks a part");
    }
    worst = List.copyOf(worst);
  }

  /**
   * A sample.
   *
   * @param sample index of its noise
   * @param nearestTrain index of the nearest training point in its set
   * @param d1 its distance
   * @param secondTrain index of the nearest training point outside the duplicate group of the
   *     first; null where there is none
   * @param d2 its distance; null where there is none
   * @param ratio d1/d2
   * @param groupSize training points in the duplicate group of the nearest one, itself included
   * @param nearestHoldout index of the nearest hold-out point in its set; null without a hold-out
   *     set
   * @param holdoutDistance its distance; null without a hold-out set
   */
  public record Row(
      long sample,
      int nearestTrain,
      double d1,
      @Nullable Integer secondTrain,
      @Nullable Double d2,
      double ratio,
      int groupSize,
      @Nullable Integer nearestHoldout,
      @Nullable Double holdoutDistance) {
    static Row of(WorstSample sample) {
      return new Row(
          sample.sample(),
          sample.nearestTrain(),
          sample.trainDistance(),
          sample.secondTrain() < 0 ? null : Integer.valueOf(sample.secondTrain()),
          sample.secondTrain() < 0 ? null : Double.valueOf(sample.secondDistance()),
          sample.ratio(),
          sample.groupSize(),
          sample.nearestHoldout() < 0 ? null : Integer.valueOf(sample.nearestHoldout()),
          sample.nearestHoldout() < 0 ? null : Double.valueOf(sample.holdoutDistance()));
    }
  }

  /** Of a checkpoint whose result is recorded. */
  static Evidence of(RunEvent.EvaluationCompleted event, EvidenceDraft draft) {
    return new Evidence(
        event.run(),
        event.checkpoint().step(),
        event.checkpoint().name(),
        event.attempt(),
        event.at().toString(),
        event.probe(),
        draft.pictured(),
        draft.worst());
  }

  /** Whether it was kept of this result: of this measurement, not of another one of the step. */
  public boolean isOf(RunEvent.EvaluationCompleted event) {
    return run.equals(event.run())
        && Objects.equals(step, event.checkpoint().step())
        && checkpoint.equals(event.checkpoint().name())
        && attempt == event.attempt()
        && at.equals(event.at().toString())
        && probe.equals(event.probe());
  }

  /** What it is called in addresses and files: its step, or else after the checkpoint. */
  @JsonIgnore
  public String name() {
    return name(step, checkpoint);
  }

  private static String name(@Nullable Long step, String checkpoint) {
    return step == null ? "at-" + RunSettings.idOf(checkpoint) : Long.toString(step);
  }

  /** What that of a checkpoint is called. */
  static String nameOf(Checkpoint checkpoint) {
    return name(checkpoint.step(), checkpoint.name());
  }

  /** Whether evidence can be called so: nothing else is looked for on the disk. */
  public static boolean isName(String name) {
    return NAME.matcher(name).matches();
  }

  /** The same without its pictures. */
  Evidence withoutPictures() {
    return new Evidence(run, step, checkpoint, attempt, at, probe, false, worst);
  }

  /** How much of a copy its samples are, at the median: the smaller, the more. */
  double score() {
    double[] ratios = worst.stream().mapToDouble(Row::ratio).sorted().toArray();
    return ratios.length == 0 ? Double.POSITIVE_INFINITY : ratios[ratios.length / 2];
  }
}
