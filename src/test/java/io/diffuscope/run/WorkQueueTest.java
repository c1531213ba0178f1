package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import akka.actor.typed.javadsl.Behaviors;
import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.run.WorkOutcome.EndpointsKept;
import io.diffuscope.run.WorkOutcome.Failed;
import io.diffuscope.sampling.ProbeFiles;
import io.diffuscope.sampling.ProbeSpec;
import io.diffuscope.sampling.Reference;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

class WorkQueueTest {
  private static final ActorTestKit KIT = ActorTestKit.create();
  private static final ProbeSpec SPEC = spec();

  private static final Instant START = Instant.ofEpochSecond(1_800_000_000L);

  private final AtomicReference<Instant> now = new AtomicReference<>(START);
  private final ActorRef<WorkQueue.Command> queue = KIT.spawn(WorkQueue.create(now::get));
  private final TestProbe<Sampler.Command> given = KIT.createTestProbe(Sampler.Command.class);
  private final TestProbe<WorkOutcome> outcomes = KIT.createTestProbe(WorkOutcome.class);

  @AfterAll
  static void stop() {
    KIT.shutdownTestKit();
  }

  @Test
  void givesTheOldestUnitToASamplerThatIsFree() {
    submit(new WorkUnit.FindGeometry());
    submit(new WorkUnit.ReferenceFlow(Reference.TRAIN, 0));
    given.expectNoMessage(Duration.ofMillis(50));
    ActorRef<Sampler.Command> sampler = sampler();
    Sampler.Perform first = performed();
    assertThat(first.unit()).isEqualTo(new WorkUnit.FindGeometry());
    assertThat(first.attempt()).isEqualTo(1);
    assertThat(first.probe()).isEqualTo(SPEC);
    // One unit at a time.
    given.expectNoMessage(Duration.ofMillis(50));
    queue.tell(new WorkQueue.Done(sampler, first.id(), new EndpointsKept(3)));
    assertThat(outcomes.receiveMessage()).isEqualTo(new EndpointsKept(3));
    assertThat(performed().unit()).isEqualTo(new WorkUnit.ReferenceFlow(Reference.TRAIN, 0));
  }

  @Test
  void aUnitSubmittedLaterGoesToTheSamplerThatWaits() {
    ActorRef<Sampler.Command> sampler = sampler();
    Checkpoint checkpoint = Checkpoint.ofFile("id", "/run/step-1.safetensors", 1L);
    for (int block = 0; block < 3; block++) {
      submit(new WorkUnit.SampleBlock(checkpoint, block, Set.of()));
      Sampler.Perform perform = performed();
      assertThat(perform.unit()).isEqualTo(new WorkUnit.SampleBlock(checkpoint, block, Set.of()));
      queue.tell(new WorkQueue.Done(sampler, perform.id(), new EndpointsKept(block)));
      assertThat(outcomes.receiveMessage()).isEqualTo(new EndpointsKept(block));
    }
  }

  @Test
  void twoSamplersShareTheWork() {
    TestProbe<Sampler.Command> one = KIT.createTestProbe(Sampler.Command.class);
    TestProbe<Sampler.Command> other = KIT.createTestProbe(Sampler.Command.class);
    queue.tell(new WorkQueue.Ready(one.getRef()));
    queue.tell(new WorkQueue.Ready(other.getRef()));
    submit(new WorkUnit.ReferenceFlow(Reference.TRAIN, 0));
    submit(new WorkUnit.ReferenceFlow(Reference.TRAIN, 1));
    Sampler.Perform first = one.expectMessageClass(Sampler.Perform.class);
    Sampler.Perform second = other.expectMessageClass(Sampler.Perform.class);
    assertThat(first.id()).isNotEqualTo(second.id());
    // News of a unit that the sampler was not given is no outcome.
    queue.tell(new WorkQueue.Done(one.getRef(), second.id(), new EndpointsKept(9)));
    // Outcomes may come in any order.
    queue.tell(new WorkQueue.Done(other.getRef(), second.id(), new EndpointsKept(2)));
    queue.tell(new WorkQueue.Done(one.getRef(), first.id(), new EndpointsKept(1)));
    assertThat(outcomes.receiveMessage()).isEqualTo(new EndpointsKept(2));
    assertThat(outcomes.receiveMessage()).isEqualTo(new EndpointsKept(1));
  }

  @Test
  void aDyingSamplerGivesItsUnitBackTwice() {
    WorkUnit unit = new WorkUnit.DenoisingBlock(Checkpoint.ofFile("a", "/a", null), .5, 0);
    submit(unit);
    for (int attempt = 1; attempt <= 3; attempt++) {
      ActorRef<Sampler.Command> sampler = sampler();
      Sampler.Perform perform = performed();
      assertThat(perform.unit()).isEqualTo(unit);
      assertThat(perform.attempt()).isEqualTo(attempt);
      KIT.stop(sampler);
    }
    assertThat(outcomes.receiveMessage())
        .isInstanceOfSatisfying(
            Failed.class,
            failed -> {
              assertThat(failed.reason()).isEqualTo("sampler_lost");
              assertThat(failed.message()).contains("3 samplers").contains("denoising loss of a");
            });
    ActorRef<Sampler.Command> survivor = sampler();
    submit(new WorkUnit.FindGeometry());
    Sampler.Perform next = performed();
    assertThat(next.unit()).isEqualTo(new WorkUnit.FindGeometry());
    queue.tell(new WorkQueue.Done(survivor, next.id(), new EndpointsKept(1)));
    assertThat(outcomes.receiveMessage()).isEqualTo(new EndpointsKept(1));
  }

  @Test
  void aSamplerThatDiesWhileItWaitsIsForgotten() {
    ActorRef<Sampler.Command> gone = sampler();
    KIT.stop(gone);
    given.expectTerminated(gone, Duration.ofSeconds(10));
    sampler();
    submit(new WorkUnit.FindGeometry());
    assertThat(performed().unit()).isEqualTo(new WorkUnit.FindGeometry());
  }

  @Test
  void aUnitWhoseDeadlineHasPassedIsNotBegun() {
    submit(new WorkUnit.ReferenceFlow(Reference.TRAIN, 0), START.plusSeconds(10));
    submit(new WorkUnit.ReferenceFlow(Reference.TRAIN, 1), START.plusSeconds(11));
    submit(new WorkUnit.FindGeometry(), START.plusSeconds(12));
    now.set(START.plusSeconds(11));
    ActorRef<Sampler.Command> sampler = sampler();
    Sampler.Perform perform = performed();
    assertThat(perform.unit()).isEqualTo(new WorkUnit.FindGeometry());
    assertThat(perform.deadline()).isEqualTo(START.plusSeconds(12));
    // Nor is it begun again when a sampler dies on it too late.
    now.set(START.plusSeconds(13));
    submit(new WorkUnit.ReferenceFlow(Reference.TRAIN, 2));
    KIT.stop(sampler);
    given.expectTerminated(sampler, Duration.ofSeconds(10));
    sampler();
    assertThat(performed().unit()).isEqualTo(new WorkUnit.ReferenceFlow(Reference.TRAIN, 2));
    // The askers are gone: nobody is told anything.
    outcomes.expectNoMessage(Duration.ofMillis(50));
  }

  @Test
  void aSamplerKeepsToTheCheckpointWhoseWeightsItHas() {
    submit(block("a", 0));
    submit(block("b", 0));
    submit(block("a", 1));
    submit(block("b", 1));
    ActorRef<Sampler.Command> sampler = sampler();

    Sampler.Perform perform = performed();
    assertThat(perform.unit()).isEqualTo(block("a", 0));
    for (WorkUnit next : List.of(block("a", 1), block("b", 0), block("b", 1))) {
      done(sampler, perform);
      perform = performed();
      assertThat(perform.unit()).isEqualTo(next);
    }
  }

  @Test
  void aUnitIsOvertakenABoundedNumberOfTimes() {
    ActorRef<Sampler.Command> sampler = sampler();
    submit(block("a", 0));
    Sampler.Perform perform = performed();
    submit(block("b", 0));
    for (int i = 1; i <= WorkQueue.MOST_OVERTAKINGS; i++) {
      submit(block("a", i));
      done(sampler, perform);
      perform = performed();
      assertThat(perform.unit()).isEqualTo(block("a", i));
    }
    submit(block("a", 1000));
    submit(block("b", 1));
    done(sampler, perform);
    perform = performed();
    assertThat(perform.unit()).isEqualTo(block("b", 0));
    // From here on the other one keeps the sampler, as long again.
    done(sampler, perform);
    assertThat(performed().unit()).isEqualTo(block("b", 1));
  }

  @Test
  void aUnitWhoseTimeIsHalfOverIsNotOvertaken() {
    ActorRef<Sampler.Command> sampler = sampler();
    submit(block("a", 0));
    Sampler.Perform perform = performed();
    submit(block("b", 0), START.plusSeconds(10));
    for (int i = 1; i <= 3; i++) {
      submit(block("a", i));
    }
    done(sampler, perform);
    perform = performed();
    assertThat(perform.unit()).isEqualTo(block("a", 1));
    // Only now, because all of them came before: the queue has looked at the clock for each.
    now.set(START.plusSeconds(5).minusMillis(1));
    done(sampler, perform);
    perform = performed();
    assertThat(perform.unit()).isEqualTo(block("a", 2));
    now.set(START.plusSeconds(5));
    done(sampler, perform);
    assertThat(performed().unit()).isEqualTo(block("b", 0));
  }

  @Test
  void workOnTheReferencesIsNotOvertakenAndLeavesTheWeightsWhereTheyAre() {
    ActorRef<Sampler.Command> sampler = sampler();
    submit(block("a", 0));
    Sampler.Perform perform = performed();
    submit(new WorkUnit.FindGeometry());
    submit(block("b", 0));
    submit(block("a", 1));
    for (WorkUnit next : List.of(new WorkUnit.FindGeometry(), block("a", 1), block("b", 0))) {
      done(sampler, perform);
      perform = performed();
      assertThat(perform.unit()).isEqualTo(next);
    }
  }

  @Test
  void ofTwoSamplersThatWaitTheOneWithTheWeightsIsGivenTheUnit() {
    TestProbe<Sampler.Command> one = KIT.createTestProbe(Sampler.Command.class);
    TestProbe<Sampler.Command> other = KIT.createTestProbe(Sampler.Command.class);
    queue.tell(new WorkQueue.Ready(one.getRef()));
    queue.tell(new WorkQueue.Ready(other.getRef()));
    submit(block("a", 0));
    submit(block("b", 0));
    done(one.getRef(), one.expectMessageClass(Sampler.Perform.class));
    done(other.getRef(), other.expectMessageClass(Sampler.Perform.class));
    submit(block("b", 1));
    assertThat(other.expectMessageClass(Sampler.Perform.class).unit()).isEqualTo(block("b", 1));
    submit(block("b", 2));
    // Better done with a swap than not at all.
    assertThat(one.expectMessageClass(Sampler.Perform.class).unit()).isEqualTo(block("b", 2));
  }

  private static WorkUnit block(String checkpoint, int block) {
    return new WorkUnit.SampleBlock(
        Checkpoint.ofFile(checkpoint, "/run/" + checkpoint, 1L), block, Set.of());
  }

  private void done(ActorRef<Sampler.Command> sampler, Sampler.Perform perform) {
    queue.tell(new WorkQueue.Done(sampler, perform.id(), new EndpointsKept(1)));
  }

  private void submit(WorkUnit unit) {
    submit(unit, START.plus(Duration.ofDays(1)));
  }

  private void submit(WorkUnit unit, Instant deadline) {
    queue.tell(new WorkQueue.Submit(SPEC, unit, deadline, outcomes.getRef()));
  }

  private Sampler.Perform performed() {
    return given.expectMessageClass(Sampler.Perform.class);
  }

  /** An actor that passes what it is given on to the test, and can be stopped. */
  private ActorRef<Sampler.Command> sampler() {
    ActorRef<Sampler.Command> sampler =
        KIT.spawn(
            Behaviors.receiveMessage(
                message -> {
                  given.getRef().tell(message);
                  return Behaviors.same();
                }));
    queue.tell(new WorkQueue.Ready(sampler));
    return sampler;
  }

  private static ProbeSpec spec() {
    Path folder = Path.of("/data");
    return new ProbeFiles(folder).spec(folder.resolve("net.pt"), folder.resolve("train.npy"), null);
  }
}
