package io.diffuscope.run;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.ManualTime;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import akka.actor.typed.DispatcherSelector;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class DeviceTurnsTest {
  private final ActorTestKit kit = ActorTestKit.create(ManualTime.config());
  private final ManualTime timers = ManualTime.get(kit.system());
  private final AtomicLong nanoseconds = new AtomicLong(-17);

  /** On the test's own thread, so that what was told is done before time passes. */
  private final ActorRef<DeviceTurns.Command> turns =
      kit.spawn(
          DeviceTurns.create(.1, nanoseconds::get),
          DispatcherSelector.fromConfig("akka.test.calling-thread-dispatcher"));

  private final TestProbe<TrainingRun.Command> a = kit.createTestProbe(TrainingRun.Command.class);
  private final TestProbe<TrainingRun.Command> b = kit.createTestProbe(TrainingRun.Command.class);

  @AfterEach
  void stop() {
    kit.shutdownTestKit();
  }

  @Test
  void runsHaveTheDeviceInTurnWithRestsBetween() {
    turns.tell(new DeviceTurns.Ask(a.getRef()));
    a.expectMessageClass(TrainingRun.TurnGranted.class);
    turns.tell(new DeviceTurns.Ask(b.getRef()));
    passes(Duration.ofSeconds(10));
    turns.tell(new DeviceTurns.Done(a.getRef()));
    b.expectMessage(new TrainingRun.TurnAfterRest(Duration.ofSeconds(90)));
    passes(Duration.ofSeconds(30));
    turns.tell(new DeviceTurns.Ask(a.getRef()));
    // Who asks during the rest is told what is left of it; the others know.
    a.expectMessage(new TrainingRun.TurnAfterRest(Duration.ofSeconds(60)));
    passes(Duration.ofSeconds(59));
    b.expectNoMessage(Duration.ZERO);
    passes(Duration.ofSeconds(1));
    b.expectMessageClass(TrainingRun.TurnGranted.class);
    a.expectNoMessage(Duration.ZERO);
  }

  @Test
  void aRunThatDiesGivesItsTurnBack() {
    turns.tell(new DeviceTurns.Ask(a.getRef()));
    a.expectMessageClass(TrainingRun.TurnGranted.class);
    turns.tell(new DeviceTurns.Ask(b.getRef()));
    a.stop();
    // No time has passed, so that there is nothing to rest for.
    b.expectMessageClass(TrainingRun.TurnGranted.class);
  }

  private void passes(Duration time) {
    nanoseconds.addAndGet(time.toNanos());
    timers.timePasses(time);
  }
}
