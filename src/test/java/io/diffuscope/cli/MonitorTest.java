package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import akka.NotUsed;
import akka.actor.Actor;
import akka.actor.PoisonPill;
import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.LoggingTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import akka.actor.typed.javadsl.Adapter;
import akka.japi.Pair;
import akka.stream.BoundedSourceQueue;
import akka.stream.javadsl.Source;
import com.typesafe.config.ConfigFactory;
import io.diffuscope.checkpoint.AnnounceRoots;
import io.diffuscope.checkpoint.AnnouncedCheckpoints;
import io.diffuscope.checkpoint.Announcement;
import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.checkpoint.CheckpointSource;
import io.diffuscope.checkpoint.DirectorySettings;
import io.diffuscope.checkpoint.Holds;
import io.diffuscope.checkpoint.RunDirectories;
import io.diffuscope.checkpoint.Sighting;
import io.diffuscope.detect.DetectorSettings;
import io.diffuscope.model.Devices;
import io.diffuscope.publish.RunEvents;
import io.diffuscope.publish.RunListener;
import io.diffuscope.run.Ending;
import io.diffuscope.run.EvaluationException;
import io.diffuscope.run.FailureReason;
import io.diffuscope.run.H2RunStore;
import io.diffuscope.run.Pace;
import io.diffuscope.run.PreparationProgress;
import io.diffuscope.run.Retries;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunSettings;
import io.diffuscope.run.RunState;
import io.diffuscope.run.RunStore;
import io.diffuscope.run.SeriesId;
import io.diffuscope.run.SourceNews;
import io.diffuscope.run.StepScale;
import io.diffuscope.sampling.Probe;
import io.diffuscope.sampling.ProbeFiles;
import io.diffuscope.sampling.ProbeSpec;
import io.diffuscope.signal.SignalSchedule;
import io.diffuscope.tensorfile.FloatArray;
import io.diffuscope.tensorfile.SafetensorsWriter;
import io.diffuscope.tensorfile.TensorShape;
import io.diffuscope.web.RecordChanges;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MonitorTest {
  private static final Instant AT = Instant.ofEpochSecond(1_800_000_000L);

  private final ActorTestKit kit =
      ActorTestKit.create(
          RunStore.NONE.config().withFallback(ConfigFactory.load("application-test")));
  private final BlockingQueue<RunEvent> told = new LinkedBlockingQueue<>();
  private final BlockingQueue<PreparationProgress> preparation = new LinkedBlockingQueue<>();
  private final BlockingQueue<SourceNews> sourceNews = new LinkedBlockingQueue<>();
  private final CompletableFuture<Throwable> failure = new CompletableFuture<>();
  private final Pair<BoundedSourceQueue<Sighting>, Source<Sighting, NotUsed>> source =
      Source.<Sighting>queue(100).preMaterialize(kit.system());

  private final Pair<BoundedSourceQueue<RunDirectories.News>, Source<RunDirectories.News, NotUsed>>
      directories = Source.<RunDirectories.News>queue(100).preMaterialize(kit.system());
  private final Map<String, Pair<BoundedSourceQueue<Sighting>, Source<Sighting, NotUsed>>> sources =
      new ConcurrentHashMap<>();
  private final BlockingQueue<String> complaints = new LinkedBlockingQueue<>();

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

  /** What is recorded of the run that it watches is written by that run alone. */
  @Test
  void restoresRunsThatItDoesNotWatchAndHasNoRecordOf() throws Exception {
    ProbeSpec spec = files.smallSpec();
    List<RunEvent> events = List.of(RunEvents.started("x"), RunEvents.completed("x", 10L, true));
    SeriesId series = new SeriesId("x", "probe", "there");
    try (RunStore store = H2RunStore.in(folder.resolve("records"));
        Probe probe = Probe.open(spec)) {
      ActorRef<Monitor.Command> monitor =
          spawn(
              probe,
              new RunSources.One(new MonitoredRun(settings(spec), source::second, "here")),
              store);
      next(RunEvent.RunStarted.class::isInstance);
      TestProbe<Monitor.Changed> answers = kit.createTestProbe(Monitor.Changed.class);
      monitor.tell(
          new Monitor.Restore(
              new SeriesId("r", "p", "s"), List.of(RunEvents.started("r")), answers.getRef()));
      assertThat(answers.receiveMessage().outcome().toString()).contains("is before the monitor");
      monitor.tell(new Monitor.Restore(series, events, answers.getRef()));
      assertThat(answers.receiveMessage().outcome()).isEqualTo(new RecordChanges.Outcome.Done());
      monitor.tell(new Monitor.Restore(series, events, answers.getRef()));
      assertThat(answers.receiveMessage().outcome().toString()).contains("is recorded here");
      List<RunEvent> read = new ArrayList<>();
      store.forEach(series, read::add);
      assertThat(read).isEqualTo(events);
      assertThat(store.seriesOf("r")).doesNotContain(new SeriesId("r", "p", "s"));
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

  @Test
  void runsAreEvaluatedSideBySideAndStartWithTheirFirstCheckpoint() throws Exception {
    ProbeSpec spec = files.smallSpec();
    try (Probe probe = Probe.open(spec)) {
      ActorRef<Monitor.Command> monitor = spawnSeveral(spec, probe);
      find("a", "b", "empty");
      offer("a", new Sighting.Settled(checkpoint("a", 10)));
      offer("b", new Sighting.Settled(checkpoint("b", 20)));
      Map<String, RunEvent.EvaluationCompleted> completed = new HashMap<>();
      for (int i = 0; i < 2; i++) {
        RunEvent event = next(RunEvent.EvaluationCompleted.class::isInstance);
        completed.put(event.run(), (RunEvent.EvaluationCompleted) event);
      }
      assertThat(completed).containsOnlyKeys("a", "b");

      Map<Path, FileTime> cached = cached(spec);
      assertThat(cached).isNotEmpty();
      find("later");
      // The weights of a again: the same numbers, whatever was measured in between.
      offer("later", new Sighting.Settled(checkpoint("later", 10)));
      RunEvent.EvaluationCompleted later =
          (RunEvent.EvaluationCompleted) next(RunEvent.EvaluationCompleted.class::isInstance);
      assertThat(later.run()).isEqualTo("later");
      assertThat(later.estimates())
          .isEqualTo(Objects.requireNonNull(completed.get("a")).estimates());
      assertThat(cached(spec)).as("nothing is computed twice").isEqualTo(cached);
      assertThat(preparation)
          .extracting(PreparationProgress::run)
          .contains("a", "b", "later")
          .doesNotContain("empty");

      TestProbe<Monitor.Runs> asker = kit.createTestProbe(Monitor.Runs.class);
      monitor.tell(new Monitor.GetRuns(asker.getRef()));
      assertThat(asker.receiveMessage().all())
          .extracting(run -> run.settings().id())
          .containsExactly("a", "b", "empty", "later");
      assertThat(failure).isNotDone();
      assertThat(complaints).isEmpty();
      kit.stop(monitor);
    }
  }

  @Test
  void aRunWhoseCheckpointsDoNotFitDoesNotDisturbTheOthers() throws Exception {
    ProbeSpec spec = files.smallSpec();
    try (Probe probe = Probe.open(spec)) {
      ActorRef<Monitor.Command> monitor = spawnSeveral(spec, probe);
      find("good", "bad");
      Map<String, FloatArray> wide = ProbeFiles.weights(5);
      wide.put("output.bias", new FloatArray(TensorShape.of(65), new float[65]));
      Path file = folder.resolve("wide-1.safetensors");
      SafetensorsWriter.write(file, wide, Map.of());
      offer("bad", new Sighting.Settled(Checkpoint.ofFile("wide", file.toString(), 1L)));
      RunEvent.EvaluationFailed failed =
          (RunEvent.EvaluationFailed) next(RunEvent.EvaluationFailed.class::isInstance);
      assertThat(failed.run()).isEqualTo("bad");
      assertThat(failed.reason()).isEqualTo("wrong_shape");

      offer("good", new Sighting.Settled(checkpoint("good", 10)));
      assertThat(next(RunEvent.EvaluationCompleted.class::isInstance).run()).isEqualTo("good");
      assertThat(failure).isNotDone();
      kit.stop(monitor);
    }
  }

  @Test
  void theSourceIsLookedAtUntilTheRunHasEnded() throws Exception {
    ProbeSpec spec = files.smallSpec();
    Ending ending = new Ending(10L, null, null, false, Duration.ofMinutes(5));
    try (Probe probe = Probe.open(spec)) {
      ActorRef<Monitor.Command> monitor =
          spawn(
              probe,
              new RunSources.One(
                  new MonitoredRun(settings(spec).withEnding(ending), source::second, "here")));
      offer(new Sighting.Settled(checkpoint(10)));
      offer(new Sighting.Listed(Instant.now().plusSeconds(60), 0));
      offer(new Sighting.Settled(checkpoint(20)));
      for (long step = 10; step <= 20; step += 10) {
        RunEvent.EvaluationCompleted completed =
            (RunEvent.EvaluationCompleted) next(RunEvent.EvaluationCompleted.class::isInstance);
        assertThat(completed.checkpoint().step()).isEqualTo(step);
      }
      next(RunEvent.RunEnded.class::isInstance);
      kit.createTestProbe()
          .awaitAssert(
              () -> {
                assertThat(source.first().offer(new Sighting.Listed(AT, 0)).isEnqueued()).isFalse();
                return null;
              });
      kit.stop(monitor);
    }
  }

  /** Like a directory on a disk that keeps who lists it waiting. */
  @Test
  void aSourceThatHangsIsToldAndSoIsItsReturn() throws Exception {
    ProbeSpec spec = files.smallSpec();
    CheckpointSource hanging =
        new CheckpointSource() {
          @Override
          public Source<Sighting, NotUsed> sightings() {
            return source.second();
          }

          @Override
          public Duration longestSilence() {
            return Duration.ofMillis(100);
          }
        };
    try (Probe probe = Probe.open(spec)) {
      ActorRef<Monitor.Command> monitor =
          spawn(probe, new RunSources.One(new MonitoredRun(settings(spec), hanging, "here")));
      assertThat(sourceNews.poll(1, TimeUnit.MINUTES))
          .isNotNull()
          .matches(SourceNews::problem)
          .extracting(SourceNews::message)
          .asString()
          .contains("has not come back");
      offer(new Sighting.Listed(AT, 0));
      assertThat(sourceNews.poll(1, TimeUnit.MINUTES)).isNotNull().matches(news -> !news.problem());
      kit.stop(monitor);
    }
  }

  @Test
  void nothingIsBegunWhileTheSourceHasAProblem() throws Exception {
    ProbeSpec spec = files.smallSpec();
    try (Probe probe = Probe.open(spec)) {
      ActorRef<Monitor.Command> monitor = spawnSeveral(spec, probe);
      find("a");
      offer("a", new Sighting.Settled(checkpoint("a", 10)));
      offer("a", new Sighting.Problem("the disk is gone"));
      next(RunEvent.RunStarted.class::isInstance);
      // What could begin would have begun with the run.
      assertThat(stateOf(monitor, "a"))
          .satisfies(
              state -> {
                assertThat(state.evaluating()).isNull();
                assertThat(state.pending()).hasSize(1);
              });
      offer("a", new Sighting.Listed(Instant.now(), 0));
      next(RunEvent.EvaluationCompleted.class::isInstance);
      kit.stop(monitor);
    }
  }

  @Test
  void aRunThatHasEndedTakesNoAnnouncements() throws Exception {
    ProbeSpec spec = files.smallSpec();
    Path real = folder.toRealPath();
    DirectorySettings directory = DirectorySettings.of(real);
    try (Probe probe = Probe.open(spec)) {
      ActorRef<Monitor.Command> monitor =
          spawn(
              probe,
              new RunSources.Many(
                  directories.second(),
                  (name, ignored) ->
                      MonitoredRun.announced(
                          settings(spec).named(name, name),
                          AnnouncedCheckpoints.beside(
                              directory,
                              () -> sourceOf(name).second(),
                              AnnounceRoots.of(List.of(real.toString()))),
                          "here"),
                  complaints::add));
      find("a", "empty");
      offer("a", new Sighting.Settled(checkpoint("a", 10)));
      next(RunEvent.EvaluationCompleted.class::isInstance);
      Path file = real.resolve(checkpoint("a", 20).file().getFileName());
      Announcement announcement = new Announcement(file.toString(), null);
      TestProbe<Monitor.Announced> asker = kit.createTestProbe(Monitor.Announced.class);
      monitor.tell(new Monitor.Announce("a", announcement, asker.getRef()));
      assertThat(asker.receiveMessage().outcome())
          .isInstanceOf(Announcement.Outcome.Accepted.class);
      next(RunEvent.EvaluationCompleted.class::isInstance);

      monitor.tell(new Monitor.TrainingEnded("training finished", AT));
      assertThat(endWhileListing("a", "empty").cause()).isEqualTo("training finished");
      // Until a run is over, what is not there is refused for that.
      Announcement missing = new Announcement(real.resolve("missing-20").toString(), null);
      for (String run : List.of("a", "empty")) {
        asker.awaitAssert(
            () -> {
              list(run);
              monitor.tell(new Monitor.Announce(run, missing, asker.getRef()));
              assertThat(asker.receiveMessage().outcome())
                  .isInstanceOfSatisfying(
                      Announcement.Outcome.Refused.class,
                      refused -> assertThat(refused.cause()).isEqualTo(Announcement.Refusal.OVER));
              return null;
            });
      }
      assertThat(told).isEmpty();
      assertThat(failure).isNotDone();
      kit.stop(monitor);
    }
  }

  @Test
  void aRunWhoseSourceFailsEndsAlone() throws Exception {
    ProbeSpec spec = files.smallSpec();
    try (Probe probe = Probe.open(spec)) {
      ActorRef<Monitor.Command> monitor = spawnSeveral(spec, probe);
      find("good", "bad");
      offer("bad", new Sighting.Settled(checkpoint("bad", 10)));
      next(RunEvent.EvaluationCompleted.class::isInstance);
      sourceOf("bad").first().fail(new UncheckedIOException(new IOException("stale handle")));
      RunEvent.RunEnded ended = (RunEvent.RunEnded) next(MonitorTest::isEnd);
      assertThat(ended.run()).isEqualTo("bad");
      assertThat(ended.cause()).contains("stale handle");
      assertThat(complaints.poll(1, TimeUnit.MINUTES)).contains("run bad ends", "stale handle");

      offer("good", new Sighting.Settled(checkpoint("good", 10)));
      assertThat(next(RunEvent.EvaluationCompleted.class::isInstance).run()).isEqualTo("good");
      assertThat(failure).isNotDone();
      kit.stop(monitor);
    }
  }

  @Test
  void oneOfSeveralRunsThatCannotBePreparedIsComplainedOf() throws Exception {
    ProbeSpec spec = files.smallSpec();
    try (Probe probe = Probe.open(spec)) {
      Files.writeString(Path.of(spec.template()), "no network");
      ActorRef<Monitor.Command> monitor = spawnSeveral(spec, probe);
      find("a");
      offer("a", new Sighting.Settled(checkpoint("a", 10)));
      assertThat(complaints.poll(1, TimeUnit.MINUTES))
          .contains("run a ends", "cannot be prepared", "demo-network.pt");

      TestProbe<Monitor.Runs> asker = kit.createTestProbe(Monitor.Runs.class);
      monitor.tell(new Monitor.GetRuns(asker.getRef()));
      assertThat(asker.receiveMessage().all()).isEmpty();
      assertThat(failure).isNotDone();
      kit.stop(monitor);
    }
  }

  private ActorRef<Monitor.Command> spawnSeveral(ProbeSpec spec, Probe probe) {
    return spawn(
        probe,
        new RunSources.Many(
            directories.second(),
            (name, directory) ->
                new MonitoredRun(
                    settings(spec).named(name, name), () -> sourceOf(name).second(), "here"),
            complaints::add));
  }

  private Pair<BoundedSourceQueue<Sighting>, Source<Sighting, NotUsed>> sourceOf(String run) {
    return sources.computeIfAbsent(
        run, name -> Source.<Sighting>queue(100).preMaterialize(kit.system()));
  }

  private void find(String... names) {
    for (String name : names) {
      assertThat(
              directories
                  .first()
                  .offer(new RunDirectories.News.Found(name, folder.resolve(name)))
                  .isEnqueued())
          .isTrue();
    }
  }

  private void offer(String run, Sighting sighting) {
    assertThat(sourceOf(run).first().offer(sighting).isEnqueued()).isTrue();
  }

  private Checkpoint checkpoint(String run, long step) throws Exception {
    Path file = files.checkpoint("%s-%d.safetensors".formatted(run, step), step);
    return Checkpoint.ofFile(run + "-" + step, file.toString(), step);
  }

  /** The files of the cache, and when each was written. */
  private static Map<Path, FileTime> cached(ProbeSpec spec) throws IOException {
    Map<Path, FileTime> times = new HashMap<>();
    try (Stream<Path> all = Files.walk(Path.of(spec.cacheDirectory()))) {
      for (Path file : all.filter(Files::isRegularFile).toList()) {
        times.put(file, Files.getLastModifiedTime(file));
      }
    }
    return times;
  }

  private static boolean isEnd(RunEvent event) {
    return event instanceof RunEvent.RunEnded;
  }

  private ActorRef<Monitor.Command> spawn(ProbeSpec spec, Probe probe) {
    return spawn(
        probe, new RunSources.One(new MonitoredRun(settings(spec), source::second, "here")));
  }

  private static RunSettings settings(ProbeSpec spec) {
    return new RunSettings(
        "r",
        "r",
        spec,
        Pace.all(10),
        StepScale.UPDATES,
        Ending.NEVER,
        DetectorSettings.DEFAULT,
        2,
        Duration.ofMinutes(1),
        Retries.NONE,
        SignalSchedule.DEFAULT);
  }

  private ActorRef<Monitor.Command> spawn(Probe probe, RunSources runs) {
    return spawn(probe, runs, RunStore.NONE);
  }

  private ActorRef<Monitor.Command> spawn(Probe probe, RunSources runs, RunStore store) {
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

          @Override
          public void onSourceNews(SourceNews news) {
            sourceNews.add(news);
          }
        };
    return kit.spawn(
        Monitor.create(
            new Monitor.Plan(
                runs,
                probe,
                Holds.off(),
                1,
                List.of(listener),
                failure::complete,
                () -> {},
                store)));
  }

  private RunState stateOf(ActorRef<Monitor.Command> monitor, String run) {
    TestProbe<Monitor.Runs> runs = kit.createTestProbe(Monitor.Runs.class);
    monitor.tell(new Monitor.GetRuns(runs.getRef()));
    TestProbe<RunState> states = kit.createTestProbe(RunState.class);
    runs.receiveMessage().all().stream()
        .filter(live -> live.settings().id().equals(run))
        .forEach(live -> live.supervisor().tell(new RunSupervisor.GetState(states.getRef())));
    return states.receiveMessage();
  }

  private void offer(Sighting sighting) {
    assertThat(source.first().offer(sighting).isEnqueued()).isTrue();
  }

  private Checkpoint checkpoint(long step) throws Exception {
    Path file = files.checkpoint("step-%d.safetensors".formatted(step), step);
    return Checkpoint.ofFile("step-" + step, file.toString(), step);
  }

  /** A listing may overtake the word that the training is over, so there is more than one. */
  private RunEvent.RunEnded endWhileListing(String... runs) throws InterruptedException {
    for (int attempt = 0; attempt < 600; attempt++) {
      for (String run : runs) {
        list(run);
      }
      RunEvent event = told.poll(100, TimeUnit.MILLISECONDS);
      if (event instanceof RunEvent.RunEnded ended) {
        return ended;
      }
    }
    throw new AssertionError("the run does not end");
  }

  /** One that has ended takes no more. */
  private void list(String run) {
    var ignored = sourceOf(run).first().offer(new Sighting.Listed(AT.plusMillis(1), 0));
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
