package io.diffuscope.run;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.Signal;
import akka.actor.typed.Terminated;
import akka.actor.typed.javadsl.AbstractOnMessageBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import io.diffuscope.sampling.ProbeSpec;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;

/**
 * Where samplers fetch their work. A sampler that is free says so and is given the oldest unit; one
 * that dies gives its unit back, with a higher attempt number, until {@value #MOST_ATTEMPTS} were
 * lost.
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

  private record Entry(long id, int attempt, Submit submit) {
    Entry again() {
      return new Entry(id, attempt + 1, submit);
    }
  }

  private final Deque<Entry> waiting = new ArrayDeque<>();
  private final Deque<ActorRef<Sampler.Command>> free = new ArrayDeque<>();
  private final Map<ActorRef<Sampler.Command>, Entry> running = new HashMap<>();
  private final InstantSource clock;
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
      case Submit submit -> waiting.add(new Entry(nextId++, 1, submit));
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
    while (!waiting.isEmpty() && !free.isEmpty()) {
      Entry entry = waiting.remove();
      if (!clock.instant().isBefore(entry.submit.deadline)) {
        getContext().getLog().warn("{} was not begun in time", entry.submit.unit.describe());
        continue;
      }
      ActorRef<Sampler.Command> sampler = free.remove();
      running.put(sampler, entry);
      sampler.tell(
          new Sampler.Perform(
              entry.id,
              entry.attempt,
              entry.submit.deadline,
              entry.submit.probe,
              entry.submit.unit));
    }
  }
}
