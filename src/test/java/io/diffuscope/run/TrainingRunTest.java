package io.diffuscope.run;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.eventstream.EventStream;
import akka.actor.typed.javadsl.Behaviors;
import com.typesafe.config.ConfigFactory;
import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.checkpoint.CheckpointFiles;
import io.diffuscope.checkpoint.HoldSettings;
import io.diffuscope.checkpoint.Holds;
import io.diffuscope.data.ContentHash;
import io.diffuscope.detect.DetectorSettings;
import io.diffuscope.model.Devices;
import io.diffuscope.run.RunEvent.Standing;
import io.diffuscope.run.RunState.Status;
import io.diffuscope.sampling.GeometrySummary;
import io.diffuscope.sampling.Observation;
import io.diffuscope.sampling.Probe;
import io.diffuscope.sampling.ProbeDevice;
import io.diffuscope.sampling.ProbeFiles;
import io.diffuscope.sampling.ProbeSpec;
import io.diffuscope.sampling.Reference;
import io.diffuscope.sampling.SetGeometry;
import io.diffuscope.signal.ProbabilityFlowDistance;
import io.diffuscope.signal.Signal;
import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.signal.SignalNames;
import io.diffuscope.signal.SignalSchedule;
import io.diffuscope.signal.Statistic;
import io.diffuscope.tensorfile.SafetensorsFile;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Runs on the demo's network from the first checkpoint to the verdict, every message between actors
 * serialized on its way.
 */
class TrainingRunTest {
  private static final H2RunStore STORE = inMemory();
  private static final ActorTestKit KIT =
      ActorTestKit.create(STORE.config().withFallback(ConfigFactory.load("application-test")));

  private static H2RunStore inMemory() {
    try {
      return H2RunStore.inMemory();
    } catch (RunStoreException e) {
      throw new IllegalStateException(e);
    }
  }

  @TempDir private Path folder;

  @BeforeAll
  static void configure() {
    Devices.configure(1);
  }

  @AfterAll
  static void stop() {
    KIT.shutdownTestKit();
  }

  @Test
  void evaluatesInOrderAndGoesOnAfterABadCheckpoint() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    ProbeSpec spec = files.smallSpec();
    Path cut = Files.writeString(folder.resolve("step-15.safetensors"), "cut");
    List<Checkpoint> checkpoints =
        List.of(
            checkpoint(20, files.checkpoint("step-20.safetensors", 4)),
            checkpoint(15, cut),
            checkpoint(10, files.checkpoint("step-10.safetensors", 3)));
    try (Run run = new Run("good-and-bad", spec, 1)) {
      checkpoints.forEach(checkpoint -> run.actor.tell(new TrainingRun.Found(checkpoint)));
      run.actor.tell(new TrainingRun.PassedOver("/x.safetensors", "incomplete", "cut"));
      run.actor.tell(new TrainingRun.SourceEnded("training is over"));
      List<RunEvent> events = run.untilItsEnd();

      assertThat(events.getFirst()).isInstanceOf(RunEvent.CheckpointFound.class);
      assertThat(ofKind(events, RunEvent.CheckpointFound.class)).hasSize(3);
      assertThat(ofKind(events, RunEvent.CheckpointPassedOver.class)).hasSize(1);
      RunEvent.RunStarted started = ofKind(events, RunEvent.RunStarted.class).getFirst();
      assertThat(started.probe()).isEqualTo(run.probe.id());
      assertThat(started.notes()).anyMatch(note -> note.contains("no teacher"));
      assertThat(ofKind(events, RunEvent.EvaluationStarted.class))
          .extracting(event -> event.checkpoint().step())
          .containsExactly(10L, 15L, 20L);
      RunEvent.EvaluationFailed failed = ofKind(events, RunEvent.EvaluationFailed.class).getFirst();
      assertThat(failed.checkpoint().step()).isEqualTo(15);
      assertThat(failed.message()).contains(cut.toString()).doesNotContain("holds");
      assertThat(failed.reason()).isNotEqualTo("internal").isNotEqualTo("engine");

      List<RunEvent.EvaluationCompleted> done = ofKind(events, RunEvent.EvaluationCompleted.class);
      assertThat(done).extracting(event -> event.checkpoint().step()).containsExactly(10L, 20L);
      assertThat(done).allMatch(RunEvent.EvaluationCompleted::judged);
      // The same digits as without any actor.
      Map<Reference, double[]> previous = new EnumMap<>(Reference.class);
      assertThat(done.get(0).estimates())
          .isEqualTo(direct(run.probe, checkpoints.get(2), previous))
          .noneMatch(estimate -> estimate.statistic() == Statistic.CHANGE);
      assertThat(done.get(1).estimates())
          .isEqualTo(direct(run.probe, checkpoints.get(0), previous))
          .anyMatch(estimate -> estimate.statistic() == Statistic.CHANGE);
      for (RunEvent.EvaluationCompleted event : done) {
        List<EvaluationProgress> progress = run.progressOf(event.checkpoint());
        assertThat(progress).extracting(EvaluationProgress::done).isSorted();
        assertThat(progress.getLast().done()).isEqualTo(progress.getLast().total());
        assertThat(progress.getLast().estimates()).isEqualTo(event.estimates());
        assertThat(progress.getFirst().estimates())
            .as("estimates sharpen from the first block on")
            .isNotEmpty();
      }

      RunState state = run.state();
      assertThat(state.ended()).isTrue();
      assertThat(state.ledger())
          .containsEntry("step-10", Status.EVALUATED)
          .containsEntry("step-15", Status.FAILED)
          .containsEntry("step-20", Status.EVALUATED);
      assertThat(((RunEvent.RunEnded) events.getLast()).cause()).isEqualTo("training is over");
      assertThat(run.rebuilt(events)).isEqualTo(state);
    }
  }

  /** By the time that a sampler looks for the files, the trainer has removed them. */
  @Test
  void evaluatesWhatIsRotatedAwayMeanwhile() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    ProbeSpec spec = files.smallSpec();
    List<Checkpoint> checkpoints =
        List.of(
            CheckpointFiles.describe(files.checkpoint("step-10.safetensors", 3)),
            CheckpointFiles.describe(files.checkpoint("last.safetensors", 4)));
    List<List<SignalEstimate>> expected = new ArrayList<>();
    try (Probe probe = Probe.open(spec)) {
      for (Checkpoint checkpoint : checkpoints) {
        expected.add(direct(probe, checkpoint, new EnumMap<>(Reference.class)));
      }
    }
    Path holds = folder.resolve("holds");
    try (Run run = new Run("rotated", spec, 1, Run.holdsBeside(spec), TrainingRunTest::rotate)) {
      checkpoints.forEach(checkpoint -> run.actor.tell(new TrainingRun.Found(checkpoint)));
      run.actor.tell(new TrainingRun.SourceEnded("over"));
      List<RunEvent> events = run.untilItsEnd();
      List<RunEvent.EvaluationCompleted> done = ofKind(events, RunEvent.EvaluationCompleted.class);
      assertThat(done)
          .extracting(RunEvent.EvaluationCompleted::checkpoint)
          .containsExactlyElementsOf(checkpoints);
      for (int i = 0; i < done.size(); i++) {
        assertThat(withoutChanges(done.get(i).estimates()))
            .isEqualTo(withoutChanges(expected.get(i)));
        assertThat(checkpoints.get(i).file()).doesNotExist();
      }
      run.told.awaitAssert(
          () -> {
            assertThat(holds).isEmptyDirectory();
            return null;
          });
    }
  }

  /** The same without holds: so the test above sees what it is meant to see. */
  @Test
  void withoutHoldsWhatIsRotatedAwayMeanwhileHasVanished() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    Checkpoint checkpoint = CheckpointFiles.describe(files.checkpoint("step-10.safetensors", 3));
    try (Run run =
        new Run("in-place", files.smallSpec(), 1, Holds.off(), TrainingRunTest::rotate)) {
      run.actor.tell(new TrainingRun.Found(checkpoint));
      run.actor.tell(new TrainingRun.SourceEnded("over"));
      List<RunEvent> events = run.untilItsEnd();
      assertThat(ofKind(events, RunEvent.EvaluationFailed.class))
          .singleElement()
          .satisfies(failed -> assertThat(failed.reason()).isEqualTo("vanished"));
    }
  }

  /** The hold of a step's file is a link, so that the job's bytes are the hold's. */
  @Test
  void aStepThatIsWrittenIntoMeanwhileHasChanged() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    ProbeSpec spec = files.smallSpec();
    Checkpoint checkpoint = CheckpointFiles.describe(files.checkpoint("step-10.safetensors", 3));
    try (Run run =
        new Run(
            "written-into",
            spec,
            1,
            Run.holdsBeside(spec),
            unit -> Files.writeString(checkpoint.file(), "something else"))) {
      run.actor.tell(new TrainingRun.Found(checkpoint));
      run.actor.tell(new TrainingRun.SourceEnded("over"));
      assertThat(ofKind(run.untilItsEnd(), RunEvent.EvaluationFailed.class))
          .singleElement()
          .satisfies(
              failed -> {
                assertThat(failed.reason()).isEqualTo("changed");
                assertThat(failed.message()).startsWith(checkpoint.path()).doesNotContain("holds");
              });
    }
  }

  private static void rotate(Checkpoint measured) throws IOException {
    Files.deleteIfExists(measured.file());
  }

  private static List<SignalEstimate> withoutChanges(List<SignalEstimate> estimates) {
    return estimates.stream().filter(estimate -> estimate.statistic() != Statistic.CHANGE).toList();
  }

  @Test
  void betweenSamplingsOnlyTheLossesAreMeasured() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    Checkpoint first = checkpoint(10, files.checkpoint("step-10.safetensors", 3));
    Checkpoint between = checkpoint(11, files.checkpoint("step-11.safetensors", 4));
    Checkpoint due = checkpoint(20, files.checkpoint("step-20.safetensors", 5));
    Pace pace = new Pace(Pace.Policy.ALL, 1, 10, 1.15, null);
    try (Run run = new Run("spaced", files.smallSpec(), 1, pace)) {
      List.of(first, between, due).forEach(c -> run.actor.tell(new TrainingRun.Found(c)));
      run.actor.tell(new TrainingRun.SourceEnded("over"));
      List<RunEvent> events = run.untilItsEnd();

      assertThat(ofKind(events, RunEvent.RunStarted.class).getFirst().measuresLosses()).isTrue();
      List<RunEvent.EvaluationCompleted> done = ofKind(events, RunEvent.EvaluationCompleted.class);
      assertThat(done)
          .extracting(RunEvent.EvaluationCompleted::standing)
          .containsExactly(Standing.JUDGED, Standing.LOSSES_ONLY, Standing.JUDGED);
      assertThat(done)
          .extracting(RunEvent.EvaluationCompleted::sampled)
          .containsExactly(true, false, true);
      // The digits of a full evaluation, and the change to the checkpoint that was sampled last.
      Map<Reference, double[]> previous = new EnumMap<>(Reference.class);
      assertThat(done.get(0).estimates()).isEqualTo(direct(run.probe, first, previous));
      assertThat(done.get(2).estimates())
          .isEqualTo(direct(run.probe, due, previous))
          .anyMatch(estimate -> estimate.statistic() == Statistic.CHANGE);
      assertThat(done.get(1).estimates())
          .isNotEmpty()
          .isEqualTo(
              direct(run.probe, between, new EnumMap<>(Reference.class)).stream()
                  .filter(estimate -> estimate.signal().equals(SignalNames.DENOISING_GAP))
                  .toList());
      assertThat(run.state().lineage().judged().keySet()).containsExactly(10L, 20L);
      assertThat(run.rebuilt(events)).isEqualTo(run.state());
    }
  }

  @Test
  void underABudgetEveryEvaluationHasATurn() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    Pace pace = new Pace(Pace.Policy.ALL, 1, 10, 1, .9);
    try (Run run = new Run("budget", files.smallSpec(), 1, pace)) {
      for (long step = 10; step <= 12; step++) {
        Path file = files.checkpoint("step-%d.safetensors".formatted(step), step);
        run.actor.tell(new TrainingRun.Found(checkpoint(step, file)));
      }
      Path cut = Files.writeString(folder.resolve("step-13.safetensors"), "cut");
      run.actor.tell(new TrainingRun.Found(checkpoint(13, cut)));
      run.actor.tell(new TrainingRun.SourceEnded("over"));
      List<RunEvent> events = run.untilItsEnd();
      assertThat(ofKind(events, RunEvent.EvaluationCompleted.class))
          .hasSize(3)
          .allMatch(RunEvent.EvaluationCompleted::sampled);
      assertThat(ofKind(events, RunEvent.EvaluationFailed.class)).hasSize(1);
    }
  }

  /** A disk that does not answer for a while costs no checkpoint. */
  @Test
  void whatCannotBeReadForAWhileIsTriedAgain() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    // The disk answers once so many tries have failed.
    Map<Long, Integer> failing = Map.of(10L, 2, 20L, 1);
    Map<Long, AtomicInteger> failed = Map.of(10L, new AtomicInteger(), 20L, new AtomicInteger());
    ActorRef<RunNotification> counting =
        KIT.spawn(
            Behaviors.receiveMessage(
                told -> {
                  if (told instanceof RunEvent.EvaluationPostponed event
                      && event.run().equals("outage")) {
                    requireNonNull(failed.get(event.checkpoint().step())).incrementAndGet();
                  }
                  return Behaviors.same();
                }));
    KIT.system().eventStream().tell(new EventStream.Subscribe<>(RunNotification.class, counting));
    Meanwhile outage =
        measured -> {
          if (requireNonNull(failed.get(measured.step())).get()
              < requireNonNull(failing.get(measured.step()))) {
            throw new IOException("the disk does not answer");
          }
        };
    try (Run run =
        new Run(
            "outage",
            files.smallSpec(),
            1,
            Holds.off(),
            outage,
            Pace.all(10),
            Ending.NEVER,
            "outage")) {
      for (long step = 10; step <= 20; step += 10) {
        Path file = files.checkpoint("step-%d.safetensors".formatted(step), step);
        run.actor.tell(new TrainingRun.Found(checkpoint(step, file)));
      }
      run.actor.tell(new TrainingRun.SourceEnded("over"));
      List<RunEvent> events = run.untilItsEnd();
      assertThat(ofKind(events, RunEvent.EvaluationPostponed.class))
          .extracting(event -> "%s %d".formatted(event.checkpoint().step(), event.failed()))
          .containsExactly("10 1", "10 2", "20 1");
      assertThat(ofKind(events, RunEvent.EvaluationCompleted.class))
          .extracting(event -> event.checkpoint().step())
          .containsExactly(10L, 20L);
      assertThat(ofKind(events, RunEvent.EvaluationFailed.class)).isEmpty();
      assertThat(run.rebuilt(events)).isEqualTo(run.state());
    }
  }

  /** What moves between two checkpoints, and between two runs, noise by noise. */
  @Test
  void samplesAreComparedWithThePreviousCheckpointAndWithPeers() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    Path kept = folder.resolve("kept");
    ComparisonSettings both =
        new ComparisonSettings(kept.toString(), true, List.of("one", "two"), 3, 1 << 20);
    List<RunEvent.EvaluationCompleted> mine;
    try (Run run = new Run("one", files.smallSpec(), both)) {
      mine = evaluated(run, files, 3);
      // Nobody else has been there.
      assertThat(pfd(mine.get(0), Reference.PREVIOUS)).isEmpty();
      assertThat(pfd(mine.get(0), Reference.PEER)).isEmpty();
      assertThat(rms(mine.get(1), Reference.PREVIOUS))
          .isEqualTo(distance(run, kept, mine.get(1), mine.get(0)), within(1e-9));
      assertThat(pfd(mine.get(1), Reference.PREVIOUS))
          .noneMatch(estimate -> estimate.statistic() == Statistic.CHANGE);
    }
    try (Run run = new Run("two", files.smallSpec(), both)) {
      List<RunEvent.EvaluationCompleted> theirs = evaluated(run, files, 9);
      for (int i = 0; i < 2; i++) {
        assertThat(rms(theirs.get(i), Reference.PEER))
            .isEqualTo(distance(run, kept, theirs.get(i), mine.get(i)), within(1e-9));
        double variance = ensemble(theirs.get(i), Statistic.VARIANCE);
        double total = ensemble(theirs.get(i), Statistic.MEAN_SQUARE);
        // Of two, the variance is half the mean squared distance between them.
        assertThat(variance)
            .isEqualTo(Math.pow(rms(theirs.get(i), Reference.PEER), 2) / 2, within(1e-9));
        assertThat(ensemble(theirs.get(i), Statistic.BIAS_SQUARED))
            .isEqualTo(total - variance, within(1e-9));
        assertThat(total)
            .isEqualTo(
                (Math.pow(rms(mine.get(i), Reference.HOLDOUT), 2)
                        + Math.pow(rms(theirs.get(i), Reference.HOLDOUT), 2))
                    / 2,
                within(1e-6));
      }
      assertThat(theirs.get(0).estimates())
          .filteredOn(estimate -> estimate.reference() != Reference.PEER)
          .filteredOn(estimate -> !estimate.signal().equals(SignalNames.BIAS_VARIANCE))
          .isEqualTo(direct(run.probe, theirs.get(0).checkpoint(), new EnumMap<>(Reference.class)));
    }
  }

  /** Neither another peer than the first, nor an ensemble without one of them, nor a part. */
  @Test
  void noComparisonIsMadeOfAPart() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    Path kept = folder.resolve("kept");
    ComparisonSettings three =
        new ComparisonSettings(kept.toString(), true, List.of("one", "two", "three"), 3, 1 << 20);
    List<RunEvent.EvaluationCompleted> second;
    try (Run run = new Run("two", files.smallSpec(), three)) {
      second = evaluated(run, files, 3);
    }
    try (Run run = new Run("three", files.smallSpec(), three)) {
      // The first peer is not there yet; another one does not stand in for it.
      assertThat(evaluated(run, files, 5))
          .allMatch(done -> pfd(done, Reference.PEER).isEmpty())
          .allMatch(done -> ensemble(done, Statistic.VARIANCE) == 0);
    }
    try (Run run = new Run("one", files.smallSpec(), three)) {
      Path block = place(run.probe, kept, second.get(0), run.probe.sampleBlocks() - 1);
      byte[] bytes = Files.readAllBytes(block);
      bytes[bytes.length - 2] ^= 1;
      Files.write(block, bytes);
      List<RunEvent.EvaluationCompleted> last = evaluated(run, files, 7);
      assertThat(pfd(last.get(0), Reference.PEER)).isEmpty();
      assertThat(ensemble(last.get(0), Statistic.VARIANCE)).isZero();
      assertThat(rms(last.get(1), Reference.PEER))
          .isEqualTo(distance(run, kept, last.get(1), second.get(1)), within(1e-9));
      assertThat(ensemble(last.get(1), Statistic.VARIANCE)).isPositive();
    }
  }

  private List<RunEvent.EvaluationCompleted> evaluated(Run run, ProbeFiles files, int seed)
      throws Exception {
    for (long step = 10; step <= 20; step += 10) {
      Path file = files.checkpoint("%s-step-%d.safetensors".formatted(run.id, step), seed + step);
      run.actor.tell(new TrainingRun.Found(checkpoint(step, file)));
    }
    run.actor.tell(new TrainingRun.SourceEnded("over"));
    return ofKind(run.untilItsEnd(), RunEvent.EvaluationCompleted.class);
  }

  private static List<SignalEstimate> pfd(RunEvent.EvaluationCompleted done, Reference reference) {
    return done.estimates().stream()
        .filter(estimate -> estimate.signal().equals(SignalNames.PFD))
        .filter(estimate -> estimate.reference() == reference)
        .toList();
  }

  private static double rms(RunEvent.EvaluationCompleted done, Reference reference) {
    return pfd(done, reference).stream()
        .filter(estimate -> estimate.statistic() == Statistic.RMS)
        .mapToDouble(estimate -> estimate.estimate().value())
        .sum();
  }

  private static double ensemble(RunEvent.EvaluationCompleted done, Statistic statistic) {
    return done.estimates().stream()
        .filter(estimate -> estimate.signal().equals(SignalNames.BIAS_VARIANCE))
        .filter(estimate -> estimate.statistic() == statistic)
        .mapToDouble(estimate -> estimate.estimate().value())
        .sum();
  }

  /** Root of the mean squared distance, from the kept files. */
  private static double distance(
      Run run, Path kept, RunEvent.EvaluationCompleted done, RunEvent.EvaluationCompleted other)
      throws Exception {
    double sum = 0;
    for (int block = 0; block < run.probe.sampleBlocks(); block++) {
      float[] a = samples(run.probe, kept, done, block);
      float[] b = samples(run.probe, kept, other, block);
      for (int i = 0; i < a.length; i++) {
        sum += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
      }
    }
    return Math.sqrt(sum / run.probe.samples());
  }

  private static float[] samples(
      Probe probe, Path kept, RunEvent.EvaluationCompleted done, int block) throws Exception {
    try (SafetensorsFile stored = SafetensorsFile.open(place(probe, kept, done, block))) {
      float[] values = new float[probe.rowsOfBlock(block) * probe.dimension()];
      stored.readFloats("samples", 0, FloatBuffer.wrap(values));
      return values;
    }
  }

  private static Path place(Probe probe, Path kept, RunEvent.EvaluationCompleted done, int block) {
    return kept.resolve(probe.sampleSeries())
        .resolve(done.run())
        .resolve(
            "%d-%s"
                .formatted(done.checkpoint().step(), ContentHash.of(done.checkpoint().identity())))
        .resolve("block-%05d.safetensors".formatted(block));
  }

  @Test
  void whatCanNeverBeReadFailsAfterSomeTries() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    Checkpoint bad = checkpoint(10, files.checkpoint("step-10.safetensors", 3));
    Meanwhile broken =
        measured -> {
          if (measured.equals(bad)) {
            throw new IOException("a bad sector");
          }
        };
    try (Run run = new Run("sector", files.smallSpec(), 1, Holds.off(), broken)) {
      run.actor.tell(new TrainingRun.Found(bad));
      run.actor.tell(
          new TrainingRun.Found(checkpoint(20, files.checkpoint("step-20.safetensors", 4))));
      run.actor.tell(new TrainingRun.SourceEnded("over"));
      List<RunEvent> events = run.untilItsEnd();
      assertThat(ofKind(events, RunEvent.EvaluationPostponed.class)).hasSize(2);
      assertThat(ofKind(events, RunEvent.EvaluationFailed.class))
          .extracting(RunEvent.EvaluationFailed::reason, RunEvent.EvaluationFailed::message)
          .containsExactly(tuple("unreadable", "a bad sector"));
      assertThat(run.state().ledger())
          .containsEntry("step-10", Status.FAILED)
          .containsEntry("step-20", Status.EVALUATED);
    }
  }

  /** There is no flow to compare with, and nothing to prepare but the sets' geometry. */
  @Test
  void aClassConditionalNetworkWithoutLabelsIsStillMeasured() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    String models = "/io/diffuscope/model/conditional-memorizer";
    TensorShape point = TensorShape.of(8);
    ProbeSpec spec =
        files.spec(
            files.resource(models + "-without-null.pt"),
            files.write("plain.npy", point, ProbeFiles.blobs(24, 8, 1)),
            files.write("other.npy", point, ProbeFiles.blobs(20, 8, 2)));
    Checkpoint checkpoint = checkpoint(10, files.resource(models + ".safetensors"));
    try (Run run = new Run("without-labels", spec, 1)) {
      run.actor.tell(new TrainingRun.Found(checkpoint));
      run.actor.tell(new TrainingRun.SourceEnded("over"));
      List<RunEvent> events = run.untilItsEnd();
      assertThat(ofKind(events, RunEvent.RunStarted.class).getFirst().notes())
          .anyMatch(note -> note.startsWith("pfd to train is off"))
          .anyMatch(note -> note.startsWith("pfd to holdout is off"))
          .anyMatch(note -> note.startsWith("denoising_gap is off"))
          .contains("no teacher: pfd to teacher is off");
      assertThat(ofKind(events, RunEvent.EvaluationCompleted.class).getFirst().estimates())
          .extracting(SignalEstimate::signal)
          .contains(SignalNames.NEAREST_RATIO, SignalNames.TRAIN_AFFINITY)
          .doesNotContain(SignalNames.PFD, SignalNames.DENOISING_GAP);
    }
  }

  /** Also the paired change is the one to the step that the new attempt goes on from. */
  @Test
  void aRestartedTrainingIsComparedWithWhatItGoesOnFrom() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    ProbeSpec spec = files.smallSpec();
    Checkpoint first = written(10, 1, files.checkpoint("a-step-10.safetensors", 3));
    Checkpoint again = written(20, 4, files.checkpoint("b-step-20.safetensors", 6));
    try (Run run = new Run("restarted", spec, 1)) {
      run.actor.tell(new TrainingRun.Found(first));
      run.actor.tell(
          new TrainingRun.Found(written(20, 2, files.checkpoint("a-step-20.safetensors", 4))));
      run.actor.tell(
          new TrainingRun.Found(written(30, 3, files.checkpoint("a-step-30.safetensors", 5))));
      List<RunEvent> events = run.untilEvaluated(3);
      run.actor.tell(new TrainingRun.Found(again));
      run.actor.tell(new TrainingRun.SourceEnded("over"));
      events.addAll(run.untilItsEnd());

      assertThat(ofKind(events, RunEvent.AttemptStarted.class))
          .singleElement()
          .satisfies(event -> assertThat(event.fromStep()).isEqualTo(20));
      Map<Reference, double[]> previous = new EnumMap<>(Reference.class);
      direct(run.probe, first, previous);
      assertThat(ofKind(events, RunEvent.EvaluationCompleted.class).getLast().estimates())
          .isEqualTo(direct(run.probe, again, previous))
          .anyMatch(estimate -> estimate.statistic() == Statistic.CHANGE);
      assertThat(run.rebuilt(events)).isEqualTo(run.state());
    }
  }

  @Test
  void threeSamplersGiveTheSameDigitsAsOne() throws Exception {
    List<List<SignalEstimate>> found = new ArrayList<>();
    for (int samplers : new int[] {1, 3}) {
      // Each with files and a cache of its own.
      ProbeFiles files = new ProbeFiles(Files.createDirectory(folder.resolve("" + samplers)));
      Checkpoint checkpoint = checkpoint(10, files.checkpoint("step-10.safetensors", 3));
      try (Run run = new Run("samplers-" + samplers, files.smallSpec(), samplers)) {
        run.actor.tell(new TrainingRun.Found(checkpoint));
        run.actor.tell(new TrainingRun.SourceEnded("over"));
        found.add(
            ofKind(run.untilItsEnd(), RunEvent.EvaluationCompleted.class).getFirst().estimates());
      }
    }
    assertThat(found.get(1)).isEqualTo(found.get(0)).isNotEmpty();
  }

  @Test
  void aRunThatCannotBePreparedStops() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    ProbeSpec spec = files.smallSpec();
    try (Run run = new Run("unprepared", spec, 0)) {
      // Gone between the opening of the probe and the sampler's first look.
      Files.delete(Path.of(spec.train()));
      KIT.spawn(Sampler.create(run.queue), Sampler.dispatcher());
      TrainingRun.Unprepared unprepared = run.owner.receiveMessage(Duration.ofSeconds(60));
      assertThat(unprepared.reason()).isEqualTo("vanished");
      assertThat(unprepared.message())
          .startsWith("run unprepared cannot be prepared: ")
          .contains(spec.train());
      run.owner.expectTerminated(run.actor, Duration.ofSeconds(60));
    }
  }

  @Test
  void aRunWithoutCheckpointsEnds() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    ProbeSpec spec = files.smallSpec();
    ProbeSpec alone = files.spec(Path.of(spec.template()), Path.of(spec.train()), null);
    try (Run run = new Run("empty", alone, 1)) {
      run.actor.tell(new TrainingRun.SourceEnded("nothing came"));
      List<RunEvent> events = run.untilItsEnd();
      assertThat(events).hasSize(2);
      assertThat(events.get(0))
          .isInstanceOfSatisfying(
              RunEvent.RunStarted.class,
              started -> {
                assertThat(started.trustAffinity()).isFalse();
                assertThat(started.notes()).anyMatch(note -> note.contains("no hold-out set"));
              });
    }
  }

  /** Ended by a marker or by time, a run does not know its last step until then. */
  @Test
  void theNewestIsSampledWhenTheSourceEnds() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    Pace pace = new Pace(Pace.Policy.LATEST, 1, 10, 10, null);
    try (Run run = new Run("last", files.smallSpec(), 1, pace)) {
      for (int step = 10; step <= 11; step++) {
        Path file = files.checkpoint("step-%d.safetensors".formatted(step), step);
        run.actor.tell(new TrainingRun.Found(checkpoint(step, file)));
        List<RunEvent.EvaluationCompleted> done =
            ofKind(run.untilEvaluated(1), RunEvent.EvaluationCompleted.class);
        assertThat(done.getLast().sampled()).isEqualTo(step == 10);
      }
      run.actor.tell(new TrainingRun.SourceEnded("the end marker DONE is there"));
      List<RunEvent> rest = run.untilItsEnd();

      RunEvent.EvaluationCompleted last =
          ofKind(rest, RunEvent.EvaluationCompleted.class).getFirst();
      assertThat(last.checkpoint().step()).isEqualTo(11);
      assertThat(last.judged()).isTrue();
      assertThat(last.estimates())
          .as("in pairs with step 10")
          .anyMatch(estimate -> estimate.statistic() == Statistic.CHANGE);
      assertThat(ofKind(rest, RunEvent.EvaluationCompleted.class)).hasSize(1);
      assertThat(run.state().ledger().values()).containsOnly(Status.EVALUATED);
    }
  }

  /** Killed in the middle of an evaluation, and started again. */
  @Test
  void aRunThatIsStartedAgainGoesOnWhereItWas() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    ProbeSpec spec = files.smallSpec();
    List<Checkpoint> checkpoints = new ArrayList<>();
    for (int step = 10; step <= 40; step += 10) {
      checkpoints.add(checkpoint(step, files.checkpoint("step-%d.safetensors".formatted(step), 3)));
    }
    List<RunEvent> first;
    try (Run run = new Run("again", spec, Ending.NEVER, "/run")) {
      run.actor.tell(new TrainingRun.PassedOver("/cut", "incomplete", "cut"));
      checkpoints.subList(0, 3).forEach(c -> run.actor.tell(new TrainingRun.Found(c)));
      first =
          run.until(
              events ->
                  ofKind(events, RunEvent.EvaluationStarted.class).size() == 2
                      || events.getLast() instanceof RunEvent.RunEnded);
    }
    try (Run run = new Run("again", spec, Ending.NEVER, "/run")) {
      // Its source begins afresh, and tells everything again.
      run.actor.tell(new TrainingRun.PassedOver("/cut", "incomplete", "cut"));
      checkpoints.forEach(checkpoint -> run.actor.tell(new TrainingRun.Found(checkpoint)));
      run.actor.tell(new TrainingRun.SourceEnded("over"));
      List<RunEvent> second = run.untilItsEnd();
      List<RunEvent> history = run.history.getFirst().events();
      assertThat(run.history).hasSize(1);
      // What it told was written before; more may have been, after the last that was heard.
      assertThat(history.subList(0, first.size())).isEqualTo(first);
      assertThat(second.getFirst()).isInstanceOf(RunEvent.RunResumed.class);
      List<RunEvent> all = new ArrayList<>(history);
      all.addAll(second);
      assertThat(ofKind(all, RunEvent.CheckpointPassedOver.class)).hasSize(1);
      assertThat(ofKind(all, RunEvent.CheckpointFound.class)).hasSize(4);
      assertThat(ofKind(all, RunEvent.EvaluationCompleted.class))
          .extracting(event -> event.checkpoint().step())
          .containsExactly(10L, 20L, 30L, 40L);
      assertThat(ofKind(second, RunEvent.EvaluationCompleted.class).getFirst().estimates())
          .as("in pairs with what was measured before")
          .anyMatch(estimate -> estimate.statistic() == Statistic.CHANGE);
      Map<Reference, double[]> previous = new EnumMap<>(Reference.class);
      List<RunEvent.EvaluationCompleted> done = ofKind(all, RunEvent.EvaluationCompleted.class);
      for (int i = 0; i < done.size(); i++) {
        assertThat(done.get(i).estimates())
            .as("as if it had never been stopped")
            .isEqualTo(direct(run.probe, checkpoints.get(i), previous));
      }
      assertThat(run.rebuilt(all)).isEqualTo(run.state());
      assertThat(kept(run)).isEqualTo(all);
    }
    // Nothing new: no reference is made ready, and nothing is written.
    Ending once = new Ending(null, null, null, true, null);
    try (Run run = new Run("again", spec, once, "/run")) {
      List<RunEvent> before = kept(run);
      run.actor.tell(new TrainingRun.Found(checkpoints.getFirst()));
      run.actor.tell(new TrainingRun.SourceEnded("over"));
      assertThat(run.untilItsEnd())
          .hasExactlyElementsOfTypes(RunEvent.RunResumed.class, RunEvent.RunEnded.class);
      assertThat(kept(run)).isEqualTo(before);
    }
  }

  private static List<RunEvent> kept(Run run) throws IOException {
    List<RunEvent> events = new ArrayList<>();
    STORE.forEach(new SeriesId(run.id, run.probe.id(), "/run"), events::add);
    return events;
  }

  @Test
  void aDamagedJournalStopsTheRunWithItsCause() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    ProbeSpec spec = files.smallSpec();
    try (Probe probe = Probe.open(spec)) {
      SeriesId series = new SeriesId("damaged", probe.id(), "/run");
      STORE.append(series, List.of(new RunEvent.RunResumed("damaged", Instant.EPOCH)));
      try (Connection connection = DriverManager.getConnection(STORE.url());
          PreparedStatement spoil =
              connection.prepareStatement(
                  "UPDATE \"event_journal\" SET \"event_payload\" = X'010203' WHERE"
                      + " \"persistence_id\" = ?")) {
        spoil.setString(1, series.persistenceId());
        assertThat(spoil.executeUpdate()).isEqualTo(1);
      }
    }
    try (Run run = new Run("damaged", spec, Ending.NEVER, "/run")) {
      TrainingRun.Unprepared unprepared = run.owner.receiveMessage(Duration.ofSeconds(60));
      assertThat(unprepared.reason()).isEqualTo("malformed");
      assertThat(unprepared.message())
          .contains("event 1 of run damaged is damaged")
          .contains("restore the journal from a backup");
      run.owner.expectTerminated(run.actor, Duration.ofSeconds(60));
    }
  }

  /** A job may write one more file than it promised. */
  @Test
  void whatComesWhileDrainingIsEvaluated() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    Ending ending = new Ending(10L, null, null, false, Duration.ofMinutes(5));
    try (Run run = new Run("one-more", files.smallSpec(), ending, Run.anywhere())) {
      run.actor.tell(
          new TrainingRun.Found(checkpoint(10, files.checkpoint("step-10.safetensors", 3))));
      run.actor.tell(new TrainingRun.SourceEnded("final step 10 was reached", Instant.now()));
      run.actor.tell(
          new TrainingRun.Found(checkpoint(11, files.checkpoint("step-11.safetensors", 4))));
      List<RunEvent> events = run.untilItsEnd();
      assertThat(ofKind(events, RunEvent.EvaluationCompleted.class))
          .extracting(event -> event.checkpoint().step(), RunEvent.EvaluationCompleted::sampled)
          .containsExactly(tuple(10L, true), tuple(11L, true));
    }
  }

  @Test
  void whatIsLeftWhenTheTimeToDrainIsOverIsSkippedAndCounted() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    Ending ending = new Ending(null, null, null, false, Duration.ZERO);
    try (Run run = new Run("drained", files.smallSpec(), ending, Run.anywhere())) {
      for (int step = 1; step <= 50; step++) {
        run.actor.tell(
            new TrainingRun.Found(checkpoint(step, files.checkpoint("step-" + step, 3))));
      }
      run.actor.tell(new TrainingRun.SourceEnded("the end marker DONE is there"));
      List<RunEvent> events = run.untilItsEnd();
      int done = ofKind(events, RunEvent.EvaluationCompleted.class).size();
      List<RunEvent.CheckpointSkipped> skipped = ofKind(events, RunEvent.CheckpointSkipped.class);
      assertThat(skipped).extracting(RunEvent.CheckpointSkipped::reason).containsOnly("ended");
      assertThat(done + skipped.size()).isEqualTo(50);
      assertThat(((RunEvent.RunEnded) events.getLast()).cause())
          .isEqualTo(
              "the end marker DONE is there; %d checkpoints were not evaluated within the drain timeout of 0 s"
                  .formatted(skipped.size()));
      RunState state = run.state();
      assertThat(state.isIdle()).isTrue();
      assertThat(state.ledger().values()).isSubsetOf(Status.EVALUATED, Status.SKIPPED);
      assertThat(run.rebuilt(events)).isEqualTo(state);
    }
  }

  private static List<SignalEstimate> direct(
      Probe probe, Checkpoint checkpoint, Map<Reference, double[]> previous) throws Exception {
    try (ProbeDevice device = ProbeDevice.load(probe, Device.cpu())) {
      SetGeometry found = device.geometry().complete();
      device.useGeometry(found);
      device.useCheckpoint(checkpoint.identity(), checkpoint.weights());
      GeometrySummary geometry = found.summary();
      double decisionZ = DetectorSettings.DEFAULT.earlyMemorization().decisionZ();
      EvaluationPlan plan = EvaluationPlan.of(probe, geometry, decisionZ, SignalSchedule.DEFAULT);
      List<Signal> signals = plan.signals(previous);
      for (WorkUnit unit : plan.units(checkpoint)) {
        List<Observation> observations =
            switch (unit) {
              case WorkUnit.SampleBlock u ->
                  device.samples(u.block(), u.measurements(), null, null).complete();
              case WorkUnit.DenoisingBlock u ->
                  List.of(device.denoisingBlock(u.sigma(), u.block()).complete());
              case WorkUnit.SpikinessBlock u -> List.of(device.setSpikiness(u.block()).complete());
              default -> throw new AssertionError(unit);
            };
        observations.forEach(o -> signals.forEach(signal -> signal.observe(o)));
      }
      List<SignalEstimate> estimates = new ArrayList<>();
      for (Signal signal : signals) {
        estimates.addAll(signal.estimates(true));
        if (signal instanceof ProbabilityFlowDistance distance) {
          previous.put(distance.reference(), distance.squaredDistances());
        }
      }
      return estimates;
    }
  }

  /** A file written at a time: a restart under other names. */
  private static Checkpoint written(long step, long time, Path file) {
    return Checkpoint.ofFile(
        "%d@%d".formatted(step, time), file.toString(), step, Instant.ofEpochSecond(time));
  }

  private static Checkpoint checkpoint(long step, Path file) {
    return Checkpoint.ofFile("step-" + step, file.toString(), step);
  }

  private static <E extends RunEvent> List<E> ofKind(List<RunEvent> events, Class<E> kind) {
    return events.stream().filter(kind::isInstance).map(kind::cast).toList();
  }

  /** What the trainer does when a sampler is about to be given a unit of a checkpoint. */
  private interface Meanwhile {
    void act(Checkpoint measured) throws IOException;
  }

  /** Hands units on to the queue. */
  private static Behavior<WorkQueue.Command> after(
      Meanwhile trainer, ActorRef<WorkQueue.Command> queue) {
    return Behaviors.receiveMessage(
        message -> {
          if (message instanceof WorkQueue.Submit submit && submit.unit().measured() != null) {
            try {
              trainer.act(submit.unit().measured());
            } catch (IOException e) {
              submit
                  .replyTo()
                  .tell(new WorkOutcome.Failed("unreadable", String.valueOf(e.getMessage())));
              return Behaviors.same();
            }
          }
          queue.tell(message);
          return Behaviors.same();
        });
  }

  /** A disk that is full costs the evidence, one message and no evaluation. */
  @Test
  void evidenceIsThereWhenTheRunEndsAndItsFailureKeepsNothingBack() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    ProbeSpec spec = files.smallSpec();
    Path good = folder.resolve("evidence");
    Path bad = Files.writeString(folder.resolve("no-folder"), "a file");
    EvidenceSettings settings =
        new EvidenceSettings(EvidenceSettings.Mode.PICTURES, 5, 10, 64 << 20);
    for (Path place : List.of(good, bad)) {
      EvidenceStore store = EvidenceStore.in(place, settings);
      try (Run run = new Run("evidence", spec, settings, store)) {
        run.actor.tell(new TrainingRun.Found(checkpoint(10, files.checkpoint("step-10", 3))));
        run.actor.tell(new TrainingRun.Found(checkpoint(20, files.checkpoint("step-20", 4))));
        run.actor.tell(new TrainingRun.SourceEnded("over"));
        List<RunEvent> events = run.untilItsEnd();
        assertThat(ofKind(events, RunEvent.EvaluationCompleted.class)).hasSize(2);
        assertThat(run.evidence)
            .extracting(EvidenceNews::first)
            .isEqualTo(place.equals(good) ? List.of() : List.of(true, false));
        assertThat(run.evidence).allMatch(news -> news.message().contains(bad.toString()));
        List<Evidence> kept = store.of("evidence");
        assertThat(kept)
            .extracting(Evidence::step)
            .isEqualTo(place.equals(good) ? List.of(10L, 20L) : List.of());
        assertThat(kept).allMatch(Evidence::pictured).allMatch(one -> one.worst().size() == 5);
      }
    }
  }

  /** What an earlier process recorded keeps its evidence, whatever series it belongs to. */
  @Test
  void evidenceThatNoRecordTellsOfIsRemovedWhenARunGoesOn() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    ProbeSpec spec = files.smallSpec();
    EvidenceSettings settings =
        new EvidenceSettings(EvidenceSettings.Mode.PICTURES, 5, 10, 64 << 20);
    EvidenceStore store = EvidenceStore.in(folder.resolve("evidence"), settings);
    for (long step : List.of(10L, 20L)) {
      try (Run run = new Run("left-evidence", spec, settings, store)) {
        run.actor.tell(
            new TrainingRun.Found(checkpoint(step, files.checkpoint("step-" + step, 3))));
        run.actor.tell(new TrainingRun.SourceEnded("over"));
        run.untilItsEnd();
        assertThat(run.evidence).isEmpty();
      }
      Path kept = folder.resolve("evidence").resolve("run-left-evidence");
      assertThat(kept.resolve("99.json")).doesNotExist();
      assertThat(kept.resolve("99.png")).doesNotExist();
      Files.copy(kept.resolve(step + ".png"), kept.resolve("99.png"));
      String table = Files.readString(kept.resolve(step + ".json"));
      Files.writeString(kept.resolve("99.json"), table.replace("\"step\":" + step, "\"step\":99"));
      assertThat(store.of("left-evidence")).hasSize(step == 10 ? 2 : 3);
    }
    try (Run run = new Run("left-evidence", spec, settings, store)) {
      run.actor.tell(new TrainingRun.SourceEnded("over"));
      run.untilItsEnd();
    }
    assertThat(store.of("left-evidence")).extracting(Evidence::step).containsExactly(10L, 20L);
  }

  /** With the bytes that it had, where the checkpoint is still there. */
  @Test
  void damagedEvidenceIsMeasuredAgain() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    ProbeSpec spec = files.smallSpec();
    EvidenceSettings settings =
        new EvidenceSettings(EvidenceSettings.Mode.PICTURES, 5, 10, 64 << 20);
    EvidenceStore store = EvidenceStore.in(folder.resolve("evidence"), settings);
    Path kept = folder.resolve("evidence").resolve("run-damaged-evidence");
    try (Run run = new Run("damaged-evidence", spec, settings, store)) {
      for (int step = 10; step <= 40; step += 10) {
        run.actor.tell(
            new TrainingRun.Found(checkpoint(step, files.checkpoint("step-" + step, step))));
      }
      run.actor.tell(new TrainingRun.SourceEnded("over"));
      run.untilItsEnd();
    }
    Map<String, byte[]> before = new HashMap<>();
    for (String name : List.of("10.png", "10.json", "20.png", "20.json", "40.png", "40.json")) {
      before.put(name, Files.readAllBytes(kept.resolve(name)));
    }
    Files.write(kept.resolve("10.png"), new byte[] {1, 2, 3});
    Files.writeString(kept.resolve("20.json"), "{");
    Files.delete(kept.resolve("30.png"));
    Files.delete(files.checkpoint("step-30", 30));

    try (Run run = new Run("damaged-evidence", spec, settings, store)) {
      run.actor.tell(new TrainingRun.Found(checkpoint(50, files.checkpoint("step-50", 5))));
      run.actor.tell(new TrainingRun.SourceEnded("over"));
      List<RunEvent> events = run.untilItsEnd();
      assertThat(ofKind(events, RunEvent.EvaluationCompleted.class))
          .as("no result is recorded again")
          .hasSize(1);
    }
    for (Map.Entry<String, byte[]> file : before.entrySet()) {
      assertThat(kept.resolve(file.getKey())).as(file.getKey()).hasBinaryContent(file.getValue());
    }
    assertThat(store.of("damaged-evidence"))
        .extracting(Evidence::pictured)
        .containsExactly(true, true, false, true, true);
  }

  /** A run with its queue and samplers, and what it tells. */
  private static final class Run implements AutoCloseable {
    private final TestProbe<RunNotification> told = KIT.createTestProbe(RunNotification.class);
    private final TestProbe<TrainingRun.Unprepared> owner =
        KIT.createTestProbe(TrainingRun.Unprepared.class);
    private final List<EvaluationProgress> progress = new ArrayList<>();
    private final List<History> history = new ArrayList<>();
    private final List<EvidenceNews> evidence = new ArrayList<>();
    private final String id;
    private final Probe probe;
    private final RunSettings settings;
    private final ActorRef<WorkQueue.Command> queue;
    private final ActorRef<TrainingRun.Command> actor;

    Run(String id, ProbeSpec spec, int samplers) throws Exception {
      this(id, spec, samplers, holdsBeside(spec), measured -> {}, Pace.all(10));
    }

    Run(String id, ProbeSpec spec, int samplers, Holds holds, Meanwhile trainer) throws Exception {
      this(id, spec, samplers, holds, trainer, Pace.all(10));
    }

    Run(String id, ProbeSpec spec, int samplers, Pace pace) throws Exception {
      this(id, spec, samplers, holdsBeside(spec), measured -> {}, pace, Ending.NEVER, anywhere());
    }

    Run(String id, ProbeSpec spec, ComparisonSettings comparisons) throws Exception {
      this(
          id,
          spec,
          1,
          Holds.off(),
          measured -> {},
          Pace.all(10),
          Ending.NEVER,
          anywhere(),
          comparisons,
          EvidenceSettings.OFF,
          EvidenceStore.NONE);
    }

    Run(String id, ProbeSpec spec, Ending ending, String source) throws Exception {
      this(id, spec, 1, Holds.off(), measured -> {}, Pace.all(100), ending, source);
    }

    Run(String id, ProbeSpec spec, int samplers, Holds holds, Meanwhile trainer, Pace pace)
        throws Exception {
      this(id, spec, samplers, holds, trainer, pace, Ending.NEVER, anywhere());
    }

    Run(String id, ProbeSpec spec, EvidenceSettings evidence, EvidenceStore store)
        throws Exception {
      this(
          id,
          spec,
          1,
          Holds.off(),
          measured -> {},
          Pace.all(10),
          Ending.NEVER,
          anywhere(),
          ComparisonSettings.OFF,
          evidence,
          store);
    }

    private Run(
        String id,
        ProbeSpec spec,
        int samplers,
        Holds holds,
        Meanwhile trainer,
        Pace pace,
        Ending ending,
        String source)
        throws Exception {
      this(
          id,
          spec,
          samplers,
          holds,
          trainer,
          pace,
          ending,
          source,
          ComparisonSettings.OFF,
          EvidenceSettings.OFF,
          EvidenceStore.NONE);
    }

    private Run(
        String id,
        ProbeSpec spec,
        int samplers,
        Holds holds,
        Meanwhile trainer,
        Pace pace,
        Ending ending,
        String source,
        ComparisonSettings comparisons,
        EvidenceSettings kept,
        EvidenceStore store)
        throws Exception {
      this.id = id;
      this.probe = Probe.open(spec);
      this.settings =
          new RunSettings(
              id,
              "Run " + id,
              spec,
              pace,
              StepScale.UPDATES,
              ending,
              DetectorSettings.DEFAULT,
              samplers + 1,
              Duration.ofMinutes(1),
              new Retries(3, Duration.ofMillis(50), Duration.ofMillis(100)),
              SignalSchedule.DEFAULT,
              comparisons,
              kept);
      KIT.system()
          .eventStream()
          .tell(new EventStream.Subscribe<>(RunNotification.class, told.getRef()));
      queue = KIT.spawn(WorkQueue.create());
      for (int i = 0; i < samplers; i++) {
        KIT.spawn(Sampler.create(queue), Sampler.dispatcher());
      }
      actor =
          KIT.spawn(
              TrainingRun.create(
                  settings,
                  new SharedParts(
                      probe,
                      KIT.spawn(after(trainer, queue)),
                      pace.budget() == null ? null : KIT.spawn(DeviceTurns.create(pace.budget())),
                      holds,
                      store,
                      STORE),
                  source,
                  InstantSource.system(),
                  owner.getRef()));
    }

    /** A series of its own. */
    private static String anywhere() {
      return UUID.randomUUID().toString();
    }

    private static Holds holdsBeside(ProbeSpec spec) throws Exception {
      Path folder = Path.of(spec.template()).resolveSibling("holds");
      return Holds.open(folder, new HoldSettings(HoldSettings.Mode.AUTO, Long.MAX_VALUE), Set.of());
    }

    List<RunEvent> untilItsEnd() {
      return until(events -> events.getLast() instanceof RunEvent.RunEnded);
    }

    List<RunEvent> untilEvaluated(int checkpoints) {
      return until(
          events -> ofKind(events, RunEvent.EvaluationCompleted.class).size() == checkpoints);
    }

    private List<RunEvent> until(Predicate<List<RunEvent>> enough) {
      List<RunEvent> events = new ArrayList<>();
      while (events.isEmpty() || !enough.test(events)) {
        RunNotification notification = told.receiveMessage(Duration.ofSeconds(60));
        if (notification.run().equals(id)) {
          if (notification instanceof RunEvent event) {
            events.add(event);
          } else if (notification instanceof EvaluationProgress step) {
            progress.add(step);
          } else if (notification instanceof EvidenceNews news) {
            evidence.add(news);
          } else if (notification instanceof History past) {
            history.add(past);
          }
        }
      }
      return events;
    }

    List<EvaluationProgress> progressOf(Checkpoint checkpoint) {
      return progress.stream().filter(p -> p.checkpoint().equals(checkpoint)).toList();
    }

    RunState state() {
      TestProbe<RunState> answer = KIT.createTestProbe(RunState.class);
      actor.tell(new TrainingRun.GetState(answer.getRef()));
      return answer.receiveMessage(Duration.ofSeconds(10));
    }

    RunState rebuilt(List<RunEvent> events) {
      RunDecisions decisions = new RunDecisions(settings);
      RunState state = RunState.EMPTY;
      for (RunEvent event : events) {
        state = decisions.apply(state, event);
      }
      return state;
    }

    @Override
    public void close() {
      KIT.stop(actor);
      KIT.stop(queue);
      probe.close();
    }
  }
}
