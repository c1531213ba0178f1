package io.diffuscope.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import akka.NotUsed;
import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.japi.Pair;
import akka.stream.BoundedSourceQueue;
import akka.stream.javadsl.Source;
import io.diffuscope.checkpoint.Announcement.Outcome;
import io.diffuscope.checkpoint.Announcement.Refusal;
import io.diffuscope.checkpoint.Sighting.Listed;
import io.diffuscope.checkpoint.Sighting.Recognised;
import io.diffuscope.checkpoint.Sighting.Settled;
import io.diffuscope.tensorfile.FloatArray;
import io.diffuscope.tensorfile.SafetensorsWriter;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Announcements of real files, beside a real directory and alone. */
class AnnouncedCheckpointsTest {
  private static final ActorTestKit KIT = ActorTestKit.create();
  private static final Sighting LISTED = new Listed(Instant.EPOCH, 0);

  @TempDir private Path temporary = Path.of("");
  private Path directory = Path.of("");
  private DirectorySettings settings = DirectorySettings.of(Path.of("unset"));

  @BeforeEach
  void settings() throws IOException {
    directory = Files.createDirectory(temporary.toRealPath().resolve("run"));
    settings =
        DirectorySettings.of(directory)
            .withPollInterval(Duration.ofMillis(20))
            .withQuietPeriod(Duration.ofMillis(60));
  }

  @AfterAll
  static void shutdown() {
    KIT.shutdownTestKit();
  }

  @Test
  void whatWasAnnouncedIsNotReportedAgainByTheDirectory() throws Exception {
    AnnouncedCheckpoints source = beside();
    BlockingQueue<Sighting> seen = subscribe(source);
    Path file = write("step-10.safetensors");

    Checkpoint announced = accepted(source, file, null).checkpoint();
    assertThat(announced).isEqualTo(CheckpointFiles.describe(file));
    assertThat(announced.step()).isEqualTo(10);

    // The directory goes on to the next one, so it has had its say on the first.
    Path next = write("step-20.safetensors");
    assertThat(settled(seen, 2))
        .extracting(Checkpoint::path)
        .containsExactly(file.toString(), next.toString());
  }

  @Test
  void whatWasTakenDoesNotAlsoEndAsWhatTheDirectoryWaitedFor() throws Exception {
    Pair<BoundedSourceQueue<Sighting>, Source<Sighting, NotUsed>> told =
        Source.<Sighting>queue(10).preMaterialize(KIT.system());
    AnnouncedCheckpoints source =
        AnnouncedCheckpoints.beside(
            settings, told::second, AnnounceRoots.of(List.of()).with(settings.directory()));
    BlockingQueue<Sighting> seen = new LinkedBlockingQueue<>();
    source.sightings().runForeach(seen::add, KIT.system());
    told.first().offer(LISTED);
    next(seen);
    Path file = write("step-10.safetensors");
    accepted(source, file, null);
    settled(seen, 1);
    Sighting.PassedOver gone =
        new Sighting.PassedOver(file.toString(), Sighting.Reason.VANISHED, "gone");
    Sighting.PassedOver other =
        new Sighting.PassedOver(file + "-2", Sighting.Reason.VANISHED, "gone");
    told.first().offer(gone);
    told.first().offer(other);
    assertThat(next(seen)).isEqualTo(other);
    // The next time that the name vanishes it is another one.
    told.first().offer(gone);
    assertThat(next(seen)).isEqualTo(gone);
  }

  @Test
  void whatTheDirectoryReportedIsKnownWhenItIsAnnounced() throws Exception {
    AnnouncedCheckpoints source = beside();
    BlockingQueue<Sighting> seen = subscribe(source);
    Path file = write("step-10.safetensors");
    Checkpoint reported = settled(seen, 1).getFirst();

    assertThat(announce(source, file, 10L)).isEqualTo(new Outcome.Known(reported));
    assertThat(announce(source, file, null)).isEqualTo(new Outcome.Known(reported));

    Path again = write("step-10.safetensors");
    // The content that a restarted training writes under the same name is another one.
    assertThat(settled(seen, 1))
        .singleElement()
        .satisfies(c -> assertThat(c.path()).isEqualTo(again.toString()));
  }

  @Test
  void neitherQuietNorAMarkerIsWaitedFor() throws Exception {
    settings = settings.withSettleTimeout(Duration.ofHours(2)).withQuietPeriod(Duration.ofHours(1));
    AnnouncedCheckpoints source = beside();
    BlockingQueue<Sighting> seen = subscribe(source);
    // diffusers: random_states_0.pkl, the marker, is not there.
    Path weights = write("checkpoint-500/unet_ema/diffusion_pytorch_model.safetensors");
    Path folder = directory.resolve("checkpoint-500");

    Checkpoint announced = accepted(source, folder, null).checkpoint();
    assertThat(announced.path()).isEqualTo(folder.toString());
    assertThat(announced.weights().path()).isEqualTo(weights.toString());
    assertThat(announced.step()).isEqualTo(500);
    assertThat(announced).isEqualTo(CheckpointFiles.describe(folder));
    // The file inside is the same checkpoint.
    assertThat(announce(source, weights, null)).isEqualTo(new Outcome.Known(announced));
    assertThat(settled(seen, 1)).containsExactly(announced);
  }

  @Test
  void aDirectoryThatIsWatchedThroughALinkGivesItsOwnNames() throws Exception {
    Path link = Files.createSymbolicLink(directory.resolveSibling("link"), directory);
    settings = settings.withDirectory(link);
    AnnouncedCheckpoints source = beside();
    BlockingQueue<Sighting> seen = subscribe(source);
    Path file = write("step-10.safetensors");
    Checkpoint reported = settled(seen, 1).getFirst();

    assertThat(reported.path()).isEqualTo(link.resolve("step-10.safetensors").toString());
    assertThat(announce(source, file, null)).isEqualTo(new Outcome.Known(reported));
  }

  @Test
  void anotherCopyOfAStepIsNotASecondCheckpoint() throws Exception {
    AnnouncedCheckpoints source = beside();
    subscribe(source);
    Path averaged = write("checkpoint-500/unet_ema/diffusion_pytorch_model.safetensors");
    Path raw = write("checkpoint-500/unet/diffusion_pytorch_model.safetensors");

    Outcome.Refused refused = refused(source, raw, null);
    assertThat(refused.cause()).isEqualTo(Refusal.UNUSABLE);
    assertThat(refused.message()).contains(raw.toString(), "--weights");
    assertThat(accepted(source, averaged, null).checkpoint().path())
        .isEqualTo(directory.resolve("checkpoint-500").toString());
  }

  @Test
  void theStepThatIsAnnouncedCountsAndADifferenceIsSaidOnce() throws Exception {
    settings = settings.withPattern("*.none");
    AnnouncedCheckpoints source = beside();
    BlockingQueue<Sighting> seen = subscribe(source);
    Path unnamed = write("last.safetensors");
    Path first = write("epoch-3.safetensors");
    Path second = write("epoch-4.safetensors");

    assertThat(accepted(source, unnamed, 1_100L))
        .satisfies(
            a -> {
              assertThat(a.checkpoint().step()).isEqualTo(1_100);
              assertThat(a.remark()).isNull();
            });
    assertThat(accepted(source, first, 1_200L))
        .satisfies(
            a -> {
              assertThat(a.checkpoint().step()).isEqualTo(1_200);
              assertThat(a.checkpoint().identity())
                  .isEqualTo(CheckpointFiles.describe(first).identity());
              assertThat(a.remark()).contains("1200", "the name says 3");
            });
    assertThat(accepted(source, second, 1_300L).remark()).contains("the name says 4");

    List<Sighting> all = new ArrayList<>();
    while (all.stream().filter(Settled.class::isInstance).count() < 3) {
      all.add(next(seen));
    }
    assertThat(all.stream().filter(Recognised.class::isInstance)).hasSize(1);
  }

  @Test
  void aStepThatIsAnnouncedAfterTheDirectoryWasFirstCountsWhereTheNameHasNone() throws Exception {
    AnnouncedCheckpoints source = beside();
    BlockingQueue<Sighting> seen = subscribe(source);
    Path file = write("weights.safetensors");
    Checkpoint reported = settled(seen, 1).getFirst();
    assertThat(reported.step()).isNull();

    Checkpoint stepped = accepted(source, file, 1_200L).checkpoint();
    assertThat(stepped.step()).isEqualTo(1_200);
    assertThat(stepped.identity()).isNotEqualTo(reported.identity());
    assertThat(stepped.weights()).isEqualTo(reported.weights());
    assertThat(settled(seen, 1)).containsExactly(stepped);
    assertThat(CheckpointFiles.isCurrent(stepped)).isTrue();

    // It is idempotent, and what is known is not told anew.
    assertThat(announce(source, file, 1_200L)).isEqualTo(new Outcome.Known(stepped));
    assertThat(announce(source, file, null)).isEqualTo(new Outcome.Known(stepped));
    Path next = write("other.safetensors");
    assertThat(settled(seen, 1)).extracting(Checkpoint::path).containsExactly(next.toString());
    write("weights.safetensors");
    assertThat(CheckpointFiles.isCurrent(stepped)).isFalse();
  }

  @Test
  void aStepThatContradictsWhatTheRunHasIsRefused() throws Exception {
    AnnouncedCheckpoints source = beside();
    BlockingQueue<Sighting> seen = subscribe(source);
    Path named = write("step-10.safetensors");
    settled(seen, 1);
    Path unnamed = write("weights.safetensors");
    accepted(source, unnamed, 20L);

    for (Outcome.Refused refused :
        List.of(refused(source, named, 11L), refused(source, unnamed, 11L))) {
      assertThat(refused.cause()).isEqualTo(Refusal.CONTRADICTORY);
    }
    assertThat(refused(source, named, 11L).message())
        .startsWith(named + ": ")
        .contains("step 11 is announced", "under step 10");
    assertThat(refused(source, unnamed, 21L).message()).contains("under step 20");
  }

  @Test
  void whatIsNotWholeIsToBeAnnouncedAgain() throws Exception {
    AnnouncedCheckpoints source = alone();
    BlockingQueue<Sighting> seen = subscribe(source);
    byte[] whole = Files.readAllBytes(write("whole.safetensors"));
    Path file = directory.resolve("step-1.safetensors");
    assertThat(refused(source, file, null).cause()).isEqualTo(Refusal.INCOMPLETE);
    Files.write(file, Arrays.copyOf(whole, whole.length - 3));

    Outcome.Refused refused = refused(source, file, null);
    assertThat(refused.cause()).isEqualTo(Refusal.INCOMPLETE);
    assertThat(refused.message()).startsWith(file + ": ");

    Files.write(file, whole);
    Checkpoint taken = accepted(source, file, null).checkpoint();
    assertThat(settled(seen, 1)).containsExactly(taken);
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void whatCannotBeACheckpointIsUnusableAndNothingHangs() throws Exception {
    AnnouncedCheckpoints source = alone();
    subscribe(source);
    Path text = Files.writeString(directory.resolve("notes.safetensors"), "these are some notes");
    Path pipe = directory.resolve("pipe.pt");
    assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
    Path empty = Files.createDirectory(directory.resolve("empty"));

    for (Path path : List.of(text, pipe, empty)) {
      assertThat(refused(source, path, null))
          .as("%s", path)
          .satisfies(
              r -> {
                assertThat(r.cause()).isEqualTo(Refusal.UNUSABLE);
                assertThat(r.message()).startsWith(path + ": ");
              });
    }
    // The source goes on.
    accepted(source, write("step-1.safetensors"), null);
  }

  @Test
  void aCheckpointWhoseWeightsLieElsewhereIsForbidden() throws Exception {
    AnnouncedCheckpoints source = alone();
    subscribe(source);
    Path secret = directory.resolveSibling("secret.safetensors");
    Files.move(write("draft.safetensors"), secret);
    Path inside = directory.resolve("checkpoint-1/unet");
    Files.createDirectories(inside);
    Files.createSymbolicLink(inside.resolve("diffusion_pytorch_model.safetensors"), secret);

    assertThat(refused(source, directory.resolve("checkpoint-1"), null).cause())
        .isEqualTo(Refusal.FORBIDDEN);

    // Nor is told whether what a link leads to is there.
    Files.delete(secret);
    assertThat(refused(source, directory.resolve("checkpoint-1"), null).cause())
        .isEqualTo(Refusal.FORBIDDEN);

    Path sharded = Files.createDirectory(directory.resolve("sharded"));
    Files.createSymbolicLink(sharded.resolve("a.safetensors"), secret);
    Path index =
        Files.writeString(
            sharded.resolve("model.safetensors.index.json"),
            "{\"weight_map\": {\"w\": \"a.safetensors\"}}");
    assertThat(refused(source, index, null).cause()).isEqualTo(Refusal.FORBIDDEN);
  }

  @Test
  void aFloodIsTurnedAwayAndTheRestIsAnswered() throws Exception {
    CountDownLatch open = new CountDownLatch(1);
    Pair<BoundedSourceQueue<Sighting>, Source<Sighting, NotUsed>> listed =
        Source.<Sighting>queue(4).preMaterialize(KIT.system());
    Path file = write("step-1.safetensors");
    AnnouncedCheckpoints source =
        AnnouncedCheckpoints.beside(
            settings.withPattern("*.none"),
            listed::second,
            AnnounceRoots.of(List.of(directory.toString())),
            weights -> {
              try {
                open.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    assertThat(listed.first().offer(LISTED).isEnqueued()).isTrue();
    BlockingQueue<Sighting> seen = subscribe(source);
    seen.clear();
    List<CompletionStage<Outcome>> sent = new ArrayList<>();
    for (int i = 0; i < 3 * AnnouncedCheckpoints.MOST_WAITING; i++) {
      sent.add(source.announce(new Announcement(file.toString(), null)));
    }
    // Those that wait, the one that is looked at, and what stream stages hold between them.
    long busy =
        sent.stream()
            .filter(stage -> stage.toCompletableFuture().isDone())
            .map(AnnouncedCheckpointsTest::outcome)
            .filter(o -> o instanceof Outcome.Refused r && r.cause() == Refusal.BUSY)
            .count();
    assertThat(busy).isGreaterThan(AnnouncedCheckpoints.MOST_WAITING);

    // Who waits may bring a checkpoint: a run does not end on that listing.
    assertThat(listed.first().offer(LISTED).isEnqueued()).isTrue();
    assertThat(next(seen))
        .isInstanceOfSatisfying(Listed.class, l -> assertThat(l.pending()).isPositive());

    open.countDown();
    List<Outcome> outcomes = sent.stream().map(AnnouncedCheckpointsTest::outcome).toList();
    assertThat(outcomes.stream().filter(Outcome.Accepted.class::isInstance)).hasSize(1);
    assertThat(outcomes.stream().filter(Outcome.Known.class::isInstance))
        .hasSize(sent.size() - (int) busy - 1);
  }

  @Test
  void anEndedSourceSaysSo() throws Exception {
    Pair<BoundedSourceQueue<Sighting>, Source<Sighting, NotUsed>> listed =
        Source.<Sighting>queue(4).preMaterialize(KIT.system());
    AnnouncedCheckpoints source =
        AnnouncedCheckpoints.beside(
            settings, listed::second, AnnounceRoots.of(List.of(directory.toString())));
    Path file = write("step-1.safetensors");
    assertThat(refused(source, file, null).cause()).isEqualTo(Refusal.BUSY);
    assertThat(listed.first().offer(LISTED).isEnqueued()).isTrue();
    subscribe(source);
    accepted(source, file, null);
    listed.first().complete();
    KIT.createTestProbe()
        .awaitAssert(
            () -> {
              assertThat(announce(source, file, null))
                  .isInstanceOfSatisfying(
                      Outcome.Refused.class, r -> assertThat(r.cause()).isEqualTo(Refusal.OVER));
              return null;
            });
  }

  @Test
  void announcementsAloneTellThatNothingWaits() throws Exception {
    AnnouncedCheckpoints source = alone();
    BlockingQueue<Sighting> seen = subscribe(source);

    assertThat(next(seen))
        .isInstanceOfSatisfying(Listed.class, l -> assertThat(l.pending()).isZero());
  }

  private AnnouncedCheckpoints beside() {
    return AnnouncedCheckpoints.beside(
        settings,
        DirectorySubscription.create(settings),
        AnnounceRoots.of(List.of()).with(settings.directory()));
  }

  private AnnouncedCheckpoints alone() {
    return AnnouncedCheckpoints.alone(
        AnnounceRoots.of(List.of(directory.toString())), "auto", Duration.ofMillis(20));
  }

  private static BlockingQueue<Sighting> subscribe(AnnouncedCheckpoints source) {
    BlockingQueue<Sighting> seen = new LinkedBlockingQueue<>();
    source.sightings().runForeach(seen::add, KIT.system());
    Sighting first = next(seen);
    assertThat(first).as("the stream has begun").isInstanceOf(Listed.class);
    seen.add(first);
    return seen;
  }

  private static Outcome announce(AnnouncedCheckpoints source, Path path, @Nullable Long step) {
    return outcome(source.announce(new Announcement(path.toString(), step)));
  }

  private static Outcome outcome(CompletionStage<Outcome> stage) {
    return stage.toCompletableFuture().orTimeout(20, TimeUnit.SECONDS).join();
  }

  private static Outcome.Accepted accepted(
      AnnouncedCheckpoints source, Path path, @Nullable Long step) {
    Outcome outcome = announce(source, path, step);
    assertThat(outcome).isInstanceOf(Outcome.Accepted.class);
    return (Outcome.Accepted) outcome;
  }

  private static Outcome.Refused refused(
      AnnouncedCheckpoints source, Path path, @Nullable Long step) {
    Outcome outcome = announce(source, path, step);
    assertThat(outcome).isInstanceOf(Outcome.Refused.class);
    return (Outcome.Refused) outcome;
  }

  /** The next so many, whatever is said between them. */
  private static List<Checkpoint> settled(BlockingQueue<Sighting> seen, int count) {
    List<Checkpoint> settled = new ArrayList<>();
    while (settled.size() < count) {
      if (next(seen) instanceof Settled s) {
        settled.add(s.checkpoint());
      }
    }
    return settled;
  }

  private static Sighting next(BlockingQueue<Sighting> seen) {
    try {
      Sighting sighting = seen.poll(20, TimeUnit.SECONDS);
      assertThat(sighting).as("a sighting").isNotNull();
      return Objects.requireNonNull(sighting);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private Path write(String name) throws IOException {
    Path file = directory.resolve(name);
    Files.createDirectories(file.getParent());
    Path draft = directory.resolveSibling("draft");
    SafetensorsWriter.write(
        draft, Map.of("w", new FloatArray(TensorShape.of(4), new float[] {1, 2, 3, 4})), Map.of());
    return Files.move(draft, file, StandardCopyOption.REPLACE_EXISTING);
  }
}
