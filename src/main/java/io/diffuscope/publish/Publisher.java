package io.diffuscope.publish;

import akka.actor.NoSerializationVerificationNeeded;
import akka.actor.typed.Behavior;
import akka.actor.typed.eventstream.EventStream;
import akka.actor.typed.javadsl.AbstractOnMessageBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import io.diffuscope.run.EvaluationProgress;
import io.diffuscope.run.PreparationProgress;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunNotification;
import java.util.List;
import java.util.function.Consumer;

/**
 * Tells every listener of its process what runs tell on the actor system's event stream. A listener
 * that fails is logged and does not keep the others, or a run, from going on.
 */
public final class Publisher extends AbstractOnMessageBehavior<Publisher.Command> {
  /** Never leaves the process, so it is not serialized. */
  public sealed interface Command extends NoSerializationVerificationNeeded {}

  private record Heard(RunNotification notification) implements Command {}

  /** The run is forgotten: what was published about it vanishes. */
  public record Remove(String run) implements Command {}

  private final List<RunListener> listeners;

  private Publisher(ActorContext<Command> context, List<RunListener> listeners) {
    super(context);
    this.listeners = listeners;
  }

  public static Behavior<Command> create(List<? extends RunListener> listeners) {
    List<RunListener> copy = List.copyOf(listeners);
    return Behaviors.setup(
        context -> {
          context
              .getSystem()
              .eventStream()
              .tell(
                  new EventStream.Subscribe<>(
                      RunNotification.class,
                      context.messageAdapter(RunNotification.class, Heard::new)));
          return new Publisher(context, copy);
        });
  }

  @Override
  public Behavior<Command> onMessage(Command message) {
    switch (message) {
      case Heard(RunEvent event) -> tell(listener -> listener.onEvent(event));
      case Heard(EvaluationProgress progress) -> tell(listener -> listener.onProgress(progress));
      case Heard(PreparationProgress progress) ->
          tell(listener -> listener.onPreparation(progress));
      case Remove(String run) -> tell(listener -> listener.removeRun(run));
    }
    return this;
  }

  private void tell(Consumer<RunListener> news) {
    for (RunListener listener : listeners) {
      try {
        news.accept(listener);
      } catch (RuntimeException e) {
        getContext().getLog().error("{} could not take an event", listener.getClass().getName(), e);
      }
    }
  }
}
