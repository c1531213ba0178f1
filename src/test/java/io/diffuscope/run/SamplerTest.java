package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import akka.actor.typed.eventstream.EventStream;
import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.checkpoint.CheckpointFiles;
import io.diffuscope.model.Devices;
import io.diffuscope.run.WorkOutcome.Failed;
import io.diffuscope.run.WorkOutcome.Observed;
import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.sampling.ProbeFiles;
import io.diffuscope.sampling.ProbeSpec;
import io.diffuscope.sampling.Reference;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SamplerTest {
  private static final ActorTestKit KIT = ActorTestKit.create();

  private static final Instant NEVER = Instant.parse("9999-01-01T00:00:00Z");

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
  void doesEachKindOfUnit() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    Work work = new Work(files.smallSpec());
    Checkpoint checkpoint = checkpoint("good", files.checkpoint("good.safetensors", 3));
    // Samples before the geometry: the sampler finds it itself.
    assertThat(work.outcome(new WorkUnit.SampleBlock(checkpoint, 2, Set.of())))
        .isInstanceOfSatisfying(
            Observed.class,
            o ->
                assertThat(((SampleObservation) o.observations().getFirst()).count()).isEqualTo(8));
    assertThat(work.outcome(new WorkUnit.FindGeometry()))
        .isInstanceOfSatisfying(
            WorkOutcome.GeometryFound.class,
            found -> assertThat(found.geometry().comparedHoldout()).isEqualTo(20));
    assertThat(work.outcome(new WorkUnit.ReferenceFlow(Reference.HOLDOUT, 0)))
        .isEqualTo(new WorkOutcome.EndpointsKept(16));
    assertThat(work.outcome(new WorkUnit.DenoisingBlock(checkpoint, 1, 1)))
        .isInstanceOf(Observed.class);
  }

  @Test
  void aBadCheckpointFailsWithItsReasonAndTheNextWorks() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    Work work = new Work(files.smallSpec());
    Path good = files.checkpoint("good.safetensors", 3);
    Path cut = folder.resolve("cut.safetensors");
    byte[] bytes = Files.readAllBytes(good);
    Files.write(cut, Arrays.copyOf(bytes, bytes.length / 2));
    assertFailed(work, cut, "truncated");
    assertFailed(work, folder.resolve("absent.safetensors"), "vanished");
    assertFailed(work, files.resource("/io/diffuscope/model/small-a.safetensors"), "mismatch");
    assertFailed(work, Files.writeString(folder.resolve("text.safetensors"), "text"), "");
    assertThat(work.outcome(new WorkUnit.SampleBlock(checkpoint("good", good), 0, Set.of())))
        .isInstanceOf(Observed.class);
  }

  @Test
  void aProbeThatCannotBeOpenedFailsAndAnotherWorks() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    ProbeSpec good = files.smallSpec();
    ProbeSpec bad = files.spec(folder.resolve("absent.pt"), Path.of(good.train()), null);
    Work work = new Work(bad);
    assertThat(work.outcome(new WorkUnit.FindGeometry()))
        .isInstanceOfSatisfying(
            Failed.class,
            failed -> {
              assertThat(failed.reason()).isEqualTo("vanished");
              assertThat(failed.message()).contains("absent.pt");
            });
    work.spec = good;
    assertThat(work.outcome(new WorkUnit.FindGeometry()))
        .isInstanceOf(WorkOutcome.GeometryFound.class);
  }

  /** What the engine throws is no reason to stop: the device is set up anew. */
  @Test
  void survivesAFailureOfTheEngine() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    Work work = new Work(files.smallSpec());
    Checkpoint checkpoint = checkpoint("good", files.checkpoint("good.safetensors", 3));
    Quiet.during(
        Sampler.class.getName(),
        () ->
            assertThat(work.outcome(new WorkUnit.SampleBlock(checkpoint, 99, Set.of())))
                .isInstanceOfSatisfying(
                    Failed.class, failed -> assertThat(failed.reason()).isEqualTo("engine")));
    assertThat(work.outcome(new WorkUnit.SampleBlock(checkpoint, 0, Set.of())))
        .isInstanceOf(Observed.class);
  }

  /** Each look at the clock costs a second, so that every piece is worth telling of. */
  @Test
  void tellsHowFarTheComparisonOfTheSetsIs() throws Exception {
    ProbeSpec spec = new ProbeFiles(folder).smallSpec();
    AtomicLong seconds = new AtomicLong();
    InstantSource clock = () -> Instant.ofEpochSecond(seconds.incrementAndGet());
    TestProbe<PreparationProgress> news = KIT.createTestProbe(PreparationProgress.class);
    KIT.system()
        .eventStream()
        .tell(new EventStream.Subscribe<>(PreparationProgress.class, news.getRef()));
    TestProbe<WorkQueue.Command> queue = KIT.createTestProbe(WorkQueue.Command.class);
    ActorRef<Sampler.Command> sampler =
        KIT.spawn(Sampler.create(queue.getRef(), clock), Sampler.dispatcher());
    queue.expectMessageClass(WorkQueue.Ready.class);

    sampler.tell(new Sampler.Perform(7, 1, NEVER, spec, new WorkUnit.FindGeometry("some-run")));

    PreparationProgress first = news.receiveMessage();
    assertThat(first.run()).isEqualTo("some-run");
    assertThat(first.text()).matches("neighbours within the sets, \\d+ %");
    assertThat(done(queue).outcome()).isInstanceOf(WorkOutcome.GeometryFound.class);
  }

  /** Each look at the clock costs a second: the deadline passes between two pieces. */
  @Test
  void givesUpAtTheDeadlineAndGoesOnWithTheNextUnit() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    ProbeSpec spec = files.smallSpec();
    Checkpoint checkpoint = checkpoint("good", files.checkpoint("good.safetensors", 3));
    AtomicLong seconds = new AtomicLong();
    InstantSource clock = () -> Instant.ofEpochSecond(seconds.incrementAndGet());
    TestProbe<WorkQueue.Command> queue = KIT.createTestProbe(WorkQueue.Command.class);
    ActorRef<Sampler.Command> sampler =
        KIT.spawn(Sampler.create(queue.getRef(), clock), Sampler.dispatcher());
    queue.expectMessageClass(WorkQueue.Ready.class);

    for (WorkUnit unit :
        new WorkUnit[] {
          new WorkUnit.FindGeometry(),
          new WorkUnit.SampleBlock(checkpoint, 0, Set.of()),
          new WorkUnit.DenoisingBlock(checkpoint, 1, 0)
        }) {
      sampler.tell(new Sampler.Perform(7, 1, Instant.ofEpochSecond(seconds.get() + 1), spec, unit));
      assertThat(done(queue).outcome())
          .as(unit.describe())
          .isInstanceOfSatisfying(
              Failed.class,
              failed -> {
                assertThat(failed.reason()).isEqualTo("timeout");
                assertThat(failed.message()).startsWith(unit.describe()).contains("unit-timeout");
              });
    }
    WorkUnit unit = new WorkUnit.SampleBlock(checkpoint, 0, Set.of());
    sampler.tell(new Sampler.Perform(8, 2, NEVER, spec, unit));
    assertThat(done(queue).outcome()).isInstanceOf(Observed.class);
  }

  private static WorkQueue.Done done(TestProbe<WorkQueue.Command> queue) {
    return queue.expectMessageClass(WorkQueue.Done.class, Duration.ofSeconds(60));
  }

  /**
   * The same name, written again between finding and reading: not the checkpoint that was found.
   */
  @Test
  void aCheckpointThatWasWrittenAgainIsNotMeasuredUnderItsOldIdentity() throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    Work work = new Work(files.smallSpec());
    Path file = files.checkpoint("step-100.safetensors", 3);
    Checkpoint found = CheckpointFiles.describe(file);
    Files.delete(file);
    Files.copy(files.checkpoint("other.safetensors", 4), file);
    assertThat(work.outcome(new WorkUnit.SampleBlock(found, 0, Set.of())))
        .isInstanceOfSatisfying(
            Failed.class,
            failed -> {
              assertThat(failed.reason()).isEqualTo("changed");
              assertThat(failed.message()).contains("step-100.safetensors");
            });
    assertThat(work.outcome(new WorkUnit.SampleBlock(CheckpointFiles.describe(file), 0, Set.of())))
        .isInstanceOf(Observed.class);
  }

  private static void assertFailed(Work work, Path file, String reason) {
    assertThat(
            work.outcome(new WorkUnit.SampleBlock(checkpoint(file.toString(), file), 0, Set.of())))
        .isInstanceOfSatisfying(
            Failed.class,
            failed -> {
              if (!reason.isEmpty()) {
                assertThat(failed.reason()).isEqualTo(reason);
              }
              assertThat(failed.message()).contains(file.toString());
            });
  }

  private static Checkpoint checkpoint(String identity, Path file) {
    try {
      return CheckpointFiles.describe(file);
    } catch (IOException absent) {
      return Checkpoint.ofFile(identity, file.toString(), 1L);
    }
  }

  /** A queue with one sampler. */
  private static final class Work {
    private final ActorRef<WorkQueue.Command> queue = KIT.spawn(WorkQueue.create());
    private final TestProbe<WorkOutcome> outcomes = KIT.createTestProbe(WorkOutcome.class);
    private ProbeSpec spec;

    Work(ProbeSpec spec) {
      this.spec = spec;
      KIT.spawn(Sampler.create(queue), Sampler.dispatcher());
    }

    WorkOutcome outcome(WorkUnit unit) {
      queue.tell(new WorkQueue.Submit(spec, unit, NEVER, outcomes.getRef()));
      return outcomes.receiveMessage(Duration.ofSeconds(60));
    }
  }
}
