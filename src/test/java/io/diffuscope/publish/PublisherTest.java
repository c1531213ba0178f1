package io.diffuscope.publish;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.LoggingTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import akka.actor.typed.eventstream.EventStream;
import io.diffuscope.run.BudgetRest;
import io.diffuscope.run.EvaluationProgress;
import io.diffuscope.run.PreparationProgress;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunNotification;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

class PublisherTest {
  private static final ActorTestKit KIT = ActorTestKit.create();

  @AfterAll
  static void shutdown() {
    KIT.shutdownTestKit();
  }

  @Test
  void hearsWhatRunsTellAndIsolatesAListenerThatFails() {
    TestProbe<String> heard = KIT.createTestProbe();
    TestProbe<Publisher.Subscribed> owner = KIT.createTestProbe();
    RunListener broken =
        new RunListener() {
          @Override
          public void onEvent(RunEvent event) {
            throw new IllegalStateException("broken listener");
          }
        };
    ActorRef<Publisher.Command> publisher =
        KIT.spawn(Publisher.create(List.of(broken, new Recorder(heard.ref())), owner.ref()));
    owner.receiveMessage();
    publisher.tell(new Publisher.Remove("first"));
    heard.expectMessage("removed first");

    LoggingTestKit.error("could not take an event")
        .withOccurrences(1)
        .expect(
            KIT.system(),
            () -> {
              publish(RunEvents.started("r"));
              return heard.expectMessage("event r");
            });
    publish(RunEvents.progress("r", 1L, 2, 3));
    heard.expectMessage("progress 2 of 3");
    publish(new PreparationProgress("r", "endpoints of the train flow", 4, 5));
    heard.expectMessage("preparation 4 of 5");
    publish(new BudgetRest("r", RunEvents.AT));
    heard.expectMessage("rest until " + RunEvents.AT);
    KIT.stop(publisher);
  }

  @Test
  void losesNothingThatIsToldOnceItHasSubscribed() {
    TestProbe<String> heard = KIT.createTestProbe();
    TestProbe<Publisher.Subscribed> owner = KIT.createTestProbe();
    for (int i = 0; i < 50; i++) {
      ActorRef<Publisher.Command> publisher =
          KIT.spawn(Publisher.create(List.of(new Recorder(heard.ref())), owner.ref()));
      owner.receiveMessage();
      publish(RunEvents.started("r" + i));
      heard.expectMessage("event r" + i);
      KIT.stop(publisher);
    }
    // Each was told of its own subscription alone.
    owner.expectNoMessage(Duration.ofMillis(50));
  }

  private static void publish(RunNotification notification) {
    KIT.system().eventStream().tell(new EventStream.Publish<>(notification));
  }

  private record Recorder(ActorRef<String> to) implements RunListener {
    @Override
    public void onEvent(RunEvent event) {
      to.tell("event " + event.run());
    }

    @Override
    public void onProgress(EvaluationProgress progress) {
      to.tell("progress " + progress.done() + " of " + progress.total());
    }

    @Override
    public void onPreparation(PreparationProgress progress) {
      to.tell("preparation " + progress.done() + " of " + progress.total());
    }

    @Override
    public void onRest(BudgetRest rest) {
      to.tell("rest until " + rest.until());
    }

    @Override
    public void removeRun(String run) {
      to.tell("removed " + run);
    }
  }
}
