package io.diffuscope.publish;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.detect.Flag;
import io.diffuscope.detect.FlagChange;
import io.diffuscope.detect.Verdict;
import io.diffuscope.run.EvaluationProgress;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunEvent.Standing;
import io.diffuscope.run.StepScale;
import io.diffuscope.run.WeightsUsed;
import io.diffuscope.sampling.DuplicateCounts;
import io.diffuscope.sampling.Reference;
import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.signal.SignalNames;
import io.diffuscope.signal.Statistic;
import io.diffuscope.statistics.Estimate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Events of an invented run, for tests of what listens to runs. */
public final class RunEvents {
  public static final Instant AT = Instant.ofEpochSecond(1_800_000_000L);

  private RunEvents() {}

  public static RunEvent started(String run) {
    return started(run, "probe-1");
  }

  public static RunEvent started(String run, String probe) {
    return new RunEvent.RunStarted(
        run,
        AT,
        "The run " + run,
        probe,
        true,
        List.of("no teacher: pfd to teacher is off"),
        StepScale.UPDATES,
        true,
        new DuplicateCounts(1, 3, 0, 0, 0, 2));
  }

  public static RunEvent started(String run, StepScale steps) {
    return new RunEvent.RunStarted(
        run, AT, "The run " + run, "probe-1", true, List.of("no teacher"), steps, true);
  }

  /** Some other content of the file of a step. */
  public static Checkpoint rewritten(long step) {
    Checkpoint first = checkpoint(step);
    return Checkpoint.ofFile("again-" + step, first.path(), step);
  }

  public static Checkpoint checkpoint(@Nullable Long step) {
    return Checkpoint.ofFile("id-" + step, "/checkpoints/step-" + step + ".safetensors", step);
  }

  public static RunEvent resumed(String run) {
    return new RunEvent.RunResumed(run, AT.plusSeconds(9));
  }

  public static RunEvent found(String run, @Nullable Long step) {
    return new RunEvent.CheckpointFound(run, AT.plusSeconds(1), checkpoint(step));
  }

  public static RunEvent evaluating(String run, @Nullable Long step) {
    return new RunEvent.EvaluationStarted(run, AT.plusSeconds(2), checkpoint(step), true);
  }

  public static RunEvent skipped(String run, @Nullable Long step, String reason) {
    return new RunEvent.CheckpointSkipped(run, AT.plusSeconds(2), checkpoint(step), reason);
  }

  public static RunEvent passedOver(String run, @Nullable Long step, String reason) {
    return new RunEvent.CheckpointPassedOver(
        run, AT.plusSeconds(2), checkpoint(step).path(), reason, "step-" + step + ": " + reason);
  }

  public static EvaluationProgress progress(String run, @Nullable Long step, int done, int total) {
    return new EvaluationProgress(run, checkpoint(step), done, total, List.of());
  }

  public static RunEvent completed(
      String run, @Nullable Long step, boolean judged, SignalEstimate... estimates) {
    Standing standing =
        judged ? Standing.JUDGED : step == null ? Standing.NO_STEP : Standing.EARLIER_STEP;
    return completed(run, step, standing, 1, null, estimates);
  }

  public static RunEvent completed(
      String run,
      @Nullable Long step,
      Standing standing,
      int attempt,
      @Nullable WeightsUsed weights,
      SignalEstimate... estimates) {
    return new RunEvent.EvaluationCompleted(
        run,
        AT.plusSeconds(3),
        checkpoint(step),
        "probe-1",
        Arrays.asList(estimates),
        standing,
        4.5,
        attempt,
        weights,
        true);
  }

  /** An evaluation of the denoising losses alone. */
  public static RunEvent losses(
      String run, @Nullable Long step, Standing standing, SignalEstimate... estimates) {
    return new RunEvent.EvaluationCompleted(
        run,
        AT.plusSeconds(3),
        checkpoint(step),
        "probe-1",
        Arrays.asList(estimates),
        standing,
        .5,
        1,
        null,
        false);
  }

  public static RunEvent attempt(String run, int attempt, long fromStep) {
    return new RunEvent.AttemptStarted(
        run, AT.plusSeconds(5), attempt, fromStep, "step %d was written again".formatted(fromStep));
  }

  public static RunEvent failed(String run, @Nullable Long step, String reason) {
    return new RunEvent.EvaluationFailed(
        run, AT, checkpoint(step), reason, "step-" + step + ".safetensors: " + reason);
  }

  public static RunEvent flag(String run, Flag flag, boolean raised, long step) {
    return new RunEvent.FlagChanged(
        run, AT, new FlagChange(flag, raised, step, "share .65 against .50"));
  }

  public static RunEvent verdict(String run, Verdict.State state, @Nullable Long best) {
    return new RunEvent.VerdictChanged(
        run, AT, new Verdict(state, 100L, best, "because of the numbers"));
  }

  public static RunEvent ended(String run, Verdict.State state, @Nullable Long best) {
    return new RunEvent.RunEnded(
        run, AT.plusSeconds(60), "training ended", new Verdict(state, 100L, best, "all done"));
  }

  public static SignalEstimate pfd(Reference reference, double value) {
    return SignalEstimate.of(
        SignalNames.PFD,
        reference,
        Statistic.RMS,
        new Estimate(value, .25, value - .5, value + .5, 1000));
  }

  public static SignalEstimate affinity(Statistic statistic, Estimate estimate) {
    return SignalEstimate.of(SignalNames.TRAIN_AFFINITY, null, statistic, estimate);
  }

  public static SignalEstimate share(double value) {
    return affinity(Statistic.SHARE, new Estimate(value, .01, value - .02, value + .02, 1000));
  }

  public static SignalEstimate copies(double value) {
    return SignalEstimate.of(
        SignalNames.NEAREST_RATIO,
        Reference.TRAIN,
        Statistic.SHARE,
        new Estimate(value, .01, 0, value + .02, 1000));
  }

  public static SignalEstimate gap(double sigma, double value) {
    return new SignalEstimate(
        SignalNames.DENOISING_GAP,
        null,
        Statistic.GAP,
        sigma,
        new Estimate(value, .0625, value - .125, value + .125, 128));
  }

  /** One estimate for every metric of the catalogue. */
  public static SignalEstimate[] everything() {
    List<SignalEstimate> all = new ArrayList<>();
    Estimate estimate = new Estimate(.5, .1, .3, .7, 1000);
    for (String signal :
        List.of(
            SignalNames.PFD,
            SignalNames.NEAREST_RATIO,
            SignalNames.TRAIN_AFFINITY,
            SignalNames.DENOISING_GAP,
            SignalNames.SPIKINESS,
            SignalNames.GL,
            SignalNames.RP,
            SignalNames.AUTHENTICITY,
            SignalNames.FIDELITY,
            SignalNames.BIAS_VARIANCE,
            SignalNames.REPRESENTATION,
            SignalNames.ICR,
            SignalNames.SCALING)) {
      for (Statistic statistic : Statistic.values()) {
        SignalEstimate candidate =
            new SignalEstimate(signal, Reference.TRAIN, statistic, .3, estimate);
        if (MetricCatalogue.find(candidate).isPresent()) {
          all.add(candidate);
        }
      }
    }
    return all.toArray(SignalEstimate[]::new);
  }
}
