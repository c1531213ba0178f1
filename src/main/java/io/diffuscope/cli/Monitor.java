package io.diffuscope.cli;

import akka.NotUsed;
import akka.actor.NoSerializationVerificationNeeded;
import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.ChildFailed;
import akka.actor.typed.Signal;
import akka.actor.typed.SupervisorStrategy;
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
 * <p>A sampler that dies is replaced. A run that cannot be prepared ends the monitor with its
 * cause.
 */
final class Monitor extends AbstractOnMessageBehavior<Monitor.Command> {
  /** Stays within the process. */
  sealed interface Command extends NoSerializationVerificationNeeded {}

  /** The training is over: end once everything written before now was dealt with. */
  record TrainingEnded(String cause, Instant at) implements Command {}

  /** Asks for the run's state. */
  record GetState(ActorRef<RunState> replyTo) implements Command {}

  private record Seen(Sighting sighting) implements Command {}

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
  private final ActorRef<TrainingRun.Command> run;
  private int samplersMade;
  private @Nullable TrainingEnded trainingEnded;

  private Monitor(ActorContext<Command> context, Plan plan) {
    super(context);
    this.plan = plan;
    context.spawn(Publisher.create(plan.listeners), "publisher");
    queue = context.spawn(WorkQueue.create(), "work-queue");
    for (int i = 0; i < plan.samplers; i++) {
      spawnSampler();
    }
    run =
        context.spawn(
            // What the command line explains in a sentence needs no stack trace before it.
            Behaviors.supervise(
                    TrainingRun.create(plan.settings, plan.probe, queue, InstantSource.system()))
                .onFailure(
                    EvaluationException.class, SupervisorStrategy.stop().withLoggingEnabled(false)),
            "run-" + plan.settings.id());
    context.watch(run);
    subscribe();
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
      case SourceCompleted m -> {
        Throwable failure = m.failure;
        run.tell(
            new TrainingRun.SourceEnded(
                failure == null ? "all checkpoints were given" : "source failed: " + failure));
      }
      case TrainingEnded m -> trainingEnded = m;
      case GetState m -> run.tell(new TrainingRun.GetState(m.replyTo));
    }
    return this;
  }

  private void seen(Sighting sighting) {
    switch (sighting) {
      case Sighting.Settled s -> run.tell(new TrainingRun.Found(s.checkpoint()));
      case Sighting.PassedOver s ->
          run.tell(new TrainingRun.PassedOver(s.path(), s.reason().label(), s.message()));
      case Sighting.Problem s -> getContext().getLog().warn("{}", s.message());
      case Sighting.Recovered s -> getContext().getLog().info("{}", s.message());
      case Sighting.Listed s -> {
        TrainingEnded ended = trainingEnded;
        if (ended != null && s.pending() == 0 && s.listedAt().isAfter(ended.at)) {
          run.tell(new TrainingRun.SourceEnded(ended.cause));
          trainingEnded = null;
        }
      }
    }
  }

  @Override
  public Behavior<Command> onSignal(Signal signal) {
    if (signal instanceof Terminated terminated) {
      if (terminated.getRef().path().equals(run.path())) {
        Throwable cause =
            signal instanceof ChildFailed failed
                ? failed.cause()
                : new IllegalStateException("the run stopped");
        plan.onFailure.accept(cause);
      } else {
        getContext().getLog().error("{} died and is replaced", terminated.getRef().path().name());
        spawnSampler();
      }
    }
    return this;
  }
}
