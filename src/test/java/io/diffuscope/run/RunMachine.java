package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.detect.DetectorSettings;
import io.diffuscope.model.NetworkSettings;
import io.diffuscope.model.SigmaGrid;
import io.diffuscope.sampling.DenoisingSettings;
import io.diffuscope.sampling.FlowSettings;
import io.diffuscope.sampling.ProbeSpec;
import io.diffuscope.sampling.Reference;
import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.signal.SignalNames;
import io.diffuscope.signal.SignalSchedule;
import io.diffuscope.signal.Statistic;
import io.diffuscope.statistics.Estimate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A run without actors: holds the state and tells events as short words. */
final class RunMachine {
  private RunSettings settings;
  private RunDecisions decisions;
  private final List<RunEvent> events = new ArrayList<>();
  private RunState state = RunState.EMPTY;
  private long seconds;

  RunMachine(Pace.Policy policy, int mostPending) {
    this(Pace.all(mostPending).withPolicy(policy), Ending.NEVER);
  }

  RunMachine(Pace pace, Ending ending) {
    settings = settings(pace, ending);
    decisions = new RunDecisions(settings);
  }

  /** It is known from here on that no more checkpoints come. */
  List<String> drain() {
    decisions = decisions.draining();
    return perform(new RunDecisions.Wake());
  }

  boolean isReady() {
    return decisions.isReady(state, Instant.ofEpochSecond(seconds));
  }

  boolean isDone() {
    return decisions.isDone(state);
  }

  RunState state() {
    return state;
  }

  List<RunEvent> events() {
    return events;
  }

  @Nullable Checkpoint evaluating() {
    RunState.Candidate candidate = state.evaluating();
    return candidate == null ? null : candidate.checkpoint();
  }

  List<String> begin() {
    return begin(true);
  }

  List<String> begin(boolean measuresLosses) {
    return perform(new RunDecisions.Begin("Run", "probe", true, List.of("a note"), measuresLosses));
  }

  List<String> proceed() {
    return perform(new RunDecisions.Proceed());
  }

  List<String> find(@Nullable Integer step) {
    return find(checkpoint(step == null ? null : (long) step));
  }

  List<String> find(Checkpoint checkpoint) {
    return perform(new RunDecisions.Find(checkpoint, null));
  }

  List<String> complete(@Nullable Integer step) {
    return complete(step, List.of());
  }

  List<String> complete(@Nullable Integer step, List<SignalEstimate> estimates) {
    return complete(checkpoint(step == null ? null : (long) step), estimates);
  }

  List<String> complete(Checkpoint checkpoint, List<SignalEstimate> estimates) {
    return perform(new RunDecisions.Complete(checkpoint, estimates, null, 1));
  }

  List<String> fail(long step) {
    return perform(new RunDecisions.Fail(checkpoint(step), "non_finite", "NaN"));
  }

  /** Fails for a reason that may pass. */
  List<String> cannotRead(Checkpoint checkpoint) {
    return perform(new RunDecisions.Fail(checkpoint, "unreadable", "EIO"));
  }

  /** So many seconds go by. */
  List<String> afterSeconds(long more) {
    seconds += more;
    return perform(new RunDecisions.Wake());
  }

  List<String> sourceIsOut(boolean isOut) {
    decisions = decisions.withSourceOut(isOut);
    return perform(new RunDecisions.Wake());
  }

  /** From here on with other settings. */
  void setDetectors(DetectorSettings detectors) {
    settings = settings.withDetectors(detectors);
    decisions = new RunDecisions(settings);
    state = replayed();
  }

  List<String> passOver(String path) {
    return passOver(path, "incomplete");
  }

  List<String> passOver(String path, String reason) {
    return perform(new RunDecisions.PassOver(path, reason, "cut"));
  }

  List<String> end() {
    return perform(new RunDecisions.End("over"));
  }

  List<String> perform(RunDecisions.Command command) {
    List<RunEvent> more = decisions.decide(state, command, Instant.ofEpochSecond(seconds++));
    for (RunEvent event : more) {
      assertThat(event.run()).isEqualTo("run");
      state = decisions.apply(state, event);
      events.add(event);
    }
    return more.stream().map(RunMachine::word).toList();
  }

  void assertRebuilt() {
    assertThat(replayed()).isEqualTo(state);
  }

  private RunState replayed() {
    RunState rebuilt = RunState.EMPTY;
    for (RunEvent event : events) {
      rebuilt = decisions.apply(rebuilt, event);
    }
    return rebuilt;
  }

  private static String word(RunEvent event) {
    return switch (event) {
      case RunEvent.RunStarted e -> "started";
      case RunEvent.RunResumed e -> "resumed";
      case RunEvent.CheckpointFound e -> "found " + e.checkpoint().step();
      case RunEvent.CheckpointSkipped e ->
          "skipped %s (%s)".formatted(e.checkpoint().step(), e.reason());
      case RunEvent.CheckpointPassedOver e -> "passed over " + e.path();
      case RunEvent.AttemptStarted e -> "attempt %d from %d".formatted(e.attempt(), e.fromStep());
      case RunEvent.EvaluationStarted e ->
          "evaluating %s%s".formatted(e.checkpoint().step(), e.sampled() ? "" : " (losses)");
      case RunEvent.EvaluationCompleted e ->
          "evaluated %s%s"
              .formatted(
                  e.checkpoint().step(), e.judged() ? "" : " (%s)".formatted(e.standing().label()));
      case RunEvent.EvaluationFailed e ->
          "failed %s (%s)".formatted(e.checkpoint().step(), e.reason());
      case RunEvent.EvaluationPostponed e ->
          "postponed %s (%s)".formatted(e.checkpoint().step(), e.reason());
      case RunEvent.FlagChanged e ->
          "%s %s".formatted(e.change().raised() ? "raised" : "cleared", e.change().flag().label());
      case RunEvent.VerdictChanged e -> "verdict " + e.verdict().state().label();
      case RunEvent.RunEnded e -> "ended";
    };
  }

  static Checkpoint checkpoint(@Nullable Long step) {
    return Checkpoint.ofFile("id-" + step, pathOf(step), step);
  }

  /** One content of the file of a step, written at a time. */
  static Checkpoint written(long step, long time) {
    return Checkpoint.ofFile(
        "id-%d@%d".formatted(step, time), pathOf(step), step, Instant.ofEpochSecond(time));
  }

  static String pathOf(@Nullable Long step) {
    return "/run/step-%s.safetensors".formatted(step);
  }

  /** A share of copies among 1000 samples, and a control of 0. */
  static List<SignalEstimate> copies(double share) {
    return List.of(
        estimate(Statistic.SHARE, share),
        estimate(Statistic.CONTROL, 0),
        estimate(Statistic.EXCESS, share));
  }

  private static SignalEstimate estimate(Statistic statistic, double value) {
    return SignalEstimate.of(
        SignalNames.NEAREST_RATIO,
        Reference.TRAIN,
        statistic,
        new Estimate(value, .01, value - .02, value + .004, 1000));
  }

  static RunSettings settings(Pace pace, Ending ending) {
    ProbeSpec spec =
        new ProbeSpec(
            "net.pt",
            NetworkSettings.Overrides.NONE,
            "train.npy",
            null,
            null,
            null,
            0,
            null,
            64,
            new FlowSettings(FlowSettings.Solver.HEUN, SigmaGrid.edm(18)),
            new DenoisingSettings(List.of(), 1, 2),
            "cache",
            0);
    return new RunSettings(
        "run",
        "Run",
        spec,
        pace,
        StepScale.UPDATES,
        ending,
        DetectorSettings.DEFAULT,
        2,
        Duration.ofMinutes(1),
        new Retries(3, Duration.ofSeconds(10), Duration.ofSeconds(20)),
        SignalSchedule.DEFAULT);
  }
}
