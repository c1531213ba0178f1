package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import akka.actor.typed.eventstream.EventStream;
import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.detect.DetectorSettings;
import io.diffuscope.model.Devices;
import io.diffuscope.sampling.Probe;
import io.diffuscope.sampling.ProbeFiles;
import io.diffuscope.sampling.ProbeSpec;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingRunTest {
  private static ActorTestKit kit;

  @TempDir Path folder;

  @BeforeAll
  static void start() {
    Devices.configure(1);
    kit = ActorTestKit.create();
  }

  @AfterAll
  static void stop() {
    kit.shutdownTestKit();
  }

  @Test
  void evaluatesCheckpointsInOrderAndEnds() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    ProbeSpec spec = files.smallSpec();
    try (Probe probe = Probe.open(spec)) {
      TestProbe<RunNotification> told = kit.createTestProbe(RunNotification.class);
      kit.system()
          .eventStream()
          .tell(new EventStream.Subscribe<>(RunNotification.class, told.getRef()));
      ActorRef<WorkQueue.Command> queue = kit.spawn(WorkQueue.create());
      kit.spawn(Sampler.create(queue), Sampler.dispatcher());
      ActorRef<TrainingRun.Command> run =
          kit.spawn(
              TrainingRun.create(settings("run-1", spec), probe, queue, InstantSource.system()));
      run.tell(new TrainingRun.Found(checkpoint(files, 10, 3)));
      run.tell(new TrainingRun.Found(checkpoint(files, 20, 4)));
      run.tell(new TrainingRun.SourceEnded("training is over"));

      List<RunEvent> events = new ArrayList<>();
      while (events.isEmpty() || !(events.getLast() instanceof RunEvent.RunEnded)) {
        RunNotification notification = told.receiveMessage(Duration.ofSeconds(60));
        if (notification instanceof RunEvent event) {
          events.add(event);
        }
      }
      assertThat(events).hasSizeGreaterThan(6);
    }
  }

  private static RunSettings settings(String id, ProbeSpec spec) {
    return new RunSettings(
        id,
        id,
        spec,
        RunSettings.Policy.ALL,
        10,
        DetectorSettings.DEFAULT,
        2,
        Duration.ofMinutes(1));
  }

  private static Checkpoint checkpoint(ProbeFiles files, long step, long seed) throws Exception {
    Path file = files.checkpoint("step-%d.safetensors".formatted(step), seed);
    return new Checkpoint("step-" + step, file.toString(), step);
  }
}
