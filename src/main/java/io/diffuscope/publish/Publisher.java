package io.diffuscope.publish;

import akka.actor.NoSerializationVerificationNeeded;
import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.eventstream.EventStream;
import akka.actor.typed.javadsl.AbstractOnMessageBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import io.diffuscope.run.BudgetRest;
import io.diffuscope.run.EvaluationProgress;
import io.diffuscope.run.EvidenceNews;
import io.diffuscope.run.History;
import io.diffuscope.run.HoldNews;
import io.diffuscope.run.JournalBacklog;
import io.diffuscope.run.JournalNews;
import io.diffuscope.run.PreparationProgress;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunNotification;
import io.diffuscope.run.SourceNews;
import java.util.List;
import java.util.function.Consumer;

/**
 * Tells every listener of its process what runs tell on the actor system's event stream. A listener
 * that fails is logged and does not keep the others, or a run, from going on.
 */
public final class Publisher extends AbstractOnMessageBehavior<Publisher.Command> {
  /** Never leaves the process, so it is not serialized. */
  public sealed interface Command extends NoSerializationVerificationNeeded {}

  /** Whoever spawned it may spawn a run now: none of the run's events is lost. */
  public record Subscribed() implements NoSerializationVerificationNeeded {}

  /** Sent to itself through the event stream, behind its subscriptions. */
  private record Marker(ActorRef<?> of) implements NoSerializationVerificationNeeded {}

  private record Marked(Marker marker) implements Command {}

  private record Heard(RunNotification notification) implements Command {}

  /** The run is forgotten: what was published about it vanishes. */
  public record Remove(String run) implements Command {}

  private final List<RunListener> listeners;
  private final ActorRef<? super Subscribed> owner;

  private Publisher(
      ActorContext<Command> context,
      List<RunListener> listeners,
      ActorRef<? super Subscribed> owner) {
    super(context);
    this.listeners = listeners;
    this.owner = owner;
    subscribe();
  }

  /**
   * A publisher.
   *
   * @param owner told once it hears what runs tell: what is told before may be lost
   */
  public static Behavior<Command> create(
      List<? extends RunListener> listeners, ActorRef<? super Subscribed> owner) {
    List<RunListener> copy = List.copyOf(listeners);
    return Behaviors.setup(context -> new Publisher(context, copy, owner));
  }

  /**
   * The event stream is an actor that takes our messages in order and does not confirm a
   * subscription; so a marker that comes back through it proves that those sent before hold.
   */
  private void subscribe() {
    ActorContext<Command> context = getContext();
    ActorRef<EventStream.Command> stream = context.getSystem().eventStream();
    stream.tell(
        new EventStream.Subscribe<>(
            RunNotification.class, context.messageAdapter(RunNotification.class, Heard::new)));
    stream.tell(
        new EventStream.Subscribe<>(
            Marker.class, context.messageAdapter(Marker.class, Marked::new)));
    stream.tell(new EventStream.Publish<>(new Marker(context.getSelf())));
  }

  @Override
  public Behavior<Command> onMessage(Command message) {
    switch (message) {
      case Heard(RunEvent event) -> tell(listener -> listener.onEvent(event));
      case Heard(History history) -> tell(listener -> listener.onHistory(history));
      case Heard(JournalNews news) -> tell(listener -> listener.onJournalNews(news));
      case Heard(JournalBacklog backlog) -> tell(listener -> listener.onJournalBacklog(backlog));
      case Heard(EvaluationProgress progress) -> tell(listener -> listener.onProgress(progress));
      case Heard(PreparationProgress progress) ->
          tell(listener -> listener.onPreparation(progress));
      case Heard(BudgetRest rest) -> tell(listener -> listener.onRest(rest));
      case Heard(SourceNews news) -> tell(listener -> listener.onSourceNews(news));
      case Heard(HoldNews news) -> tell(listener -> listener.onHoldNews(news));
      case Heard(EvidenceNews news) -> tell(listener -> listener.onEvidenceNews(news));
      case Marked(Marker marker) -> {
        if (marker.of.equals(getContext().getSelf())) {
          owner.tell(new Subscribed());
        }
      }
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
