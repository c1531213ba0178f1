package io.diffuscope.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import akka.NotUsed;
import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.stream.javadsl.Source;
import akka.stream.testkit.TestSubscriber;
import akka.stream.testkit.javadsl.TestSink;
import io.diffuscope.checkpoint.Sighting.Listed;
import io.diffuscope.checkpoint.Sighting.PassedOver;
import io.diffuscope.checkpoint.Sighting.Problem;
import io.diffuscope.checkpoint.Sighting.Reason;
import io.diffuscope.checkpoint.Sighting.Recovered;
import io.diffuscope.checkpoint.Sighting.Settled;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

class RetriedSourceTest {
  private static final ActorTestKit KIT = ActorTestKit.create();
  private static final Sighting LISTED = new Listed(Instant.EPOCH, 0);
  private static final Sighting FIRST = settled(1);
  private static final Sighting SECOND = settled(2);
  private static final Problem FAILED =
      new Problem(
          "runs/7: checkpoints cannot be looked for (java.io.IOException: stale handle)",
          "trying again");
  private static final Recovered WORKS =
      new Recovered("runs/7: checkpoints can be looked for again");

  private final AtomicInteger starts = new AtomicInteger();

  @AfterAll
  static void shutdown() {
    KIT.shutdownTestKit();
  }

  @Test
  void aSourceThatNeverFailsIsPassedOnAndEnds() {
    TestSubscriber.Probe<Sighting> probe = subscribe(List.of(Source.from(List.of(FIRST, LISTED))));

    assertThat(probe.requestNext()).isEqualTo(FIRST);
    assertThat(probe.requestNext()).isEqualTo(LISTED);
    probe.request(1).expectComplete();
    assertThat(starts).hasValue(1);
  }

  @Test
  void afterAFailureItIsStartedAgainAndBothAreTold() {
    TestSubscriber.Probe<Sighting> probe =
        subscribe(
            List.of(failing("stale handle", FIRST), Source.from(List.of(FIRST, SECOND, LISTED))));

    assertThat(probe.requestNext()).isEqualTo(FIRST);
    assertThat(probe.requestNext()).isEqualTo(FAILED);
    assertThat(probe.requestNext()).isEqualTo(WORKS);
    assertThat(probe.requestNext()).as("runs know it").isEqualTo(FIRST);
    assertThat(probe.requestNext()).isEqualTo(SECOND);
    assertThat(probe.requestNext()).isEqualTo(LISTED);
    probe.request(1).expectComplete();
    assertThat(starts).hasValue(2);
  }

  @Test
  void aFailureThatLastsIsToldOnceUntilItsCauseChanges() {
    TestSubscriber.Probe<Sighting> probe =
        subscribe(
            List.of(
                failing("stale handle"),
                failing("stale handle"),
                failing("no route"),
                Source.from(List.of(LISTED))));

    assertThat(probe.requestNext()).isEqualTo(FAILED);
    assertThat(((Problem) probe.requestNext()).message()).contains("no route");
    assertThat(probe.requestNext()).isEqualTo(WORKS);
    assertThat(probe.requestNext()).isEqualTo(LISTED);
    probe.request(1).expectComplete();
    assertThat(starts).hasValue(4);
  }

  @Test
  void aSourceThatTellsHowItIsHasTheWord() {
    Problem missing = new Problem("runs/7: does not exist");
    Recovered back = new Recovered("runs/7: is there again");
    TestSubscriber.Probe<Sighting> probe =
        subscribe(List.of(failing("stale handle"), Source.from(List.of(missing, back, FIRST))));

    assertThat(probe.requestNext()).isEqualTo(FAILED);
    assertThat(probe.requestNext()).isEqualTo(missing);
    assertThat(probe.requestNext()).isEqualTo(back);
    assertThat(probe.requestNext()).isEqualTo(FIRST);
    probe.request(1).expectComplete();
  }

  @Test
  void whatWasPassedOverIsNotRepeatedForTheSameReason() {
    PassedOver incomplete = new PassedOver("/a", Reason.INCOMPLETE, "cut");
    PassedOver unreadable = new PassedOver("/a", Reason.UNREADABLE, "refused");
    PassedOver ofFirst = new PassedOver("/c/1", Reason.INCOMPLETE, "cut");
    TestSubscriber.Probe<Sighting> probe =
        subscribe(
            List.of(
                failing("stale handle", incomplete, ofFirst, FIRST),
                Source.from(List.of(incomplete, unreadable, ofFirst))));

    assertThat(probe.requestNext()).isEqualTo(incomplete);
    assertThat(probe.requestNext()).isEqualTo(ofFirst);
    assertThat(probe.requestNext()).isEqualTo(FIRST);
    assertThat(probe.requestNext()).isEqualTo(FAILED);
    assertThat(probe.requestNext()).isEqualTo(WORKS);
    assertThat(probe.requestNext()).isEqualTo(unreadable);
    assertThat(probe.requestNext()).as("it was complete in between").isEqualTo(ofFirst);
    probe.request(1).expectComplete();
  }

  @Test
  void onlyARestartRepeats() {
    PassedOver vanished = new PassedOver("/a", Reason.VANISHED, "gone");
    TestSubscriber.Probe<Sighting> probe =
        subscribe(
            List.of(
                failing("stale handle", vanished, vanished),
                Source.from(List.of(vanished, vanished))));

    assertThat(probe.requestNext()).isEqualTo(vanished);
    assertThat(probe.requestNext()).as("written again, and gone again").isEqualTo(vanished);
    assertThat(probe.requestNext()).isEqualTo(FAILED);
    assertThat(probe.requestNext()).isEqualTo(WORKS);
    assertThat(probe.requestNext()).as("the second after the restart").isEqualTo(vanished);
    probe.request(1).expectComplete();
  }

  @Test
  void aSourceThatCannotEvenBeMadeIsTriedAgain() {
    CheckpointSource source =
        () -> {
          if (starts.incrementAndGet() == 1) {
            throw new UncheckedIOException(new IOException("stale handle"));
          }
          return Source.single(FIRST);
        };
    TestSubscriber.Probe<Sighting> probe = subscribe(source);

    assertThat(((Problem) probe.requestNext()).message()).contains("stale handle");
    assertThat(probe.requestNext()).isEqualTo(WORKS);
    assertThat(probe.requestNext()).isEqualTo(FIRST);
    probe.request(1).expectComplete();
  }

  @Test
  void aFaultOfThisProgramEndsTheStream() {
    CompletableFuture<Sighting> broken =
        CompletableFuture.failedFuture(new AssertionError("a fault"));
    TestSubscriber.Probe<Sighting> probe =
        subscribe(() -> Source.single(1).mapAsync(1, one -> broken));

    probe.request(1);
    assertThat(probe.expectError()).isInstanceOf(AssertionError.class);
  }

  private TestSubscriber.Probe<Sighting> subscribe(List<Source<Sighting, NotUsed>> attempts) {
    return subscribe(() -> attempts.get(starts.getAndIncrement()));
  }

  private static TestSubscriber.Probe<Sighting> subscribe(CheckpointSource source) {
    return new RetriedSource("runs/7", source, Duration.ofMillis(1), Duration.ofMillis(2))
        .sightings()
        .runWith(TestSink.create(KIT.system().classicSystem()), KIT.system());
  }

  private static Source<Sighting, NotUsed> failing(String why, Sighting... before) {
    return Source.from(List.of(before))
        .concatLazy(Source.lazySource(() -> Source.failed(new IOException(why))));
  }

  private static Settled settled(long step) {
    return new Settled(Checkpoint.ofFile("id-" + step, "/c/" + step, step));
  }
}
