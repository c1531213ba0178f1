package io.diffuscope.run;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.detect.Detectors;
import io.diffuscope.detect.FlagChange;
import io.diffuscope.detect.Look;
import io.diffuscope.detect.Progress;
import io.diffuscope.detect.Verdict;
import io.diffuscope.detect.Verdicts;
import io.diffuscope.run.RunState.Status;
import io.diffuscope.signal.SignalEstimate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The rules of a run, pure: which events a command leads to, and what an event changes. The actor
 * around it stores and publishes the events and carries out the effects.
 *
 * <pre>{@code
 * List<RunEvent> events = decisions.decide(state, command, now);
 * for (RunEvent event : events) {
 *   state = decisions.apply(state, event);
 * }
 * }</pre>
 */
public final class RunDecisions {
  /** What can be asked of a run. */
  public sealed interface Command {}

  /** References are ready; evaluation may begin. */
  public record Begin(
      String displayName, String probe, @Nullable Boolean holdoutCheckPassed, List<String> notes)
      implements Command {
    public Begin {
      notes = List.copyOf(notes);
    }
  }

  /** A complete checkpoint was found. */
  public record Find(Checkpoint checkpoint) implements Command {}

  /** A file could not be taken. */
  public record PassOver(String path, String reason, String message) implements Command {}

  /** The evaluation of a checkpoint is done. */
  public record Complete(Checkpoint checkpoint, List<SignalEstimate> estimates, double seconds)
      implements Command {
    public Complete {
      estimates = List.copyOf(estimates);
    }
  }

  /** The evaluation of a checkpoint failed. */
  public record Fail(Checkpoint checkpoint, String reason, String message) implements Command {}

  /** Nothing more is coming, and everything found was dealt with. */
  public record End(String cause) implements Command {}

  private static final Comparator<Checkpoint> BY_STEP =
      Comparator.comparing(Checkpoint::step, Comparator.nullsLast(Comparator.naturalOrder()));

  private final RunSettings settings;

  public RunDecisions(RunSettings settings) {
    this.settings = settings;
  }

  /** The events that a command leads to, to be applied in this order. */
  public List<RunEvent> decide(RunState state, Command command, Instant now) {
    if (state.ended()) {
      return List.of();
    }
    List<RunEvent> events = new ArrayList<>(direct(state, command, now));
    RunState after = state;
    for (RunEvent event : events) {
      after = apply(after, event);
    }
    startNext(after, now).ifPresent(events::add);
    return events;
  }

  private List<RunEvent> direct(RunState state, Command command, Instant now) {
    return switch (command) {
      case Begin c ->
          state.started() != null
              ? List.of()
              : List.of(
                  new RunEvent.RunStarted(
                      settings.id(), now, c.displayName, c.probe, c.holdoutCheckPassed, c.notes));
      case Find c -> found(state, c.checkpoint, now);
      case PassOver c ->
          List.of(
              new RunEvent.CheckpointPassedOver(settings.id(), now, c.path, c.reason, c.message));
      case Complete c -> completed(state, c, now);
      case Fail c ->
          isUnderEvaluation(state, c.checkpoint)
              ? List.of(
                  new RunEvent.EvaluationFailed(
                      settings.id(), now, c.checkpoint, c.reason, c.message))
              : List.of();
      case End c -> List.of(new RunEvent.RunEnded(settings.id(), now, c.cause, verdict(state)));
    };
  }

  private List<RunEvent> found(RunState state, Checkpoint checkpoint, Instant now) {
    if (state.ledger().containsKey(checkpoint.identity())) {
      return List.of();
    }
    List<RunEvent> events = new ArrayList<>();
    events.add(new RunEvent.CheckpointFound(settings.id(), now, checkpoint));
    List<Checkpoint> waiting = ordered(state.pending(), checkpoint);
    int allowed =
        switch (settings.policy()) {
          case ALL -> settings.mostPending();
          case LATEST -> 1;
        };
    SkipReason reason =
        settings.policy() == RunSettings.Policy.LATEST ? SkipReason.SUPERSEDED : SkipReason.BACKLOG;
    for (Checkpoint oldest : waiting.subList(0, Math.max(0, waiting.size() - allowed))) {
      events.add(new RunEvent.CheckpointSkipped(settings.id(), now, oldest, reason.label()));
    }
    return events;
  }

  private static List<Checkpoint> ordered(List<Checkpoint> pending, Checkpoint added) {
    List<Checkpoint> all = new ArrayList<>(pending);
    all.add(added);
    all.sort(BY_STEP);
    return all;
  }

  private List<RunEvent> completed(RunState state, Complete command, Instant now) {
    Checkpoint checkpoint = command.checkpoint;
    if (!isUnderEvaluation(state, checkpoint)) {
      return List.of();
    }
    Long step = checkpoint.step();
    Long judgedStep = state.judgedStep();
    boolean judged = step != null && (judgedStep == null || step > judgedStep);
    List<RunEvent> events = new ArrayList<>();
    RunEvent.EvaluationCompleted completed =
        new RunEvent.EvaluationCompleted(
            settings.id(),
            now,
            checkpoint,
            probeOf(state),
            command.estimates,
            judged,
            command.seconds);
    events.add(completed);
    if (step != null && judged) {
      for (FlagChange change : judge(state, step, command.estimates).changes()) {
        events.add(new RunEvent.FlagChanged(settings.id(), now, change));
      }
      Verdict verdict = verdict(applyCompleted(state, completed));
      if (differs(state.verdict(), verdict)) {
        events.add(new RunEvent.VerdictChanged(settings.id(), now, verdict));
      }
    }
    return events;
  }

  /**
   * The sentence of a verdict holds numbers that move at every checkpoint; its substance is this.
   */
  private static boolean differs(@Nullable Verdict before, Verdict now) {
    return before == null
        || before.state() != now.state()
        || !Objects.equals(before.sinceStep(), now.sinceStep())
        || !Objects.equals(before.bestStep(), now.bestStep());
  }

  /** Work may be done more than once; its result is recorded once. */
  private static boolean isUnderEvaluation(RunState state, Checkpoint checkpoint) {
    return checkpoint.equals(state.evaluating());
  }

  private static String probeOf(RunState state) {
    RunEvent.RunStarted started = state.started();
    return started == null ? "" : started.probe();
  }

  private Detectors.Outcome judge(RunState state, long step, List<SignalEstimate> estimates) {
    RunEvent.RunStarted started = state.started();
    boolean trustAffinity = started != null && started.trustAffinity();
    return new Detectors(settings.detectors(), trustAffinity)
        .observe(state.detectors(), new Look(step, estimates));
  }

  private Optional<RunEvent> startNext(RunState state, Instant now) {
    boolean ready =
        state.started() != null
            && state.evaluating() == null
            && !state.ended()
            && !state.pending().isEmpty();
    return ready
        ? Optional.of(
            new RunEvent.EvaluationStarted(settings.id(), now, state.pending().getFirst()))
        : Optional.empty();
  }

  /** The state after an event. */
  public RunState apply(RunState state, RunEvent event) {
    return switch (event) {
      case RunEvent.RunStarted e -> state.withStarted(e);
      case RunEvent.CheckpointFound e ->
          state.withPending(
              ordered(state.pending(), e.checkpoint()), e.checkpoint(), Status.PENDING);
      case RunEvent.CheckpointSkipped e ->
          state.withPending(
              state.pending().stream().filter(c -> !c.equals(e.checkpoint())).toList(),
              e.checkpoint(),
              Status.SKIPPED);
      case RunEvent.CheckpointPassedOver e -> state;
      case RunEvent.EvaluationStarted e -> state.withEvaluating(e.checkpoint());
      case RunEvent.EvaluationCompleted e -> applyCompleted(state, e);
      case RunEvent.EvaluationFailed e -> state.withDone(e.checkpoint(), Status.FAILED);
      // The detectors' states moved when the completed evaluation was applied.
      case RunEvent.FlagChanged e -> state;
      case RunEvent.VerdictChanged e -> state.withVerdict(e.verdict(), false);
      case RunEvent.RunEnded e -> state.withVerdict(e.verdict(), true);
    };
  }

  private RunState applyCompleted(RunState state, RunEvent.EvaluationCompleted event) {
    RunState done = state.withDone(event.checkpoint(), Status.EVALUATED);
    Long step = event.checkpoint().step();
    if (step == null || !event.judged()) {
      return done;
    }
    Look look = new Look(step, event.estimates());
    return done.withJudged(step, judge(state, step, event.estimates()).states(), Progress.of(look));
  }

  /** The verdict as things stand. */
  public Verdict verdict(RunState state) {
    return Verdicts.of(state.history(), state.detectors());
  }
}
