package io.diffuscope.run;

import akka.actor.NoSerializationVerificationNeeded;
import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.PreRestart;
import akka.actor.typed.SupervisorStrategy;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.persistence.typed.PersistenceId;
import akka.persistence.typed.RecoveryCompleted;
import akka.persistence.typed.RecoveryFailed;
import akka.persistence.typed.SnapshotFailed;
import akka.persistence.typed.javadsl.CommandHandler;
import akka.persistence.typed.javadsl.Effect;
import akka.persistence.typed.javadsl.EventHandler;
import akka.persistence.typed.javadsl.EventSourcedBehavior;
import akka.persistence.typed.javadsl.RetentionCriteria;
import akka.persistence.typed.javadsl.SignalHandler;
import io.diffuscope.detect.DetectorSettings;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The memory of a run, event-sourced: it decides by {@link RunDecisions}, keeps the events, and
 * tells them to its owner once they are on the disk. Its owner waits for each answer before it asks
 * again.
 *
 * <p>Where the journal cannot be written, the same decision is tried again and again, with longer
 * and longer breaks: nothing is told that is not kept, and nothing that was asked is lost.
 *
 * <p>That a program was started, and ended with nothing new, is not worth an event: such events
 * wait in memory for the first one that is. So a monitor that is called every few minutes leaves no
 * trail of nothings.
 */
final class RunEntity extends EventSourcedBehavior<RunEntity.Command, RunEvent, RunState> {
  /** What it understands; stays within the process. */
  sealed interface Command extends NoSerializationVerificationNeeded {}

  /** Asks for what a command leads to, by the rules as they are now. */
  record Decide(RunDecisions decisions, RunDecisions.Command command) implements Command {}

  /** What it tells its owner; stays within the process. */
  sealed interface Answer extends NoSerializationVerificationNeeded {}

  /** What was kept is known: the state with which the run goes on. Told once, first of all. */
  record Recovered(RunState state) implements Answer {}

  /** What a command led to; all of it is kept. */
  record Decided(RunDecisions.Command command, List<RunEvent> events, RunState state)
      implements Answer {}

  /** What was kept cannot be read, and the run has not begun. */
  record CannotRecover(Throwable cause) implements Answer {}

  /** A decision cannot be kept now, or it is not known whether it was; it is tried again. */
  record CannotKeep(@Nullable String cause) implements Answer {}

  /** Changes whenever what {@link RunDecisions#apply} makes of the same events does. */
  private static final int RULES = 2;

  private static final int SNAPSHOT_EVERY = 200;
  private static final int SNAPSHOTS_KEPT = 2;
  private static final Duration FIRST_RETRY = Duration.ofMillis(500);
  private static final Duration LAST_RETRY = Duration.ofSeconds(15);
  private static final double SPREAD = .2;

  /** What is being kept, and the number of its last event. */
  private record Attempt(Decide asked, List<RunEvent> events, long last) {}

  private final ActorContext<Command> context;
  private final RunDecisions decisions;
  private final InstantSource clock;
  private final ActorRef<? super Answer> owner;

  /** Told, and kept with the first event that is worth it. */
  private final List<RunEvent> uneventful = new ArrayList<>();

  private @Nullable Attempt attempt;
  private boolean recovered;
  private boolean hadEnded;

  /** Whether something happened since the start that is worth an event. */
  private boolean eventful;

  private RunEntity(
      ActorContext<Command> context,
      SeriesId series,
      RunSettings settings,
      InstantSource clock,
      ActorRef<? super Answer> owner) {
    super(
        PersistenceId.ofUniqueId(series.persistenceId()),
        // The owner tells of it, once and in words.
        SupervisorStrategy.restartWithBackoff(FIRST_RETRY, LAST_RETRY, SPREAD)
            .withLoggingEnabled(false));
    this.context = context;
    this.decisions = new RunDecisions(settings);
    this.clock = clock;
    this.owner = owner;
  }

  /**
   * The memory of a run.
   *
   * @param owner told everything, in order
   */
  static Behavior<Command> create(
      SeriesId series, RunSettings settings, InstantSource clock, ActorRef<? super Answer> owner) {
    return Behaviors.setup(context -> new RunEntity(context, series, settings, clock, owner));
  }

  /** What its state is made by besides events: that of other rules must be made anew. */
  static String rules(DetectorSettings detectors) {
    return "%d %s".formatted(RULES, detectors);
  }

  @Override
  public RunState emptyState() {
    return RunState.EMPTY;
  }

  @Override
  public CommandHandler<Command, RunEvent, RunState> commandHandler() {
    return newCommandHandlerBuilder().forAnyState().onCommand(Decide.class, this::decide).build();
  }

  @Override
  public EventHandler<RunState, RunEvent> eventHandler() {
    return decisions::apply;
  }

  private Effect<RunEvent, RunState> decide(RunState kept, Decide asked) {
    RunState state = withUneventful(kept);
    List<RunEvent> events = asked.decisions.decide(state, asked.command, clock.instant());
    eventful |= !events.stream().allMatch(this::isUneventful);
    if (!eventful || events.isEmpty()) {
      uneventful.addAll(events);
      return Effect()
          .none()
          .thenRun(same -> owner.tell(new Decided(asked.command, events, withUneventful(kept))));
    }
    List<RunEvent> all = new ArrayList<>(uneventful);
    all.addAll(events);
    attempt = new Attempt(asked, events, lastSequenceNumber(context) + all.size());
    return Effect().persist(all).thenRun(now -> kept(asked, events, now));
  }

  private void kept(Decide asked, List<RunEvent> events, RunState now) {
    attempt = null;
    uneventful.clear();
    owner.tell(new Decided(asked.command, events, now));
  }

  private RunState withUneventful(RunState kept) {
    RunState state = kept;
    for (RunEvent event : uneventful) {
      state = decisions.apply(state, event);
    }
    return state;
  }

  private boolean isUneventful(RunEvent event) {
    return switch (event) {
      case RunEvent.RunResumed e -> true;
      case RunEvent.RunStarted e -> true;
      case RunEvent.RunEnded e -> hadEnded;
      default -> false;
    };
  }

  @Override
  public SignalHandler<RunState> signalHandler() {
    return newSignalHandlerBuilder()
        .onSignal(RecoveryCompleted.instance(), this::recovered)
        .onSignal(RecoveryFailed.class, (state, failed) -> cannot(failed.getFailure()))
        .onSignal(
            SnapshotFailed.class,
            (state, failed) -> context.getLog().debug("no snapshot was taken", failed.getFailure()))
        .onSignal(PreRestart.class, (state, restart) -> owner.tell(new CannotKeep(null)))
        .build();
  }

  private void cannot(Throwable cause) {
    owner.tell(recovered ? new CannotKeep(String.valueOf(cause)) : new CannotRecover(cause));
  }

  private void recovered(RunState state) {
    Attempt failed = attempt;
    if (!recovered) {
      recovered = true;
      hadEnded = state.ended();
      owner.tell(new Recovered(state));
    } else if (failed != null && lastSequenceNumber(context) >= failed.last) {
      // It was kept all the same; only the answer was lost.
      kept(failed.asked, failed.events, state);
    } else if (failed != null) {
      context.getSelf().tell(failed.asked);
    }
  }

  @Override
  public RetentionCriteria retentionCriteria() {
    return RetentionCriteria.snapshotEvery(SNAPSHOT_EVERY, SNAPSHOTS_KEPT);
  }
}
