package io.diffuscope.run;

import akka.actor.NoSerializationVerificationNeeded;
import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.DispatcherSelector;
import akka.actor.typed.PostStop;
import akka.actor.typed.PreRestart;
import akka.actor.typed.Signal;
import akka.actor.typed.SupervisorStrategy;
import akka.actor.typed.eventstream.EventStream;
import akka.actor.typed.javadsl.AbstractOnMessageBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.checkpoint.CheckpointFiles;
import io.diffuscope.model.Devices;
import io.diffuscope.sampling.Probe;
import io.diffuscope.sampling.ProbeDevice;
import io.diffuscope.sampling.ProbeSpec;
import io.diffuscope.sampling.SetGeometry;
import io.diffuscope.sampling.Task;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.NoSuchFileException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The owner of a device: all tensor work of the device happens on this actor's pinned thread. It
 * fetches units from the {@link WorkQueue}; between two pieces of a unit it looks at its mailbox
 * and at the unit's deadline, past which nobody waits for the outcome.
 */
public final class Sampler extends AbstractOnMessageBehavior<Sampler.Command> {
  /** What a sampler understands. */
  public sealed interface Command extends CborSerializable {}

  /**
   * A unit of work.
   *
   * @param attempt 1, or more after other samplers died on it
   * @param deadline when it is given up
   */
  public record Perform(long id, int attempt, Instant deadline, ProbeSpec probe, WorkUnit unit)
      implements Command {}

  /** To itself, after a piece of work. */
  private enum Proceed implements Command, NoSerializationVerificationNeeded {
    INSTANCE
  }

  /** A unit under way. */
  private record Job(Perform perform, Task<? extends WorkOutcome> task) {
    long id() {
      return perform.id;
    }
  }

  private static final Duration BETWEEN_NEWS = Duration.ofSeconds(1);

  private final ActorRef<WorkQueue.Command> queue;
  private final InstantSource clock;
  private @Nullable ProbeSpec loadedSpec;
  private @Nullable ProbeDevice device;
  private @Nullable Job job;
  private Instant told = Instant.MIN;

  private Sampler(
      ActorContext<Command> context, ActorRef<WorkQueue.Command> queue, InstantSource clock) {
    super(context);
    this.queue = queue;
    this.clock = clock;
    queue.tell(new WorkQueue.Ready(context.getSelf()));
  }

  /** A sampler that works for a queue; it must be spawned with {@link #dispatcher()}. */
  public static Behavior<Command> create(ActorRef<WorkQueue.Command> queue) {
    return create(queue, InstantSource.system());
  }

  /** A sampler that looks at this clock for deadlines. */
  static Behavior<Command> create(ActorRef<WorkQueue.Command> queue, InstantSource clock) {
    return Behaviors.<Command>supervise(
            Behaviors.setup(context -> new Sampler(context, queue, clock)))
        .onFailure(SupervisorStrategy.stop());
  }

  /** One thread for one sampler, for good: the engine keeps state by thread. */
  public static DispatcherSelector dispatcher() {
    return DispatcherSelector.fromConfig("diffuscope.sampler-dispatcher");
  }

  @Override
  public Behavior<Command> onMessage(Command message) {
    switch (message) {
      case Perform perform -> guarded(perform, () -> begin(perform));
      case Proceed proceed -> {
        Job current = job;
        if (current != null) {
          guarded(current.perform, () -> proceed(current));
        }
      }
    }
    return this;
  }

  /** Something that may find bad input, or fail in the engine. */
  private interface Action {
    void run() throws BadInputException;
  }

  private void guarded(Perform perform, Action action) {
    long id = perform.id;
    try {
      action.run();
    } catch (BadInputException e) {
      report(id, failed(perform.unit, e.reason(), e));
    } catch (UncheckedIOException e) {
      report(id, failed(perform.unit, Reason.UNREADABLE, e));
    } catch (RuntimeException e) {
      // Whatever the engine was in the middle of, the next unit starts from a clean device.
      getContext().getLog().error("the tensor engine failed; the device is set up anew", e);
      closeDevice();
      report(
          id,
          new WorkOutcome.Failed(
              FailureReason.ENGINE.label(),
              "the tensor engine failed: %s".formatted(firstLine(e))));
    }
  }

  /** People know the checkpoint, and nothing of the hold that it is read from. */
  private static WorkOutcome.Failed failed(WorkUnit unit, Reason reason, Exception failure) {
    Checkpoint checkpoint = unit.measured();
    String message = String.valueOf(failure.getMessage());
    return new WorkOutcome.Failed(
        reason.label(), checkpoint == null ? message : checkpoint.inItsOwnWords(message));
  }

  private static String firstLine(Throwable e) {
    return e.toString().lines().findFirst().orElse("no message");
  }

  private void begin(Perform perform) throws BadInputException {
    if (perform.attempt > 1) {
      getContext().getLog().info("attempt {} at {}", perform.attempt, perform.unit.describe());
    }
    told = clock.instant();
    ProbeDevice ready = deviceFor(perform.probe);
    if (perform.unit.needsGeometry() && !findGeometry(ready, perform)) {
      giveUp(perform);
      return;
    }
    job = new Job(perform, task(ready, perform.unit));
    getContext().getSelf().tell(Proceed.INSTANCE);
  }

  private Task<? extends WorkOutcome> task(ProbeDevice ready, WorkUnit work)
      throws BadInputException {
    return switch (work) {
      case WorkUnit.FindGeometry unit ->
          ready.geometry().map(found -> new WorkOutcome.GeometryFound(found.summary()));
      case WorkUnit.ReferenceFlow unit ->
          ready.referenceBlock(unit.reference(), unit.block()).map(WorkOutcome.EndpointsKept::new);
      case WorkUnit.ComparisonBlock unit ->
          ready
              .compare(unit.compared(), unit.block())
              .map(found -> new WorkOutcome.Observed(found, null));
      case WorkUnit unit -> {
        useCheckpoint(ready, Objects.requireNonNull(unit.measured()));
        // Beside observations of a checkpoint goes what was read of it.
        WeightsUsed weights = WeightsUsed.of(ready.weightsChoice(), ready.ignoredTensors());
        yield UnitTasks.observing(ready, unit)
            .map(found -> new WorkOutcome.Observed(found, weights));
      }
    };
  }

  private ProbeDevice deviceFor(ProbeSpec spec) throws BadInputException {
    ProbeDevice ready = device;
    if (ready == null || !spec.equals(loadedSpec)) {
      closeDevice();
      ready = ProbeDevice.load(Probe.open(spec), Devices.best());
      device = ready;
      loadedSpec = spec;
    }
    return ready;
  }

  /**
   * Loads a checkpoint and makes sure that the file is still the one that was found: a job that
   * writes the same name again would otherwise be measured under the old one's identity.
   */
  private void useCheckpoint(ProbeDevice ready, Checkpoint checkpoint) throws BadInputException {
    if (ready.isLoaded(checkpoint.identity())) {
      return;
    }
    verify(checkpoint);
    ready.useCheckpoint(checkpoint.identity(), checkpoint.readFrom());
    try {
      verify(checkpoint);
    } catch (BadInputException e) {
      ready.forgetCheckpoint();
      throw e;
    }
  }

  private static void verify(Checkpoint checkpoint) throws BadInputException {
    boolean current;
    try {
      current = CheckpointFiles.isCurrent(checkpoint);
    } catch (NoSuchFileException e) {
      throw new BadInputException(
          checkpoint.path(), Reason.VANISHED, "went away before it was measured", e);
    } catch (BadInputException e) {
      throw e;
    } catch (IOException e) {
      // A disk or store that does not answer has lost nothing.
      throw new BadInputException(
          checkpoint.path(), Reason.UNREADABLE, "cannot be looked at (%s)".formatted(e), e);
    }
    if (!current) {
      throw new BadInputException(
          checkpoint.file(), Reason.CHANGED, "was written again before it was measured");
    }
  }

  /**
   * Another sampler may have found the geometry; then it comes from the cache.
   *
   * @return false where the deadline came first
   */
  private boolean findGeometry(ProbeDevice ready, Perform perform) throws BadInputException {
    if (!ready.hasGeometry()) {
      try (Task<SetGeometry> task = ready.geometry()) {
        while (task.advance()) {
          if (isLate(perform)) {
            return false;
          }
        }
        ready.useGeometry(task.result());
      }
    }
    return true;
  }

  private boolean isLate(Perform perform) {
    return !clock.instant().isBefore(perform.deadline);
  }

  private void giveUp(Perform perform) {
    report(
        perform.id,
        new WorkOutcome.Failed(
            FailureReason.TIMEOUT.label(),
            "%s was given up at its deadline; raise diffuscope.device.unit-timeout, or lower"
                    .formatted(perform.unit.describe())
                + " diffuscope.batch-size"));
  }

  private void proceed(Job current) throws BadInputException {
    if (isLate(current.perform)) {
      giveUp(current.perform);
      return;
    }
    if (current.task.advance()) {
      tellHowFar(current);
      getContext().getSelf().tell(Proceed.INSTANCE);
      return;
    }
    report(current.id(), current.task.result());
  }

  /** Comparing large sets takes minutes to hours: those who wait are told once a second. */
  private void tellHowFar(Job current) {
    Instant now = clock.instant();
    if (now.isBefore(told.plus(BETWEEN_NEWS))
        || !(current.perform.unit instanceof WorkUnit.FindGeometry unit)) {
      return;
    }
    told = now;
    String run = unit.run();
    Task.Part part = current.task.part();
    if (run != null && part != null) {
      getContext()
          .getSystem()
          .eventStream()
          .tell(new EventStream.Publish<>(new PreparationProgress(run, part.text(), 0, 1)));
    }
  }

  private void report(long id, WorkOutcome outcome) {
    closeJob();
    queue.tell(new WorkQueue.Done(getContext().getSelf(), id, outcome));
  }

  private void closeJob() {
    if (job != null) {
      job.task.close();
      job = null;
    }
  }

  private void closeDevice() {
    closeJob();
    if (device != null) {
      device.close();
      device.probe().close();
      device = null;
      loadedSpec = null;
    }
  }

  @Override
  public Behavior<Command> onSignal(Signal signal) {
    if (signal instanceof PostStop || signal instanceof PreRestart) {
      closeDevice();
    }
    return this;
  }
}
