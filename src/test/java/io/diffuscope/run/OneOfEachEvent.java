package io.diffuscope.run;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.checkpoint.StepUnit;
import io.diffuscope.detect.Flag;
import io.diffuscope.detect.FlagChange;
import io.diffuscope.detect.Verdict;
import io.diffuscope.sampling.Reference;
import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.signal.SignalNames;
import io.diffuscope.signal.Statistic;
import io.diffuscope.statistics.Estimate;
import java.time.Instant;
import java.util.List;

/** Events of every kind, with every component that may be absent once absent and once there. */
final class OneOfEachEvent {
  private OneOfEachEvent() {}

  static List<RunEvent> events() {
    Instant at = Instant.parse("2026-11-22T10:11:12.345678Z");
    Checkpoint checkpoint = Checkpoint.ofFile("id", "/run/step-7.safetensors", 7L);
    Checkpoint without = Checkpoint.ofFile("id", "/run/latest.safetensors", null, at.plusNanos(1));
    Verdict verdict = new Verdict(Verdict.State.MEMORIZING, 5L, null, "copies");
    List<SignalEstimate> estimates =
        List.of(
            SignalEstimate.of(
                SignalNames.PFD, Reference.TRAIN, Statistic.RMS, new Estimate(1, .1, .8, 1.2, 9)),
            new SignalEstimate(
                SignalNames.DENOISING_GAP, null, Statistic.GAP, .5, Estimate.exact(1e-300, 1)));
    return List.of(
        new RunEvent.RunStarted(
            "r", at, "Run", "probe", true, List.of("a", "b"), StepScale.UPDATES, true),
        new RunEvent.RunStarted(
            "r", at, "Run", "probe", null, List.of(), new StepScale(StepUnit.KIMG, 8L, 9L), false),
        new RunEvent.RunResumed("r", at),
        new RunEvent.CheckpointFound("r", at, checkpoint),
        new RunEvent.CheckpointFound("r", at, checkpoint, "/other"),
        new RunEvent.CheckpointSkipped("r", at, without, "backlog"),
        new RunEvent.CheckpointPassedOver("r", at, "/x", "incomplete", "cut"),
        new RunEvent.EvaluationStarted("r", at, checkpoint, true),
        new RunEvent.EvaluationCompleted(
            "r",
            at,
            checkpoint,
            "probe",
            estimates,
            RunEvent.Standing.JUDGED,
            1.5,
            1,
            WeightsUsed.of("averaged weights", List.of("a", "b", "c", "d")),
            true),
        new RunEvent.EvaluationCompleted(
            "r", at, without, "probe", List.of(), RunEvent.Standing.NO_STEP, 1.5, 2, null, false),
        new RunEvent.AttemptStarted("r", at, 2, 7, "step 7 was written again"),
        new RunEvent.EvaluationFailed("r", at, checkpoint, "non_finite", "NaN"),
        new RunEvent.EvaluationPostponed(
            "r", at, checkpoint, "unreadable", "EIO", 2, at.plusSeconds(30)),
        new RunEvent.FlagChanged("r", at, new FlagChange(Flag.MEMORIZATION, true, 7, "because")),
        new RunEvent.VerdictChanged("r", at, verdict),
        new RunEvent.RunEnded("r", at, "over", verdict));
  }
}
