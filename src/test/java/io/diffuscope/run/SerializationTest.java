package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.javadsl.Adapter;
import akka.serialization.Serialization;
import akka.serialization.SerializationExtension;
import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.checkpoint.HeldWeights;
import io.diffuscope.checkpoint.StepUnit;
import io.diffuscope.sampling.DuplicateCounts;
import io.diffuscope.sampling.EvidenceRequest;
import io.diffuscope.sampling.GeometrySummary;
import io.diffuscope.sampling.Observation.DenoisingObservation;
import io.diffuscope.sampling.Observation.EvidenceObservation;
import io.diffuscope.sampling.Observation.IcrObservation;
import io.diffuscope.sampling.Observation.NetworkObservation;
import io.diffuscope.sampling.Observation.RepresentationObservation;
import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.sampling.Picture;
import io.diffuscope.sampling.ProbeFiles;
import io.diffuscope.sampling.ProbeSpec;
import io.diffuscope.sampling.Reference;
import io.diffuscope.sampling.SearchRecall;
import io.diffuscope.sampling.WorstSample;
import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.signal.SignalNames;
import io.diffuscope.signal.Statistic;
import io.diffuscope.statistics.Estimate;
import io.diffuscope.statistics.HoldoutCheck;
import io.diffuscope.statistics.Strata;
import io.diffuscope.tensorfile.WeightsLocation;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** What crosses processes comes out as it went in, and is small. */
class SerializationTest {
  private static final ActorTestKit KIT = ActorTestKit.create();
  private static final int LIMIT = 64 * 1024;

  @AfterAll
  static void stop() {
    KIT.shutdownTestKit();
  }

  @Test
  void eventsComeOutAsTheyWentIn() {
    Instant at = Instant.parse("2026-11-22T10:11:12.345678Z");
    Checkpoint checkpoint = Checkpoint.ofFile("id", "/run/step-7.safetensors", 7L);
    List<SignalEstimate> estimates =
        List.of(
            SignalEstimate.of(
                SignalNames.PFD, Reference.TRAIN, Statistic.RMS, new Estimate(1, .1, .8, 1.2, 9)),
            new SignalEstimate(
                SignalNames.DENOISING_GAP, null, Statistic.GAP, .5, Estimate.exact(1e-300, 1)));
    List<RunNotification> notifications = new ArrayList<>(OneOfEachEvent.events());
    notifications.addAll(
        List.of(
            new HoldNews("r", "space", true, "full"),
            new EvidenceNews("r", true, "full"),
            new JournalNews("r", true, "full"),
            new JournalBacklog("r", 3, true, 1),
            new EvaluationProgress("r", checkpoint, 1, 2, estimates),
            new SourceNews("r", true, "gone", null),
            new SourceNews("r", false, "here", StepUnit.EPOCHS),
            new PreparationProgress("r", "endpoints", 1, 2),
            new BudgetRest("r", at)));
    for (RunNotification notification : notifications) {
      KIT.serializationTestKit().verifySerialization(notification, true);
    }
  }

  @Test
  void messagesComeOutAsTheyWentIn() {
    Checkpoint checkpoint = Checkpoint.ofFile("id", "/run/step-7.safetensors", 7L);
    Checkpoint held =
        new Checkpoint(
            "id",
            "/run/step-7",
            7L,
            new WeightsLocation("/run/step-7/unet", "ema"),
            Instant.parse("2026-11-22T10:11:12.345678901Z"),
            new HeldWeights(new WeightsLocation("/holds/1/weights/unet", "ema"), "5-6-7"));
    Instant deadline = Instant.parse("2026-11-22T10:11:12.345678901Z");
    Path folder = Path.of("/data");
    ProbeSpec spec =
        new ProbeFiles(folder).spec(folder.resolve("net.pt"), folder.resolve("train.npy"), null);
    TestProbe<WorkOutcome> outcomes = KIT.createTestProbe(WorkOutcome.class);
    TestProbe<Sampler.Command> sampler = KIT.createTestProbe(Sampler.Command.class);
    TestProbe<RunState> states = KIT.createTestProbe(RunState.class);
    GeometrySummary geometry =
        new GeometrySummary(
            new DuplicateCounts(1, 3, 2, 0, 0, 1),
            126,
            new Strata(List.of(100, 26), List.of(15, 5)),
            4,
            5,
            20,
            1,
            21,
            2,
            new HoldoutCheck(.5, .4, 1, -1, .3),
            126);
    List<CborSerializable> messages =
        List.of(
            new WorkQueue.Submit(spec, new WorkUnit.FindGeometry(), deadline, outcomes.getRef()),
            new WorkQueue.Submit(
                spec,
                new WorkUnit.ReferenceFlow(Reference.TEACHER, 1),
                deadline,
                outcomes.getRef()),
            new WorkQueue.Ready(sampler.getRef()),
            new WorkQueue.Done(sampler.getRef(), 1, new WorkOutcome.GeometryFound(geometry)),
            new WorkQueue.Done(sampler.getRef(), 1, new WorkOutcome.Failed("a", "b")),
            new WorkQueue.Done(sampler.getRef(), 1, new WorkOutcome.EndpointsKept(4)),
            new Sampler.Perform(
                1, 2, deadline, spec, new WorkUnit.SampleBlock(checkpoint, 3, Set.of())),
            new Sampler.Perform(
                1,
                2,
                deadline,
                spec,
                new WorkUnit.SampleBlock(checkpoint, 3, Set.of())
                    .withEvidence(new EvidenceRequest(8, true))),
            new Sampler.Perform(
                1, 2, deadline, spec, new WorkUnit.DenoisingBlock(checkpoint, .5, 3)),
            new Sampler.Perform(
                1, 2, deadline, spec, new WorkUnit.RepresentationLevel(checkpoint, 3)),
            new Sampler.Perform(1, 2, deadline, spec, new WorkUnit.RepresentationIcr(checkpoint)),
            new Sampler.Perform(1, 2, deadline, spec, new WorkUnit.NetworkSize(checkpoint)),
            new Sampler.Perform(1, 2, deadline, spec, new WorkUnit.SampleBlock(held, 3, Set.of())),
            new TrainingRun.Found(checkpoint),
            new TrainingRun.Found(checkpoint, "/other"),
            new TrainingRun.PassedOver("/x", "incomplete", "cut"),
            new TrainingRun.SourceEnded("over"),
            new TrainingRun.TurnAfterRest(Duration.ofMillis(1234)),
            new TrainingRun.Unprepared("vanished", "gone"),
            new TrainingRun.GetState(states.getRef()),
            RunState.EMPTY,
            busy().state());
    for (CborSerializable message : messages) {
      KIT.serializationTestKit().verifySerialization(message, true);
    }
  }

  /** A run in its second attempt, with something of everything. */
  private static RunMachine busy() {
    RunMachine run = new RunMachine(Pace.Policy.ALL, 10);
    run.begin();
    for (long step = 10; step <= 40; step += 10) {
      run.find(RunMachine.written(step, step));
      run.complete(RunMachine.written(step, step), RunMachine.copies(.3));
    }
    run.find(RunMachine.written(50, 50));
    run.find(RunMachine.written(60, 60));
    run.passOver("/run/cut");
    run.find(RunMachine.written(30, 70));
    return run;
  }

  /** The state goes on from where it was written, not only looks the same. */
  @Test
  void aStateThatWasReadGoesOn() {
    RunMachine run = busy();
    RunState read = (RunState) decode(run.state(), encode(run.state()));
    assertThat(read).isEqualTo(run.state());
    RunDecisions decisions = new RunDecisions(RunMachine.settings(Pace.all(10), Ending.NEVER));
    RunDecisions.Command next = new RunDecisions.Find(RunMachine.written(20, 80), null);
    Instant now = Instant.ofEpochSecond(100);
    assertThat(decisions.decide(read, next, now))
        .hasAtLeastOneElementOfType(RunEvent.AttemptStarted.class)
        .isEqualTo(decisions.decide(run.state(), next, now));
  }

  /** One sample with three pictures as large as they get, which do not compress. */
  @Test
  void evidenceComesOutAsItWentInAndIsSmall() throws Exception {
    byte[] levels = new byte[3 * Picture.MOST_SIDE * Picture.MOST_SIDE];
    new Random(1).nextBytes(levels);
    Picture picture = new Picture(3, Picture.MOST_SIDE, Picture.MOST_SIDE, levels);
    for (WorstSample.Trio trio :
        Arrays.asList(
            null,
            new WorstSample.Trio(picture, picture, picture),
            new WorstSample.Trio(picture, picture, null))) {
      WorkOutcome.Observed outcome =
          new WorkOutcome.Observed(
              List.of(
                  new EvidenceObservation(
                      3,
                      List.of(
                          new WorstSample(
                              7, 1, .5, -1, Double.POSITIVE_INFINITY, 2, -1, .7, trio)))),
              null);
      byte[] encoded = encode(outcome);
      assertThat(encoded.length).isLessThan(LIMIT);
      assertThat(decode(outcome, encoded)).usingRecursiveComparison().isEqualTo(outcome);
    }
  }

  /** Arrays have no equality of their own: compared by content. */
  @Test
  void observationsComeOutAsTheyWentInAndAreSmall() throws Exception {
    for (int rows : new int[] {512, ProbeSpec.MOST_ROWS}) {
      WorkOutcome.Observed outcome =
          new WorkOutcome.Observed(
              List.of(samples(rows)), WeightsUsed.of("averaged", List.of("step")));
      byte[] encoded = encode(outcome);
      assertThat(encoded.length).as("%d rows", rows).isLessThan(LIMIT);
      assertThat(decode(outcome, encoded)).usingRecursiveComparison().isEqualTo(outcome);
    }
    WorkOutcome.Observed losses =
        new WorkOutcome.Observed(
            List.of(
                new DenoisingObservation(3, .5, 1536, ProbeFiles.random(2).doubles(512).toArray())),
            null);
    byte[] encoded = encode(losses);
    assertThat(encoded.length).isLessThan(LIMIT / 8);
    assertThat(decode(losses, encoded)).usingRecursiveComparison().isEqualTo(losses);
    byte[] bits = new byte[100_000 / 8];
    ProbeFiles.random(3).nextBytes(bits);
    Estimate ratio = new Estimate(3, .5, 2, 4, 100_000);
    WorkOutcome.Observed classes =
        new WorkOutcome.Observed(
            List.of(
                new RepresentationObservation(2, .06, 100_000, bits, ratio),
                new RepresentationObservation(3, .14, 0, new byte[0], null),
                new IcrObservation(0, ratio),
                new IcrObservation(0, null),
                new NetworkObservation(0, 240_000)),
            null);
    encoded = encode(classes);
    assertThat(encoded.length).isLessThan(LIMIT / 4);
    assertThat(decode(classes, encoded)).usingRecursiveComparison().isEqualTo(classes);
  }

  /** Full precision numbers and large indices, against three references. */
  private static SampleObservation samples(int rows) {
    RandomGenerator random = ProbeFiles.random(1);
    Map<Reference, double[]> squared = new EnumMap<>(Reference.class);
    for (Reference reference : List.of(Reference.TRAIN, Reference.HOLDOUT, Reference.TEACHER)) {
      squared.put(reference, random.doubles(rows).toArray());
    }
    double[] second = random.doubles(rows).toArray();
    second[3] = Double.POSITIVE_INFINITY;
    return new SampleObservation(
        7,
        3584,
        squared,
        random.ints(rows, 100_000, 1_000_000).toArray(),
        random.doubles(rows).toArray(),
        second,
        random.ints(rows, 100_000, 1_000_000).toArray(),
        random.doubles(rows).toArray(),
        new boolean[rows],
        random.doubles(rows).toArray(),
        new SearchRecall(32, 31, 30),
        new SearchRecall(32, 32, 32));
  }

  private static byte[] encode(Object message) {
    return serialization().serialize(message).get();
  }

  private static Object decode(Object like, byte[] bytes) {
    return serialization().deserialize(bytes, like.getClass()).get();
  }

  private static Serialization serialization() {
    return SerializationExtension.get(Adapter.toClassic(KIT.system()));
  }
}
