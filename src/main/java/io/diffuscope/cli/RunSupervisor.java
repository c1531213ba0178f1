package io.diffuscope.cli;

import akka.Done;
import akka.actor.NoSerializationVerificationNeeded;
import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.ChildFailed;
import akka.actor.typed.DispatcherSelector;
import akka.actor.typed.Signal;
import akka.actor.typed.Terminated;
import akka.actor.typed.eventstream.EventStream;
import akka.actor.typed.javadsl.AbstractOnMessageBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.japi.Pair;
import akka.stream.KillSwitch;
import akka.stream.KillSwitches;
import akka.stream.Materializer;
import akka.stream.UniqueKillSwitch;
import akka.stream.javadsl.Keep;
import akka.stream.javadsl.Sink;
import io.diffuscope.checkpoint.AnnouncedCheckpoints;
import io.diffuscope.checkpoint.Announcement;
import io.diffuscope.checkpoint.Sighting;
import io.diffuscope.checkpoint.StepUnit;
import io.diffuscope.run.EvaluationException;
import io.diffuscope.run.RunState;
import io.diffuscope.run.SharedParts;
import io.diffuscope.run.SourceNews;
import io.diffuscope.run.TrainingRun;
import io.diffuscope.tensorfile.BadInputException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * One run of a monitor and its source of checkpoints: sightings become messages to the {@link
 * TrainingRun}, which is started at once or with the first checkpoint. What it cannot go on without
 * is told to its owner.
 */
final class RunSupervisor extends AbstractOnMessageBehavior<RunSupervisor.Command> {
  /** Stays within the process. */
  sealed interface Command extends NoSerializationVerificationNeeded {}

  /** The training is over: end once everything written before now was dealt with. */
  record EndWhenListed(Monitor.TrainingEnded ended) implements Command {}

  /** No more checkpoints come: deal with those that were found, then end. */
  record EndNow(String cause) implements Command {}

  /** The run has ended: nothing more is looked for. */
  record Over() implements Command {}

  /** Asks for the run's state. */
  record GetState(ActorRef<RunState> replyTo) implements Command {}

  /** The training job announces a checkpoint of this run. */
  record Announce(Announcement announcement, ActorRef<Monitor.Announced> replyTo)
      implements Command {}

  private record Tick() implements Command {}

  private record Seen(Sighting sighting) implements Command {}

  private record CannotPrepare(TrainingRun.Unprepared cause) implements Command {}

  private record SourceCompleted(@Nullable Throwable failure) implements Command {}

  /**
   * Told to the owner.
   *
   * @param id of the run
   * @param isOver whether the run is gone; otherwise only its source is, and what was found can
   *     still be evaluated
   */
  record Failed(String id, Throwable cause, boolean isOver)
      implements NoSerializationVerificationNeeded {}

  /** Told to the owner: the run has nothing that could end, because it never had a checkpoint. */
  record NothingToEnd(String id) implements NoSerializationVerificationNeeded {}

  private static final Duration TICK = Duration.ofSeconds(1);

  private final MonitoredRun plan;
  private final SharedParts shared;
  private final ActorRef<Failed> owner;
  private final ActorRef<NothingToEnd> ends;
  private @Nullable ActorRef<TrainingRun.Command> run;
  private final EndWatch end;
  private final SilenceWatch silence;
  private final boolean once;
  private boolean ticking;
  private boolean isEnding;
  private boolean toldUnmatched;

  /** Whether the run was told that its source does not answer. */
  private boolean isOut;

  private @Nullable KillSwitch source;

  private RunSupervisor(
      ActorContext<Command> context,
      MonitoredRun plan,
      SharedParts shared,
      ActorRef<Failed> owner,
      ActorRef<NothingToEnd> ends) {
    super(context);
    this.plan = plan;
    this.shared = shared;
    this.owner = owner;
    this.ends = ends;
    this.once = plan.settings().ending().once();
    this.end = new EndWatch(plan.settings().ending(), Instant.now());
    this.silence = new SilenceWatch(plan.source().longestSilence(), Instant.now());
  }

  /**
   * A run.
   *
   * @param atOnce whether it is prepared now; otherwise with its first checkpoint
   */
  static Behavior<Command> create(
      MonitoredRun plan,
      SharedParts shared,
      boolean atOnce,
      ActorRef<Failed> owner,
      ActorRef<NothingToEnd> ends) {
    return Behaviors.setup(
        context -> {
          RunSupervisor supervisor = new RunSupervisor(context, plan, shared, owner, ends);
          if (atOnce) {
            supervisor.started();
          }
          supervisor.subscribe();
          return supervisor;
        });
  }

  /** The run, which is started if it was not. */
  private ActorRef<TrainingRun.Command> started() {
    ActorRef<TrainingRun.Command> known = run;
    if (known == null) {
      ActorContext<Command> context = getContext();
      known =
          context.spawn(
              TrainingRun.create(
                  plan.settings(),
                  shared,
                  plan.place(),
                  InstantSource.system(),
                  context.messageAdapter(TrainingRun.Unprepared.class, CannotPrepare::new)),
              "training-run",
              // It reads its journal, and writes evidence.
              DispatcherSelector.blocking());
      context.watch(known);
      run = known;
    }
    return known;
  }

  private void subscribe() {
    ActorRef<Command> self = getContext().getSelf();
    Pair<UniqueKillSwitch, CompletionStage<Done>> running =
        plan.source()
            .sightings()
            .viaMat(KillSwitches.single(), Keep.right())
            .toMat(Sink.foreach(sighting -> self.tell(new Seen(sighting))), Keep.both())
            .run(Materializer.createMaterializer(getContext()));
    source = running.first();
    tickLater();
    getContext().pipeToSelf(running.second(), (done, failure) -> new SourceCompleted(failure));
  }

  @Override
  public Behavior<Command> onMessage(Command message) {
    switch (message) {
      case Seen m -> heard(m.sighting);
      case CannotPrepare m -> {
        return fail(new EvaluationException(m.cause.reason(), m.cause.message()));
      }
      case SourceCompleted m -> completed(m.failure);
      case EndWhenListed m -> {
        end.trainingOver(m.ended.cause(), m.ended.at());
        tickLater();
      }
      case Tick m -> {
        ticking = false;
        Instant now = Instant.now();
        if (source != null) {
          silence.tick(now).ifPresent(this::seen);
        }
        carryOut(end.tick(now));
        tickLater();
      }
      case EndNow m -> end(m.cause, Instant.now());
      case Over m -> closeSource();
      case Announce m -> announce(m);
      case GetState m -> {
        if (run == null) {
          m.replyTo.tell(RunState.EMPTY);
        } else {
          run.tell(new TrainingRun.GetState(m.replyTo));
        }
      }
    }
    return this;
  }

  private void announce(Announce asked) {
    AnnouncedCheckpoints announced = plan.announced();
    if (announced == null) {
      asked.replyTo.tell(
          Monitor.Announced.refused(
              Announcement.Refusal.FORBIDDEN,
              "the run %s takes no announcements".formatted(plan.settings().id())));
    } else {
      announced
          .announce(asked.announcement)
          .thenAccept(outcome -> asked.replyTo.tell(new Monitor.Announced(outcome)));
    }
  }

  private void completed(@Nullable Throwable failure) {
    if (failure == null) {
      end("all checkpoints were given", Instant.now());
    } else {
      getContext().getLog().error("the source of checkpoints failed", failure);
      tellFailure(
          new IllegalStateException("the source of checkpoints failed: " + failure, failure),
          false);
    }
  }

  /**
   * A run that never had a checkpoint has nothing to end. While what was found is dealt with, the
   * source goes on for as long as that may take: a job may write one more file than it promised.
   */
  private void end(String cause, Instant overAt) {
    if (isEnding) {
      return;
    }
    isEnding = true;
    boolean isBounded = plan.settings().ending().drainTimeout() != null;
    if (run == null || !isBounded || once) {
      closeSource();
    }
    if (run == null) {
      ends.tell(new NothingToEnd(plan.settings().id()));
    } else {
      run.tell(new TrainingRun.SourceEnded(cause, overAt));
    }
  }

  /** Who announces a checkpoint is told that the run is over. */
  private void closeSource() {
    KillSwitch open = source;
    if (open != null) {
      source = null;
      open.shutdown();
    }
  }

  private void heard(Sighting sighting) {
    silence.observe(sighting, Instant.now()).ifPresent(this::seen);
    seen(sighting);
  }

  private void seen(Sighting sighting) {
    switch (sighting) {
      case Sighting.Settled s ->
          started().tell(new TrainingRun.Found(s.checkpoint(), s.passedOverAs()));
      case Sighting.PassedOver s ->
          started().tell(new TrainingRun.PassedOver(s.path(), s.reason().label(), s.message()));
      case Sighting.Recognised s -> tellNews(false, s.message(), s.stepUnit());
      case Sighting.Problem s -> tellNews(true, once ? onceMessage(s) : s.message(), null);
      case Sighting.Recovered s -> tellNews(false, s.message(), null);
      case Sighting.TrainingOver s -> {}
      case Sighting.Listed s -> tellUnmatched(s.unmatched());
    }
    tellWhetherOut(sighting);
    carryOut(end.observe(sighting, Instant.now()));
    tickLater();
  }

  /** What is seen, if only because it was announced, can be read. */
  private void tellWhetherOut(Sighting sighting) {
    boolean out =
        switch (sighting) {
          case Sighting.Problem s -> true;
          case Sighting.Settled s -> false;
          case Sighting.Recovered s -> false;
          case Sighting.Listed s -> false;
          case Sighting.PassedOver s -> isOut;
          case Sighting.Recognised s -> isOut;
          case Sighting.TrainingOver s -> isOut;
        };
    if (out != isOut && run != null) {
      isOut = out;
      run.tell(new TrainingRun.SourceOut(out));
    }
  }

  /** With "once" a problem is waited for, but not for ever. */
  private static String onceMessage(Sighting.Problem problem) {
    return "%s; looking again for %d s (--once)"
        .formatted(problem.cause(), EndWatch.ONCE_PATIENCE.toSeconds());
  }

  /** What looks like checkpoints ends the run, and is told by that. */
  private void tellUnmatched(Sighting.@Nullable Unmatched unmatched) {
    if (unmatched == null || source == null) {
      return;
    }
    if (once && !unmatched.looksLikeCheckpoints()) {
      tellNews(false, unmatched.message(), null);
    } else if (!once && unmatched.looksLikeCheckpoints() && !toldUnmatched) {
      // A training that has just begun may write such names before they become checkpoints.
      toldUnmatched = true;
      tellNews(false, unmatched.message(), null);
    }
  }

  private void tickLater() {
    boolean watching = silence.isWatching() && source != null;
    if (!ticking && (watching || end.needsTicks())) {
      ticking = true;
      getContext().scheduleOnce(TICK, getContext().getSelf(), new Tick());
    }
  }

  private void carryOut(EndWatch.@Nullable Outcome outcome) {
    switch (outcome) {
      case EndWatch.Outcome.Ends ends -> end(ends.cause(), ends.overAt());
      case EndWatch.Outcome.CannotSee hidden ->
          tellFailure(
              new EvaluationException(
                  BadInputException.Reason.UNREADABLE.label(), hidden.message()),
              false);
      case EndWatch.Outcome.NothingMatches strange ->
          tellFailure(
              new EvaluationException(
                  BadInputException.Reason.UNSUPPORTED.label(), strange.message()),
              false);
      case null -> {}
    }
  }

  private void tellNews(boolean problem, String message, @Nullable StepUnit stepUnit) {
    SourceNews news = new SourceNews(plan.settings().id(), problem, message, stepUnit);
    getContext().getSystem().eventStream().tell(new EventStream.Publish<>(news));
  }

  @Override
  public Behavior<Command> onSignal(Signal signal) {
    return switch (signal) {
      case ChildFailed failed -> fail(failed.cause());
      case Terminated gone ->
          fail(new IllegalStateException("run %s stopped".formatted(plan.settings().id())));
      default -> this;
    };
  }

  /** The source and the run end with their supervisor. */
  private Behavior<Command> fail(Throwable cause) {
    tellFailure(cause, true);
    return Behaviors.stopped();
  }

  private void tellFailure(Throwable cause, boolean isOver) {
    owner.tell(new Failed(plan.settings().id(), cause, isOver));
  }
}
