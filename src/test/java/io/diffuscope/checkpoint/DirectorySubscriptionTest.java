package io.diffuscope.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import akka.NotUsed;
import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.stream.KillSwitches;
import akka.stream.UniqueKillSwitch;
import akka.stream.javadsl.Keep;
import akka.stream.javadsl.Source;
import akka.stream.testkit.TestSubscriber;
import akka.stream.testkit.javadsl.TestSink;
import io.diffuscope.checkpoint.Sighting.Listed;
import io.diffuscope.checkpoint.Sighting.PassedOver;
import io.diffuscope.checkpoint.Sighting.Problem;
import io.diffuscope.checkpoint.Sighting.Reason;
import io.diffuscope.checkpoint.Sighting.Recognised;
import io.diffuscope.checkpoint.Sighting.Recovered;
import io.diffuscope.checkpoint.Sighting.Settled;
import io.diffuscope.tensorfile.FloatArray;
import io.diffuscope.tensorfile.SafetensorsWriter;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The stream on a real directory with real safetensors files. */
class DirectorySubscriptionTest {
  private static final ActorTestKit KIT = ActorTestKit.create();

  @TempDir Path directory;
  private final AtomicInteger polls = new AtomicInteger();
  private DirectorySettings settings = DirectorySettings.of(Path.of("unset"));

  @BeforeEach
  void settings() {
    settings =
        DirectorySettings.of(directory)
            .withPattern("*.safetensors")
            .withPollInterval(Duration.ofMillis(20))
            .withQuietPeriod(Duration.ofMillis(60));
  }

  @AfterAll
  static void shutdown() {
    KIT.shutdownTestKit();
  }

  @Test
  void reportsWhatIsThereInOrderAndThenWhatComes() throws IOException {
    write("step-20.safetensors");
    write("step-3.safetensors");
    TestSubscriber.Probe<Sighting> probe = subscribe();

    assertThat(settled(probe).step()).isEqualTo(3);
    assertThat(settled(probe).step()).isEqualTo(20);

    Path third = write("step-100.safetensors");
    Checkpoint checkpoint = settled(probe);
    assertThat(checkpoint).isEqualTo(CheckpointFiles.describe(third));
    assertThat(checkpoint.file()).isEqualTo(third);
    probe.cancel();
  }

  @Test
  void aTruncatedFileIsPassedOverAndTakenWhenItsRestArrives() throws IOException {
    byte[] whole = Files.readAllBytes(write("source.bin"));
    Path file = directory.resolve("step-1.safetensors");
    Files.write(file, Arrays.copyOf(whole, whole.length - 7));
    TestSubscriber.Probe<Sighting> probe = subscribe();

    PassedOver passedOver = (PassedOver) next(probe);
    assertThat(passedOver.reason()).isEqualTo(Reason.INCOMPLETE);
    assertThat(passedOver.path()).isEqualTo(file.toString());
    assertThat(passedOver.message()).startsWith(file + ": ");

    Files.write(
        file, Arrays.copyOfRange(whole, whole.length - 7, whole.length), StandardOpenOption.APPEND);
    assertThat(settled(probe).file()).isEqualTo(file);
    probe.cancel();
  }

  @Test
  void whatIsNotASafetensorsFileIsMalformed() throws IOException {
    Path draft = Files.writeString(directory.resolve("draft"), "this is not a checkpoint at all");
    Files.move(draft, directory.resolve("step-1.safetensors"));
    TestSubscriber.Probe<Sighting> probe = subscribe();

    assertThat(((PassedOver) next(probe)).reason()).isEqualTo(Reason.MALFORMED);
    probe.cancel();
  }

  @Test
  void ignoresTemporaryAndHiddenFilesDirectoriesAndOtherNames() throws IOException {
    write(".step-1.safetensors");
    write("step-2.tmp123.safetensors");
    write("step-3.safetensors.tmp");
    write("step-4.pt");
    Files.createDirectory(directory.resolve("step-5.safetensors"));
    Files.createSymbolicLink(directory.resolve("step-6.safetensors"), directory.resolve("nowhere"));
    write("step-7.safetensors");
    TestSubscriber.Probe<Sighting> probe = subscribe();

    assertThat(settled(probe).step()).isEqualTo(7);
    assertThat(listed(probe).pending()).isZero();
    probe.cancel();
  }

  @Test
  void aMissingDirectoryIsAProblemUntilItAppears() throws IOException {
    Path later = directory.resolve("later");
    settings = settings.withDirectory(later);
    TestSubscriber.Probe<Sighting> probe = subscribe();

    assertThat(((Problem) next(probe)).message()).contains(later.toString(), "does not exist");
    Files.createDirectory(later);
    assertThat(next(probe)).isInstanceOf(Recovered.class);
    Files.delete(later);
    assertThat(next(probe)).isInstanceOf(Problem.class);
    probe.cancel();
  }

  @Test
  void aFileInPlaceOfTheDirectoryIsAProblem() throws IOException {
    Path file = Files.createFile(directory.resolve("file"));
    DirectoryListing listing = new DirectoryListing(DirectorySettings.of(file));

    assertThat(problem(listing))
        .isEqualTo(file + ": this is a file; name the directory that holds the checkpoints");
  }

  @Test
  void aDirectoryWithoutPermissionIsAProblem() throws IOException {
    Path closed = Files.createDirectory(directory.resolve("closed"));
    Files.setPosixFilePermissions(closed, PosixFilePermissions.fromString("---------"));
    DirectoryListing listing = new DirectoryListing(DirectorySettings.of(closed));

    // Root reads everything; for everybody else it is a problem with a name.
    if (Files.isReadable(closed)) {
      assertThat(problem(listing)).isEqualTo("listed 0");
    } else {
      assertThat(problem(listing)).contains(closed.toString(), "may not be read by this user");
    }
  }

  @Test
  void pollingStopsWithoutDemandAndNothingIsLost() throws Exception {
    write("step-1.safetensors");
    TestSubscriber.Probe<Sighting> probe = subscribe();
    settled(probe);
    write("step-2.safetensors");
    // Without demand one listing may be ready and one under way.
    int before = polls.get();
    Thread.sleep(500);
    assertThat(polls.get()).isLessThanOrEqualTo(before + 3);
    write("step-3.safetensors");

    assertThat(settled(probe).step()).isEqualTo(2);
    assertThat(settled(probe).step()).isEqualTo(3);
    probe.cancel();
  }

  @Test
  void aLayoutThatIsRecognisedIsSaidBeforeItsFirstCheckpoint() throws IOException {
    settings = settings.withLayout(DirectorySettings.LayoutSettings.AUTO);
    Path folder = Files.createDirectories(directory.resolve("checkpoint-7/unet_ema"));
    Path weights = folder.resolve("diffusion_pytorch_model.safetensors");
    Files.move(write("draft"), weights);
    Files.createFile(directory.resolve("checkpoint-7/random_states_0.pkl"));
    TestSubscriber.Probe<Sighting> probe = subscribe();

    assertThat(((Recognised) next(probe)).message()).contains("layout diffusers");
    assertThat(((Recognised) next(probe)).message()).contains("unet_ema");
    Checkpoint checkpoint = settled(probe);
    assertThat(checkpoint.weights().path()).isEqualTo(weights.toString());
    assertThat(checkpoint).isEqualTo(CheckpointFiles.describe(directory.resolve("checkpoint-7")));
    probe.cancel();
  }

  @Test
  void aKillSwitchEndsItAndItsPolling() throws Exception {
    var ends =
        source()
            .viaMat(KillSwitches.single(), Keep.right())
            .toMat(TestSink.create(KIT.system()), Keep.both())
            .run(KIT.system());
    UniqueKillSwitch killSwitch = ends.first();
    TestSubscriber.Probe<Sighting> probe = ends.second();
    probe.requestNext();

    killSwitch.shutdown();
    probe.expectComplete();
    // One listing may be under way.
    int after = polls.get();
    Thread.sleep(400);
    assertThat(polls.get()).isLessThanOrEqualTo(after + 1);
  }

  @Test
  void aListingThatHangsDoesNotKeepTheStreamFromEnding() throws Exception {
    var hanging = new CountDownLatch(1);
    write("step-1.safetensors");
    var ends =
        DirectorySubscription.create(
                settings.withQuietPeriod(Duration.ZERO),
                file -> {
                  polls.incrementAndGet();
                  try {
                    hanging.await();
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                })
            .sightings()
            .viaMat(KillSwitches.single(), Keep.right())
            .toMat(TestSink.create(KIT.system()), Keep.both())
            .run(KIT.system());
    ends.second().request(1);
    KIT.createTestProbe()
        .awaitAssert(
            () -> {
              assertThat(polls.get()).isEqualTo(1);
              return null;
            });

    ends.first().shutdown();
    ends.second().expectComplete();
    hanging.countDown();
  }

  private Source<Sighting, NotUsed> source() {
    return DirectorySubscription.create(settings)
        .withClock(
            () -> {
              polls.incrementAndGet();
              return Instant.now();
            })
        .sightings();
  }

  private TestSubscriber.Probe<Sighting> subscribe() {
    return source().runWith(TestSink.create(KIT.system()), KIT.system());
  }

  private Path write(String name) throws IOException {
    Path file = directory.resolve(name);
    SafetensorsWriter.write(
        file, Map.of("w", new FloatArray(TensorShape.of(4), new float[] {1, 2, 3, 4})), Map.of());
    return file;
  }

  private static String problem(DirectoryListing listing) {
    try {
      return "listed " + listing.list().candidates().size();
    } catch (DirectoryListing.UnlistableException e) {
      return e.sentence();
    }
  }

  private static Sighting next(TestSubscriber.Probe<Sighting> probe) {
    while (true) {
      Sighting sighting = probe.requestNext();
      if (!(sighting instanceof Listed)) {
        return sighting;
      }
    }
  }

  private static Listed listed(TestSubscriber.Probe<Sighting> probe) {
    return (Listed) probe.requestNext();
  }

  private static Checkpoint settled(TestSubscriber.Probe<Sighting> probe) {
    Sighting sighting = next(probe);
    assertThat(sighting).isInstanceOf(Settled.class);
    return ((Settled) sighting).checkpoint();
  }
}
