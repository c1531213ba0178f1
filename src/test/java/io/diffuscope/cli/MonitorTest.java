package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import akka.NotUsed;
import akka.actor.Actor;
import akka.actor.PoisonPill;
import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.LoggingTestKit;
import akka.actor.typed.ActorRef;
import akka.actor.typed.javadsl.Adapter;
import akka.japi.Pair;
import akka.stream.BoundedSourceQueue;
import akka.stream.javadsl.Source;
import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.checkpoint.Sighting;
import io.diffuscope.detect.DetectorSettings;
import io.diffuscope.model.Devices;
import io.diffuscope.publish.RunListener;
import io.diffuscope.run.EvaluationException;
import io.diffuscope.run.FailureReason;
import io.diffuscope.run.PreparationProgress;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunSettings;
import io.diffuscope.sampling.Probe;
import io.diffuscope.sampling.ProbeFiles;
import io.diffuscope.sampling.ProbeSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MonitorTest {
  private static final Instant AT = Instant.ofEpochSecond(1_800_000_000L);

  private final ActorTestKit kit = ActorTestKit.create();
  private final BlockingQueue<RunEvent> told = new LinkedBlockingQueue<>();
  private final BlockingQueue<PreparationProgress> preparation = new LinkedBlockingQueue<>();
  private final CompletableFuture<Throwable> failure = new CompletableFuture<>();
  private final Pair<BoundedSourceQueue<Sighting>, Source<Sighting, NotUsed>> source =
      Source.<Sighting>queue(100).preMaterialize(kit.system());

  @TempDir private Path folder = Path.of("");
  private ProbeFiles files = new ProbeFiles(folder);

  @BeforeEach
  void files() {
    Devices.configure(1);
    files = new ProbeFiles(folder);
  }

  @AfterEach
  void stop() {
    kit.shutdownTestKit();
  }

  @Test
  void replacesASamplerThatStops() throws Exception {
    ProbeSpec spec = files.smallSpec();
    try (Probe probe = Probe.open(spec)) {
      ActorRef<Monitor.Command> monitor = spawn(spec, probe);
      next(RunEvent.RunStarted.class::isInstance);
      assertThat(preparation.poll())
          .as("the first thing that a run tells")
          .isEqualTo(new PreparationProgress("r", "neighbours within the sets", 0, 1));

      LoggingTestKit.error("sampler-1 died and is replaced")
          .expect(
              kit.system(),
              () -> {
                Adapter.toClassic(kit.system())
                    .actorSelection(Adapter.toClassic(monitor).path().child("sampler-1"))
                    .tell(PoisonPill.getInstance(), Actor.noSender());
                return null;
              });
      offer(new Sighting.Settled(checkpoint(10)));

      RunEvent.EvaluationCompleted completed =
          (RunEvent.EvaluationCompleted) next(RunEvent.EvaluationCompleted.class::isInstance);
      assertThat(completed.checkpoint().step()).isEqualTo(10);
      assertThat(completed.estimates()).isNotEmpty();
      assertThat(failure).isNotDone();
      kit.stop(monitor);
    }
  }

  @Test
  void endsOnlyWhenAListingAfterTheTrainingShowsThatNothingIsLeft() throws Exception {
    ProbeSpec spec = files.smallSpec();
    try (Probe probe = Probe.open(spec)) {
      ActorRef<Monitor.Command> monitor = spawn(spec, probe);
      next(RunEvent.RunStarted.class::isInstance);

      monitor.tell(new Monitor.TrainingEnded("training finished", AT));
      // Listed before the training ended, and with one file that still settles: neither is the end.
      offer(new Sighting.Listed(AT.minusMillis(1), 0));
      offer(new Sighting.Listed(AT.plusMillis(1), 1));
      offer(new Sighting.Settled(checkpoint(20)));
      offer(new Sighting.Listed(AT.plusMillis(2), 0));

      assertThat(next(e -> e instanceof RunEvent.EvaluationCompleted || isEnd(e)))
          .isInstanceOf(RunEvent.EvaluationCompleted.class);
      RunEvent.RunEnded ended = (RunEvent.RunEnded) next(MonitorTest::isEnd);
      assertThat(ended.cause()).isEqualTo("training finished");
      kit.stop(monitor);
    }
  }

  @Test
  void aRunThatCannotBePreparedEndsTheMonitorWithItsCause() throws Exception {
    ProbeSpec spec = files.smallSpec();
    try (Probe probe = Probe.open(spec)) {
      // Gone between opening and the first work on it.
      Files.writeString(Path.of(spec.template()), "no network");
      spawn(spec, probe);

      assertThat(failure.get(1, TimeUnit.MINUTES))
          .isInstanceOfSatisfying(
              EvaluationException.class,
              e -> assertThat(FailureReason.isBadInput(e.reason())).as(e.reason()).isTrue())
          .hasMessageContaining("run r cannot be prepared")
          .hasMessageContaining("demo-network.pt");
    }
  }

  @Test
  void aSourceThatFailsEndsTheMonitorWithItsCause() throws Exception {
    ProbeSpec spec = files.smallSpec();
    try (Probe probe = Probe.open(spec)) {
      ActorRef<Monitor.Command> monitor = spawn(spec, probe);
      next(RunEvent.RunStarted.class::isInstance);
      RuntimeException broken = new UncheckedIOException(new IOException("stale handle"));
      LoggingTestKit.error("the source of checkpoints failed")
          .expect(
              kit.system(),
              () -> {
                source.first().fail(broken);
                return null;
              });

      assertThat(failure.get(1, TimeUnit.MINUTES))
          .hasMessageContaining("stale handle")
          .hasCause(broken);
      kit.stop(monitor);
      assertThat(told).noneMatch(MonitorTest::isEnd);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"publisher", "work-queue"})
  void aPartThatCannotBeReplacedEndsTheMonitor(String part) throws Exception {
    ProbeSpec spec = files.smallSpec();
    try (Probe probe = Probe.open(spec)) {
      ActorRef<Monitor.Command> monitor = spawn(spec, probe);
      next(RunEvent.RunStarted.class::isInstance);
      Adapter.toClassic(kit.system())
          .actorSelection(Adapter.toClassic(monitor).path().child(part))
          .tell(PoisonPill.getInstance(), Actor.noSender());

      assertThat(failure.get(1, TimeUnit.MINUTES)).hasMessage(part + " stopped");
      kit.stop(monitor);
    }
  }

  private static boolean isEnd(RunEvent event) {
    return event instanceof RunEvent.RunEnded;
  }

  private ActorRef<Monitor.Command> spawn(ProbeSpec spec, Probe probe) {
    RunSettings settings =
        new RunSettings(
            "r",
            "r",
            spec,
            RunSettings.Policy.ALL,
            10,
            DetectorSettings.DEFAULT,
            2,
            Duration.ofMinutes(1));
    RunListener listener =
        new RunListener() {
          @Override
          public void onEvent(RunEvent event) {
            told.add(event);
          }

          @Override
          public void onPreparation(PreparationProgress progress) {
            preparation.add(progress);
          }
        };
    return kit.spawn(
        Monitor.create(
            new Monitor.Plan(
                new RunSources.One(new MonitoredRun(settings, source.second())),
                probe,
                1,
                List.of(listener),
                failure::complete)));
  }

  private void offer(Sighting sighting) {
    assertThat(source.first().offer(sighting).isEnqueued()).isTrue();
  }

  private Checkpoint checkpoint(long step) throws Exception {
    Path file = files.checkpoint("step-%d.safetensors".formatted(step), step);
    return Checkpoint.ofFile("step-" + step, file.toString(), step);
  }

  private RunEvent next(Predicate<RunEvent> wanted) throws InterruptedException {
    while (true) {
      RunEvent event = told.poll(1, TimeUnit.MINUTES);
      assertThat(event).as("an event").isNotNull();
      if (event != null && wanted.test(event)) {
        return event;
      }
    }
  }
}
