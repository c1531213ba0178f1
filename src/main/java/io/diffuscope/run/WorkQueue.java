package io.diffuscope.run;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.Signal;
import akka.actor.typed.Terminated;
import akka.actor.typed.javadsl.AbstractOnMessageBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.sampling.ProbeSpec;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Where samplers fetch their work. A sampler that is free says so and is given a unit; one that
 * dies gives its unit back, with a higher attempt number, until {@value #MOST_ATTEMPTS} were lost.
 *
 * <p>A sampler is given the oldest unit of the checkpoint whose weights it has, so that several
 * runs that evaluate at once do not swap them for every block; and the oldest unit of all where
 * there is none, where that one was overtaken {@value #MOST_OVERTAKINGS} times, or where half of
 * its time is over. So nobody starves.
 *
 * <p>Whoever asks waits until the unit's deadline and no longer, so a unit whose deadline has
 * passed is dropped: nobody would hear of it, and it would only delay those behind it. Deadlines
 * are wall clock times; the clocks of processes that share a queue must agree to much better than a
 * unit's time.
 *
 * <p>The queue stays short: an evaluation asks for a few units at a time and waits for their
 * outcomes.
 */
public final class WorkQueue extends AbstractOnMessageBehavior<WorkQueue.Command> {
  private static final int MOST_ATTEMPTS = 3;

  /** More than an evaluation has blocks by default, which then mostly ends before the next one. */
  static final int MOST_OVERTAKINGS = 64;

  /** What the queue understands. */
  public sealed interface Command extends CborSerializable {}

  /**
   * A unit to be done under a probe.
   *
   * @param deadline when nobody waits for it any longer
   * @param replyTo takes the outcome, if there is one in time
   */
  public record Submit(
      ProbeSpec probe, WorkUnit unit, Instant deadline, ActorRef<WorkOutcome> replyTo)
      implements Command {}

  /** A sampler is free. */
  public record Ready(ActorRef<Sampler.Command> sampler) implements Command {}

  /** A sampler is done with what it was given, and free again. */
  public record Done(ActorRef<Sampler.Command> sampler, long id, WorkOutcome outcome)
      implements Command {}

  /**
   * A unit and when it stops letting others overtake it.
   *
   * @param patientUntil half way to its deadline
   */
  private record Entry(long id, int attempt, Instant patientUntil, Submit submit) {
    Entry again() {
      return new Entry(id, attempt + 1, patientUntil, submit);
    }

    @Nullable String checkpoint() {
      Checkpoint checkpoint = submit.unit.measured();
      return checkpoint == null ? null : checkpoint.identity();
    }
  }

  private record Match(Entry entry, ActorRef<Sampler.Command> sampler) {}

  private final Deque<Entry> waiting = new ArrayDeque<>();
  private final Deque<ActorRef<Sampler.Command>> free = new ArrayDeque<>();
  private final Map<ActorRef<Sampler.Command>, Entry> running = new HashMap<>();

  /** Identity of the checkpoint that each sampler measured last. */
  private final Map<ActorRef<Sampler.Command>, String> loaded = new HashMap<>();

  private final InstantSource clock;
  private int overtakings;
  private long nextId;

  private WorkQueue(ActorContext<Command> context, InstantSource clock) {
    super(context);
    this.clock = clock;
  }

  /** A queue by the system's clock. */
  public static Behavior<Command> create() {
    return create(InstantSource.system());
  }

  /** A queue that looks at this clock for deadlines. */
  static Behavior<Command> create(InstantSource clock) {
    return Behaviors.setup(context -> new WorkQueue(context, clock));
  }

  @Override
  public Behavior<Command> onMessage(Command message) {
    switch (message) {
      case Submit submit -> {
        Instant now = clock.instant();
        Instant patientUntil = now.plus(Duration.between(now, submit.deadline).dividedBy(2));
        waiting.add(new Entry(nextId++, 1, patientUntil, submit));
      }
      case Ready ready -> {
        getContext().watch(ready.sampler);
        free.add(ready.sampler);
      }
      case Done done -> {
        Entry entry = running.get(done.sampler);
        // Anything else is news of a unit that was given to another since.
        if (entry != null && entry.id == done.id) {
          running.remove(done.sampler);
          entry.submit.replyTo.tell(done.outcome);
          free.add(done.sampler);
        }
      }
    }
    handOut();
    return this;
  }

  @Override
  public Behavior<Command> onSignal(Signal signal) {
    if (signal instanceof Terminated terminated) {
      ActorRef<Void> gone = terminated.getRef();
      free.removeIf(sampler -> sampler.path().equals(gone.path()));
      loaded.keySet().removeIf(sampler -> sampler.path().equals(gone.path()));
      running.keySet().stream()
          .filter(sampler -> sampler.path().equals(gone.path()))
          .findFirst()
          .map(running::remove)
          .ifPresent(this::lost);
      handOut();
    }
    return this;
  }

  private void lost(Entry entry) {
    String unit = entry.submit.unit.describe();
    if (entry.attempt < MOST_ATTEMPTS) {
      getContext().getLog().warn("a sampler died on {}: the work is given out again", unit);
      waiting.addFirst(entry.again());
    } else {
      entry.submit.replyTo.tell(
          new WorkOutcome.Failed(
              FailureReason.SAMPLER_LOST.label(),
              "%d samplers died on %s".formatted(MOST_ATTEMPTS, unit)));
    }
  }

  private void handOut() {
    Instant now = clock.instant();
    dropLate(now);
    while (!waiting.isEmpty() && !free.isEmpty()) {
      Match match = match(now);
      Entry entry = match.entry;
      overtakings = entry.equals(waiting.peek()) ? 0 : overtakings + 1;
      waiting.remove(entry);
      free.remove(match.sampler);
      running.put(match.sampler, entry);
      String checkpoint = entry.checkpoint();
      if (checkpoint != null) {
        loaded.put(match.sampler, checkpoint);
      }
      match.sampler.tell(
          new Sampler.Perform(
              entry.id,
              entry.attempt,
              entry.submit.deadline,
              entry.submit.probe,
              entry.submit.unit));
    }
  }

  private void dropLate(Instant now) {
    waiting.removeIf(
        entry -> {
          boolean late = !now.isBefore(entry.submit.deadline);
          if (late) {
            getContext().getLog().warn("{} was not begun in time", entry.submit.unit.describe());
          }
          return late;
        });
  }

  /** The oldest unit that may go to a free sampler which has its weights, or else the oldest. */
  private Match match(Instant now) {
    Entry oldest = waiting.element();
    // Work on the references needs no weights: there is nothing to gain by overtaking it.
    boolean patient =
        oldest.checkpoint() != null
            && overtakings < MOST_OVERTAKINGS
            && now.isBefore(oldest.patientUntil);
    for (Entry entry : patient ? waiting : List.of(oldest)) {
      String checkpoint = entry.checkpoint();
      for (ActorRef<Sampler.Command> sampler : free) {
        if (checkpoint != null && checkpoint.equals(loaded.get(sampler))) {
          return new Match(entry, sampler);
        }
      }
    }
    return new Match(oldest, free.element());
  }
}
