package io.diffuscope.cli;

import akka.NotUsed;
import akka.actor.NoSerializationVerificationNeeded;
import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.ChildFailed;
import akka.actor.typed.Signal;
import akka.actor.typed.Terminated;
import akka.actor.typed.javadsl.AbstractOnMessageBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.stream.Materializer;
import akka.stream.javadsl.Source;
import io.diffuscope.checkpoint.Sighting;
import io.diffuscope.publish.Publisher;
import io.diffuscope.publish.RunListener;
import io.diffuscope.run.EvaluationException;
import io.diffuscope.run.RunSettings;
import io.diffuscope.run.RunState;
import io.diffuscope.run.Sampler;
import io.diffuscope.run.TrainingRun;
import io.diffuscope.run.WorkQueue;
import io.diffuscope.sampling.Probe;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The guardian: queue, samplers, one run, its source of checkpoints and its publisher, wired
 * together.
 *
 * <p>A sampler that dies is replaced. A run that cannot be prepared, a source that fails and the
 * death of any other part end the monitor with their cause. The run starts once the publisher hears
 * it.
 */
final class Monitor extends AbstractOnMessageBehavior<Monitor.Command> {
  /** Stays within the process. */
  sealed interface Command extends NoSerializationVerificationNeeded {}

  /** The training is over: end once everything written before now was dealt with. */
  record TrainingEnded(String cause, Instant at) implements Command {}

  /** Asks for the run's state. */
  record GetState(ActorRef<RunState> replyTo) implements Command {}

  private record Seen(Sighting sighting) implements Command {}

  /** Nothing of the run is lost from here on. */
  private record Listening() implements Command {}

  private record CannotPrepare(TrainingRun.Unprepared cause) implements Command {}

  private record SourceCompleted(@Nullable Throwable failure) implements Command {}

  /**
   * What is monitored.
   *
   * @param source sightings of checkpoints; when it completes, the run ends
   * @param onFailure told the cause if the run cannot go on
   */
  record Plan(
      RunSettings settings,
      Probe probe,
      Source<Sighting, NotUsed> source,
      int samplers,
      List<RunListener> listeners,
      Consumer<Throwable> onFailure) {}

  private final Plan plan;
  private final ActorRef<WorkQueue.Command> queue;
  private final ActorRef<Publisher.Command> publisher;
  private @Nullable ActorRef<TrainingRun.Command> run;
  private int samplersMade;
  private @Nullable TrainingEnded trainingEnded;

  private Monitor(ActorContext<Command> context, Plan plan) {
    super(context);
    this.plan = plan;
    publisher =
        context.spawn(
            Publisher.create(
                plan.listeners,
                context.messageAdapter(Publisher.Subscribed.class, told -> new Listening())),
            "publisher");
    queue = context.spawn(WorkQueue.create(), "work-queue");
    context.watch(publisher);
    context.watch(queue);
    for (int i = 0; i < plan.samplers; i++) {
      spawnSampler();
    }
  }

  static Behavior<Command> create(Plan plan) {
    return Behaviors.setup(context -> new Monitor(context, plan));
  }

  private void spawnSampler() {
    ActorRef<Sampler.Command> sampler =
        getContext()
            .spawn(Sampler.create(queue), "sampler-" + ++samplersMade, Sampler.dispatcher());
    getContext().watch(sampler);
  }

  /** The run, once the publisher hears it; its source comes after it. */
  private void begin() {
    ActorContext<Command> context = getContext();
    ActorRef<TrainingRun.Command> started =
        context.spawn(
            TrainingRun.create(
                plan.settings,
                plan.probe,
                queue,
                InstantSource.system(),
                context.messageAdapter(TrainingRun.Unprepared.class, CannotPrepare::new)),
            "run-" + plan.settings.id());
    context.watch(started);
    run = started;
    subscribe();
  }

  private void tellRun(TrainingRun.Command message) {
    ActorRef<TrainingRun.Command> started = run;
    if (started == null) {
      throw new IllegalStateException("a message to the run before it was started: " + message);
    }
    started.tell(message);
  }

  private void subscribe() {
    ActorRef<Command> self = getContext().getSelf();
    getContext()
        .pipeToSelf(
            plan.source.runForeach(
                sighting -> self.tell(new Seen(sighting)),
                Materializer.createMaterializer(getContext())),
            (done, failure) -> new SourceCompleted(failure));
  }

  @Override
  public Behavior<Command> onMessage(Command message) {
    switch (message) {
      case Seen m -> seen(m.sighting);
      case Listening m -> begin();
      case CannotPrepare m ->
          plan.onFailure.accept(new EvaluationException(m.cause.reason(), m.cause.message()));
      case SourceCompleted m -> {
        Throwable failure = m.failure;
        if (failure == null) {
          tellRun(new TrainingRun.SourceEnded("all checkpoints were given"));
        } else {
          getContext().getLog().error("the source of checkpoints failed", failure);
          plan.onFailure.accept(
              new IllegalStateException("the source of checkpoints failed: " + failure, failure));
        }
      }
      case TrainingEnded m -> trainingEnded = m;
      case GetState m -> {
        if (run == null) {
          m.replyTo.tell(RunState.EMPTY);
        } else {
          tellRun(new TrainingRun.GetState(m.replyTo));
        }
      }
    }
    return this;
  }

  private void seen(Sighting sighting) {
    switch (sighting) {
      case Sighting.Settled s -> tellRun(new TrainingRun.Found(s.checkpoint()));
      case Sighting.PassedOver s ->
          tellRun(new TrainingRun.PassedOver(s.path(), s.reason().label(), s.message()));
      case Sighting.Recognised s -> getContext().getLog().info("{}", s.message());
      case Sighting.Problem s -> getContext().getLog().warn("{}", s.message());
      case Sighting.Recovered s -> getContext().getLog().info("{}", s.message());
      case Sighting.Listed s -> {
        TrainingEnded ended = trainingEnded;
        if (ended != null && s.pending() == 0 && s.listedAt().isAfter(ended.at)) {
          tellRun(new TrainingRun.SourceEnded(ended.cause));
          trainingEnded = null;
        }
      }
    }
  }

  @Override
  public Behavior<Command> onSignal(Signal signal) {
    if (signal instanceof Terminated terminated) {
      ActorRef<Void> gone = terminated.getRef();
      if (isIndispensable(gone)) {
        plan.onFailure.accept(
            signal instanceof ChildFailed failed
                ? failed.cause()
                : new IllegalStateException("%s stopped".formatted(gone.path().name())));
      } else {
        getContext().getLog().error("{} died and is replaced", gone.path().name());
        spawnSampler();
      }
    }
    return this;
  }

  /** Samplers can be replaced; what the others held cannot. */
  private boolean isIndispensable(ActorRef<?> gone) {
    return gone.path().equals(publisher.path())
        || gone.path().equals(queue.path())
        || (run != null && gone.path().equals(run.path()));
  }
}
