package io.diffuscope.run;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.checkpoint.Sighting;
import io.diffuscope.detect.Detectors;
import io.diffuscope.detect.FlagChange;
import io.diffuscope.detect.Look;
import io.diffuscope.detect.Progress;
import io.diffuscope.detect.Verdict;
import io.diffuscope.detect.Verdicts;
import io.diffuscope.run.Lineage.Known.Sampling;
import io.diffuscope.run.RunEvent.Standing;
import io.diffuscope.run.RunState.Candidate;
import io.diffuscope.run.RunState.Status;
import io.diffuscope.sampling.DuplicateCounts;
import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.signal.SignalNames;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
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
      String displayName,
      String probe,
      @Nullable Boolean holdoutCheckPassed,
      List<String> notes,
      boolean measuresLosses,
      @Nullable DuplicateCounts duplicates)
      implements Command {
    public Begin {
      notes = List.copyOf(notes);
    }

    /** With sets whose duplicates were not counted. */
    public Begin(
        String displayName,
        String probe,
        @Nullable Boolean holdoutCheckPassed,
        List<String> notes,
        boolean measuresLosses) {
      this(displayName, probe, holdoutCheckPassed, notes, measuresLosses, null);
    }
  }

  /**
   * A complete checkpoint was found.
   *
   * @param passedOverAs another path under which it was passed over before; null: none
   */
  public record Find(Checkpoint checkpoint, @Nullable String passedOverAs) implements Command {}

  /** A file could not be taken. */
  public record PassOver(String path, String reason, String message) implements Command {}

  /** The evaluation of a checkpoint is done. */
  public record Complete(
      Checkpoint checkpoint,
      List<SignalEstimate> estimates,
      @Nullable WeightsUsed weights,
      double seconds)
      implements Command {
    public Complete {
      estimates = List.copyOf(estimates);
    }
  }

  /** The evaluation of a checkpoint failed. */
  public record Fail(Checkpoint checkpoint, String reason, String message) implements Command {}

  /** What happened before was read: the run goes on from there. */
  public record Resume() implements Command {}

  /** It is this run's turn on the device; needed, and heeded, only where there is a budget. */
  public record Proceed() implements Command {}

  /**
   * Something may be begun now that could not before: a rest is over, the source is back, or no
   * more checkpoints come, which is told to decisions that are {@link #draining()}.
   */
  public record Wake() implements Command {}

  /** Nothing more is coming; what still waits or is under evaluation is skipped, and counted. */
  public record End(String cause) implements Command {}

  /** The time to deal with what waits is over: the same, and the cause tells how many are left. */
  public record GiveUp(String cause, Duration timeout) implements Command {}

  private final RunSettings settings;
  private final Spacing spacing;
  private final boolean sourceIsOut;

  public RunDecisions(RunSettings settings) {
    this(settings, new Spacing(settings.pace(), settings.ending().finalStep(), false), false);
  }

  private RunDecisions(RunSettings settings, Spacing spacing, boolean sourceIsOut) {
    this.settings = settings;
    this.spacing = spacing;
    this.sourceIsOut = sourceIsOut;
  }

  /**
   * The same once it is known that no more checkpoints come: the last one is sampled, also where it
   * was left out for its nearness to another, or only its losses were measured.
   */
  public RunDecisions draining() {
    return new RunDecisions(settings, spacing.draining(), false);
  }

  /**
   * The same while the run's source does not answer, or answers again: what its checkpoints lie on
   * would not answer either, so nothing is begun meanwhile.
   */
  public RunDecisions withSourceOut(boolean isOut) {
    return new RunDecisions(settings, spacing, isOut);
  }

  /** The events that a command leads to, to be applied in this order. */
  public List<RunEvent> decide(RunState state, Command command, Instant now) {
    if (state.ended() && !(command instanceof Resume)) {
      return List.of();
    }
    Course course = new Course(state);
    direct(course, command, now);
    if (settings.pace().budget() == null || command instanceof Proceed) {
      startNext(course, now);
    }
    return course.events;
  }

  /** Events, and the state after them. */
  private final class Course {
    private final List<RunEvent> events = new ArrayList<>();
    private RunState state;

    Course(RunState state) {
      this.state = state;
    }

    void add(RunEvent event) {
      events.add(event);
      state = apply(state, event);
    }
  }

  private void direct(Course course, Command command, Instant now) {
    String id = settings.id();
    RunState state = course.state;
    switch (command) {
      case Begin c -> {
        if (state.started() == null) {
          course.add(
              new RunEvent.RunStarted(
                  id,
                  now,
                  c.displayName,
                  c.probe,
                  c.holdoutCheckPassed,
                  c.notes,
                  settings.steps(),
                  c.measuresLosses,
                  c.duplicates));
        }
      }
      case Find c -> found(course, c, now);
      case PassOver c ->
          course.add(new RunEvent.CheckpointPassedOver(id, now, c.path, c.reason, c.message));
      case Complete c -> completed(course, c, now);
      case Fail c -> {
        Candidate candidate = underEvaluation(state, c.checkpoint);
        if (candidate != null) {
          failed(course, candidate, c, now);
        }
      }
      case Resume c -> {
        if (!state.equals(RunState.EMPTY)) {
          course.add(new RunEvent.RunResumed(id, now));
          tellFlags(course, now);
        }
      }
      case Proceed c -> {}
      case Wake c -> {}
      case End c -> {
        skipAll(course, now);
        course.add(new RunEvent.RunEnded(id, now, c.cause, verdict(course.state)));
      }
      case GiveUp c -> giveUp(course, c, now);
    }
  }

  /**
   * What was judged before is judged by the settings of now: where these raise other flags than
   * were told, that is told.
   */
  private void tellFlags(Course course, Instant now) {
    RunState state = course.state;
    Long judged = state.lineage().judgedStep();
    if (judged == null) {
      return;
    }
    FlagReversals.fromTold(state.flags(), state.lineage().detectors(), judged)
        .forEach(change -> course.add(new RunEvent.FlagChanged(settings.id(), now, change)));
    if (state.verdict() != null) {
      tellVerdict(course, now);
    }
  }

  /** A later content or attempt that took the checkpoint's place leaves no reason to try again. */
  private void failed(Course course, Candidate candidate, Fail failure, Instant now) {
    int failures = candidate.failed() + 1;
    Optional<Duration> wait =
        candidate.superseded()
            ? Optional.empty()
            : settings.retries().wait(failure.reason, failures);
    if (wait.isEmpty()) {
      course.add(
          new RunEvent.EvaluationFailed(
              settings.id(), now, failure.checkpoint, failure.reason, failure.message));
      return;
    }
    course.add(
        new RunEvent.EvaluationPostponed(
            settings.id(),
            now,
            failure.checkpoint,
            failure.reason,
            failure.message,
            failures,
            now.plus(wait.get())));
    skipBacklog(course, now);
  }

  private void giveUp(Course course, GiveUp command, Instant now) {
    if (isDone(course.state)) {
      return;
    }
    int before = course.events.size();
    skipAll(course, now);
    // One that is to be sampled after all neither waits nor is under evaluation.
    int left = Math.max(1, course.events.size() - before);
    course.add(
        new RunEvent.RunEnded(
            settings.id(),
            now,
            "%s; %s not evaluated within the drain timeout of %s"
                .formatted(
                    command.cause,
                    left == 1 ? "1 checkpoint was" : left + " checkpoints were",
                    DurationText.of(command.timeout)),
            verdict(course.state)));
  }

  private void skipAll(Course course, Instant now) {
    Candidate current = course.state.evaluating();
    if (current != null) {
      skip(course, current, SkipReason.ENDED, now);
    }
    course.state.pending().forEach(waiting -> skip(course, waiting, SkipReason.ENDED, now));
  }

  private void found(Course course, Find command, Instant now) {
    Checkpoint checkpoint = command.checkpoint;
    if (course.state.ledger().containsKey(checkpoint.identity())
        || (checkpoint.isStepTold() && course.state.lineage().holds(checkpoint))) {
      return;
    }
    String evidence = course.state.lineage().resumption(checkpoint, command.passedOverAs);
    if (evidence != null) {
      startAttempt(course, Objects.requireNonNull(checkpoint.step()), evidence, now);
    }
    // What waits under the same path is gone: its evaluation could only fail.
    for (Candidate waiting : course.state.pending()) {
      if (waiting.checkpoint().path().equals(checkpoint.path())) {
        skip(course, waiting, SkipReason.SUPERSEDED, now);
      }
    }
    course.add(new RunEvent.CheckpointFound(settings.id(), now, checkpoint, command.passedOverAs));
    for (Candidate close : spacing.tooClose(course.state, checkpoint)) {
      skip(course, close, SkipReason.SPACING, now);
    }
    skipBacklog(course, now);
  }

  private void startAttempt(Course course, long fromStep, String evidence, Instant now) {
    RunState before = course.state;
    int attempt = Math.addExact(before.lineage().attempt(), 1);
    Long kept = before.lineage().judgedBefore(fromStep);
    String message =
        "%s: attempt %d goes on from %s"
            .formatted(evidence, attempt, kept == null ? "the start" : "step " + kept);
    course.add(new RunEvent.AttemptStarted(settings.id(), now, attempt, fromStep, message));
    FlagReversals.between(
            before.lineage().detectors(), course.state.lineage().detectors(), attempt, fromStep)
        .forEach(change -> course.add(new RunEvent.FlagChanged(settings.id(), now, change)));
    if (before.verdict() != null) {
      tellVerdict(course, now);
    }
  }

  /** Under a bound, what no longer counts goes first, then the oldest. */
  private void skipBacklog(Course course, Instant now) {
    int allowed =
        switch (settings.pace().policy()) {
          case ALL, EVERY -> settings.pace().mostPending();
          case LATEST -> 1;
        };
    SkipReason reason =
        settings.pace().policy() == Pace.Policy.LATEST ? SkipReason.SUPERSEDED : SkipReason.BACKLOG;
    List<Candidate> waiting = course.state.pending();
    Stream.concat(
            waiting.stream().filter(Candidate::superseded),
            waiting.stream().filter(candidate -> !candidate.superseded()))
        .limit(Math.max(0, waiting.size() - allowed))
        .forEach(candidate -> skip(course, candidate, reason, now));
  }

  private void skip(Course course, Candidate candidate, SkipReason reason, Instant now) {
    course.add(
        new RunEvent.CheckpointSkipped(settings.id(), now, candidate.checkpoint(), reason.label()));
  }

  private void completed(Course course, Complete command, Instant now) {
    Candidate candidate = underEvaluation(course.state, command.checkpoint);
    if (candidate == null) {
      return;
    }
    Long step = command.checkpoint.step();
    Standing standing = standing(course.state, candidate);
    Detectors.Outcome outcome =
        step == null || standing != Standing.JUDGED
            ? null
            : judge(course.state, new Look(step, command.estimates));
    course.add(
        new RunEvent.EvaluationCompleted(
            settings.id(),
            now,
            command.checkpoint,
            probeOf(course.state),
            command.estimates,
            standing,
            command.seconds,
            candidate.attempt(),
            command.weights,
            candidate.sampled()));
    if (outcome != null) {
      for (FlagChange change : outcome.changes()) {
        course.add(new RunEvent.FlagChanged(settings.id(), now, change));
      }
      tellVerdict(course, now);
    }
  }

  private static Standing standing(RunState state, Candidate candidate) {
    Long step = candidate.checkpoint().step();
    Long judgedStep = state.lineage().judgedStep();
    if (step == null) {
      return Standing.NO_STEP;
    }
    if (candidate.superseded()) {
      return Standing.SUPERSEDED;
    }
    if (!candidate.sampled()) {
      return Standing.LOSSES_ONLY;
    }
    return judgedStep == null || step > judgedStep ? Standing.JUDGED : Standing.EARLIER_STEP;
  }

  private void tellVerdict(Course course, Instant now) {
    Verdict verdict = verdict(course.state);
    if (differs(course.state.verdict(), verdict)) {
      course.add(new RunEvent.VerdictChanged(settings.id(), now, verdict));
    }
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
  private static @Nullable Candidate underEvaluation(RunState state, Checkpoint checkpoint) {
    Candidate candidate = state.evaluating();
    return candidate != null && candidate.checkpoint().equals(checkpoint) ? candidate : null;
  }

  private static String probeOf(RunState state) {
    RunEvent.RunStarted started = state.started();
    return started == null ? "" : started.probe();
  }

  private Detectors.Outcome judge(RunState state, Look look) {
    RunEvent.RunStarted started = state.started();
    boolean trustAffinity = started != null && started.trustAffinity();
    return new Detectors(settings.detectors(), trustAffinity)
        .observe(state.lineage().detectors(), state.lineage().history(), look);
  }

  /** Whether there is something that an evaluation could begin with. */
  public boolean isReady(RunState state, Instant now) {
    Instant rest = state.restsUntil();
    return state.started() != null
        && state.evaluating() == null
        && !sourceIsOut
        && (rest == null || !now.isBefore(rest))
        && !state.ended()
        && !isDone(state);
  }

  /** Whether nothing is left to do, as far as is known. */
  public boolean isDone(RunState state) {
    return state.isIdle() && lastLeftOut(state) == null;
  }

  /** The last checkpoint of all, where it is to be sampled after all. */
  private @Nullable Checkpoint lastLeftOut(RunState state) {
    return spacing.noMoreCome() ? state.lineage().newestLeftOut() : null;
  }

  private void startNext(Course course, Instant now) {
    while (isReady(course.state, now)) {
      RunState state = course.state;
      RunEvent.RunStarted started = Objects.requireNonNull(state.started());
      if (state.pending().isEmpty()) {
        Checkpoint last = Objects.requireNonNull(lastLeftOut(state));
        course.add(new RunEvent.EvaluationStarted(settings.id(), now, last, true));
        return;
      }
      Candidate next = state.pending().getFirst();
      boolean sampled = spacing.isSampled(state, next);
      if (sampled || (started.measuresLosses() && lossesAreDue(state))) {
        course.add(new RunEvent.EvaluationStarted(settings.id(), now, next.checkpoint(), sampled));
      } else {
        skip(course, next, SkipReason.SPACING, now);
      }
    }
  }

  private boolean lossesAreDue(RunState state) {
    return settings.signals().isDue(SignalNames.DENOISING_GAP, state.sampledSoFar());
  }

  /** The state after an event. */
  public RunState apply(RunState state, RunEvent event) {
    return switch (event) {
      case RunEvent.RunStarted e -> state.withStarted(e);
      case RunEvent.RunResumed e -> state.resumed();
      case RunEvent.CheckpointFound e -> state.withFound(e.checkpoint());
      case RunEvent.CheckpointSkipped e -> {
        RunState skipped = state.withSkipped(e.checkpoint());
        yield e.reason().equals(SkipReason.SPACING.label())
            ? skipped.with(e.checkpoint(), Sampling.LEFT_OUT)
            : skipped;
      }
      case RunEvent.CheckpointPassedOver e ->
          // What vanished and comes back was written anew.
          e.reason().equals(Sighting.Reason.VANISHED.label())
              ? state
              : state.withLineage(state.lineage().withPassedOver(e.path()));
      case RunEvent.AttemptStarted e -> state.withAttempt(e.attempt(), e.fromStep());
      case RunEvent.EvaluationStarted e -> {
        RunState started = state.withEvaluating(e.checkpoint(), e.sampled());
        yield e.sampled() ? started.with(e.checkpoint(), Sampling.BEGUN) : started;
      }
      case RunEvent.EvaluationCompleted e -> applyCompleted(state, e);
      case RunEvent.EvaluationFailed e -> state.withDone(e.checkpoint(), Status.FAILED);
      case RunEvent.EvaluationPostponed e ->
          state
              .withPostponed(e.checkpoint(), e.failed(), e.until())
              .with(e.checkpoint(), Sampling.UNDECIDED);
      // The detectors' states moved when the evaluation was completed, or the attempt started.
      case RunEvent.FlagChanged e -> state.with(e.change());
      case RunEvent.VerdictChanged e -> state.withVerdict(e.verdict(), false);
      case RunEvent.RunEnded e -> state.withVerdict(e.verdict(), true);
    };
  }

  private RunState applyCompleted(RunState state, RunEvent.EvaluationCompleted event) {
    RunState done = state.withDone(event.checkpoint(), Status.EVALUATED);
    done = event.sampled() ? done.withSampled() : done;
    Long step = event.checkpoint().step();
    boolean inLine = event.judged() || event.standing() == Standing.LOSSES_ONLY;
    if (step == null || !inLine) {
      return done;
    }
    done = done.withLineage(done.lineage().withEvaluated(step));
    if (!event.judged()) {
      return done.with(event.checkpoint(), Sampling.LEFT_OUT);
    }
    Look look = new Look(step, event.estimates());
    Lineage.Judgement judgement =
        new Lineage.Judgement(judge(state, look).states(), Progress.of(look));
    return done.withLineage(done.lineage().withJudged(step, judgement));
  }

  /** The verdict as things stand. */
  public Verdict verdict(RunState state) {
    return Verdicts.of(state.lineage().history(), state.lineage().detectors());
  }
}
