package io.diffuscope.run;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.Signal;
import akka.actor.typed.Terminated;
import akka.actor.typed.javadsl.AbstractOnMessageBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.TimerScheduler;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Hands the device to the runs that share it, one evaluation at a time, within a budget: a thin
 * shell around {@link DeviceBudget}. A run that dies gives its turn back. Who waits is told how
 * long the device rests.
 */
public final class DeviceTurns extends AbstractOnMessageBehavior<DeviceTurns.Command> {
  /** What it understands. */
  public sealed interface Command extends CborSerializable {}

  /** A run has something to evaluate; it is told {@link TrainingRun.TurnGranted} in its turn. */
  public record Ask(ActorRef<TrainingRun.Command> run) implements Command {}

  /** A run is done with its turn, or needs none any more. */
  public record Done(ActorRef<TrainingRun.Command> run) implements Command {}

  /** The rest is over. */
  private record Rested() implements Command {}

  private final DeviceBudget<ActorRef<TrainingRun.Command>> budget;
  private final TimerScheduler<Command> timers;
  private final LongSupplier nanoseconds;

  /** By path: the reference that a death is told with is of another type. */
  private final Map<String, ActorRef<TrainingRun.Command>> known = new HashMap<>();

  private static final Duration LONGEST = Duration.ofDays(1);

  private DeviceTurns(
      ActorContext<Command> context,
      TimerScheduler<Command> timers,
      double share,
      LongSupplier nanoseconds) {
    super(context);
    this.timers = timers;
    this.budget = new DeviceBudget<>(share);
    this.nanoseconds = nanoseconds;
  }

  /**
   * Turns on a device.
   *
   * @param share of the device's time, above 0 and at most 1
   */
  public static Behavior<Command> create(double share) {
    // Not the time of day, which may be set back: evaluation would rest for as long.
    return create(share, System::nanoTime);
  }

  /** Turns by another clock. */
  static Behavior<Command> create(double share, LongSupplier nanoseconds) {
    return Behaviors.setup(
        context ->
            Behaviors.withTimers(timers -> new DeviceTurns(context, timers, share, nanoseconds)));
  }

  @Override
  public Behavior<Command> onMessage(Command message) {
    ActorRef<TrainingRun.Command> newcomer = null;
    switch (message) {
      case Ask ask -> {
        newcomer = ask.run;
        if (known.putIfAbsent(ask.run.path().toString(), ask.run) == null) {
          getContext().watch(ask.run);
        }
        budget.ask(ask.run);
      }
      case Done done -> budget.done(done.run, nanoseconds.getAsLong());
      case Rested rested -> {}
    }
    grant(newcomer);
    return this;
  }

  /**
   * Begins the next turn, or the rest before it.
   *
   * @param newcomer the one who has just asked, whom alone a rest is told to; null: all who wait
   */
  private void grant(@Nullable ActorRef<TrainingRun.Command> newcomer) {
    long now = nanoseconds.getAsLong();
    ActorRef<TrainingRun.Command> next = budget.grant(now);
    if (next != null) {
      next.tell(new TrainingRun.TurnGranted());
    } else if (budget.isResting(now)) {
      Duration left = Duration.ofNanos(budget.restLeft(now));
      // The scheduler takes no delay of years; a turn that comes too early rests on.
      timers.startSingleTimer(new Rested(), left.compareTo(LONGEST) < 0 ? left : LONGEST);
      (newcomer == null ? budget.waiting() : List.of(newcomer))
          .forEach(run -> run.tell(new TrainingRun.TurnAfterRest(left)));
    }
  }

  @Override
  public Behavior<Command> onSignal(Signal signal) {
    if (signal instanceof Terminated terminated) {
      ActorRef<TrainingRun.Command> gone = known.remove(terminated.getRef().path().toString());
      if (gone != null) {
        budget.done(gone, nanoseconds.getAsLong());
        grant(null);
      }
    }
    return this;
  }
}
