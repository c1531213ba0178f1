package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;

import akka.Done;
import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.stream.KillSwitches;
import akka.stream.Materializer;
import akka.stream.UniqueKillSwitch;
import akka.stream.javadsl.Keep;
import akka.stream.javadsl.Sink;
import akka.stream.javadsl.Source;
import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.checkpoint.CheckpointFiles;
import io.diffuscope.checkpoint.HoldSettings;
import io.diffuscope.checkpoint.Holds;
import io.diffuscope.sampling.ProbeFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A hold lasts as long as the stream that works on the checkpoint, however that ends. */
class HoldingTest {
  private static final ActorTestKit KIT = ActorTestKit.create();

  @TempDir private Path root;
  private Path trainer;
  private Path folder;
  private final List<HoldNews> news = Collections.synchronizedList(new ArrayList<>());
  private final TestProbe<TrainingRun.Found> begun = KIT.createTestProbe(TrainingRun.Found.class);

  @BeforeEach
  void makeFolders() throws IOException {
    trainer = Files.createDirectory(root.resolve("run"));
    folder = root.resolve("holds");
  }

  @AfterAll
  static void stop() {
    KIT.shutdownTestKit();
  }

  @Test
  void isHeldUntilTheEndAndNothingIsLeftOfManyEvaluations() throws Exception {
    Path linked = new ProbeFiles(trainer).checkpoint("step-1.safetensors", 1);
    Path copied = Files.copy(linked, trainer.resolve("last.safetensors"));
    List<Checkpoint> checkpoints =
        List.of(CheckpointFiles.describe(linked), CheckpointFiles.describe(copied));
    Holding holding = holding(Long.MAX_VALUE);
    for (int i = 0; i < 200; i++) {
      Checkpoint checkpoint = checkpoints.get(i % 2);
      List<Path> places =
          holding
              .during(checkpoint, HoldingTest::placesWhileAtWork)
              .runWith(Sink.seq(), KIT.system())
              .toCompletableFuture()
              .join();
      assertThat(places).hasSize(3).allMatch(place -> place.startsWith(folder));
    }
    awaitNoHolds();
    assertThat(news).isEmpty();
    assertThat(openFilesBelow(root)).isEmpty();
    assertThat(Files.getAttribute(linked, "unix:nlink")).isEqualTo(1);
  }

  /** Opens and reads the weights at each element. */
  private static Source<Path, ?> placesWhileAtWork(Checkpoint held) {
    return Source.range(1, 3)
        .map(
            i -> {
              assertThat(CheckpointFiles.isCurrent(held)).isTrue();
              Path file = held.readFrom().file();
              assertThat(Files.size(file)).isPositive();
              return file;
            });
  }

  /** With room for one only: the next is taken when the one before is gone. */
  @Test
  void theNextIsHeldThoughTheLimitIsOneCheckpoint() throws Exception {
    Path file = new ProbeFiles(trainer).checkpoint("step-1.safetensors", 1);
    Checkpoint checkpoint = CheckpointFiles.describe(file);
    Holding holding = holding(Files.size(file));
    for (int i = 0; i < 50; i++) {
      Checkpoint held =
          holding
              .during(checkpoint, Source::single)
              .runWith(Sink.head(), KIT.system())
              .toCompletableFuture()
              .join();
      assertThat(held.held()).isNotNull();
    }
    assertThat(news).isEmpty();
  }

  @Test
  void beyondTheLimitItIsReadInPlaceAndToldEachTime() throws Exception {
    Path file = new ProbeFiles(trainer).checkpoint("step-1.safetensors", 1);
    Checkpoint checkpoint = CheckpointFiles.describe(file);
    Holding holding = holding(Files.size(file) - 1);
    for (int i = 0; i < 3; i++) {
      assertThat(
              holding
                  .during(checkpoint, Source::single)
                  .runWith(Sink.head(), KIT.system())
                  .toCompletableFuture()
                  .join())
          .isEqualTo(checkpoint);
    }
    assertThat(news)
        .allSatisfy(one -> assertThat(one.message()).contains("holds.max-bytes"))
        .extracting(HoldNews::reason)
        .containsExactly("limit", "limit", "limit");
    assertThat(news).extracting(HoldNews::first).containsExactly(true, false, false);
  }

  /**
   * Links and copies of more runs than there are threads to wait in, with room for two: the first
   * two go on only when the others had time to ask. The folder is looked at all the time.
   */
  @Test
  void manyRunsShareTheLimitByWaiting() throws Exception {
    Path large = new ProbeFiles(trainer).checkpoint("step-1.safetensors", 1);
    long limit = Files.size(large) * 5 / 2;
    Holds holds = Holds.open(folder, new HoldSettings(HoldSettings.Mode.AUTO, limit), Set.of());
    CompletableFuture<Done> gate = new CompletableFuture<>();
    HeldBytes held = new HeldBytes(folder);
    try (held) {
      List<CompletableFuture<List<Path>>> evaluations = new ArrayList<>();
      for (int run = 0; run < 40; run++) {
        Path own = Files.createDirectory(trainer.resolve("run-" + run));
        String name = run % 2 == 0 ? "step-1.safetensors" : "last.safetensors";
        Checkpoint checkpoint = CheckpointFiles.describe(Files.copy(large, own.resolve(name)));
        evaluations.add(
            holding("run-" + run, holds)
                .during(checkpoint, taken -> afterwards(gate, taken))
                .runWith(Sink.seq(), KIT.system())
                .toCompletableFuture());
      }
      begun.receiveMessage();
      begun.receiveMessage();
      held.awaitLooks(2);
      gate.complete(Done.getInstance());
      for (CompletableFuture<List<Path>> evaluation : evaluations) {
        assertThat(evaluation.join()).hasSize(3).allMatch(place -> place.startsWith(folder));
      }
    }
    // Two were held while the gate was closed, and were seen.
    assertThat(held.most()).isEqualTo(2 * Files.size(large));
    assertThat(news).isEmpty();
    awaitNoHolds();
  }

  private Source<Path, ?> afterwards(CompletableFuture<Done> gate, Checkpoint held) {
    begun.getRef().tell(new TrainingRun.Found(held));
    return Source.completionStage(gate).flatMapConcat(open -> placesWhileAtWork(held));
  }

  /** Whether they have asked for room by then or not. */
  @Test
  void whoIsCancelledWhileWaitingKeepsNoPlace() throws Exception {
    Path file = new ProbeFiles(trainer).checkpoint("step-1.safetensors", 1);
    Checkpoint checkpoint = CheckpointFiles.describe(file);
    long limit = Files.size(file) * 2;
    Holds holds = Holds.open(folder, new HoldSettings(HoldSettings.Mode.AUTO, limit), Set.of());
    List<UniqueKillSwitch> kills = new ArrayList<>();
    for (int run = 0; run < 2; run++) {
      kills.add(started(holding("early-" + run, holds), checkpoint));
    }
    begun.receiveMessage();
    begun.receiveMessage();
    List<UniqueKillSwitch> late = new ArrayList<>();
    for (int run = 0; run < 30; run++) {
      late.add(started(holding("late-" + run, holds), checkpoint));
    }
    late.subList(0, 29).forEach(UniqueKillSwitch::shutdown);
    kills.getFirst().shutdown();
    assertThat(begun.receiveMessage(Duration.ofSeconds(30)).checkpoint().held()).isNotNull();
    late.forEach(UniqueKillSwitch::shutdown);
    kills.forEach(UniqueKillSwitch::shutdown);
    assertThat(news).isEmpty();
    awaitNoHolds();
  }

  private UniqueKillSwitch started(Holding holding, Checkpoint checkpoint) {
    return holding
        .during(checkpoint, this::endless)
        .viaMat(KillSwitches.single(), Keep.right())
        .to(Sink.ignore())
        .run(KIT.system());
  }

  @Test
  void isReleasedWhenTheWorkFails() throws Exception {
    Checkpoint checkpoint = described();
    CompletionStage<Object> done =
        holding(Long.MAX_VALUE)
            .during(checkpoint, held -> Source.failed(new EvaluationException("engine", "broken")))
            .runWith(Sink.head(), KIT.system());
    assertThat(failureOf(done)).isInstanceOf(EvaluationException.class).hasMessage("broken");
    awaitNoHolds();
  }

  @Test
  void isReleasedWhenTheStreamIsCancelled() throws Exception {
    UniqueKillSwitch kill = started(holding(Long.MAX_VALUE), described());
    Checkpoint held = begun.receiveMessage().checkpoint();
    assertThat(held.readFrom().file()).exists();
    kill.shutdown();
    awaitNoHolds();
  }

  /** Whether the hold was taken by then or not: the next one has room. */
  @Test
  void aStreamThatIsCancelledAtOnceLeavesNothing() throws Exception {
    Checkpoint checkpoint = described();
    Holding holding = holding(Files.size(checkpoint.file()));
    for (int i = 0; i < 50; i++) {
      holding
          .during(checkpoint, held -> Source.maybe())
          .viaMat(KillSwitches.single(), Keep.right())
          .to(Sink.ignore())
          .run(KIT.system())
          .shutdown();
    }
    Checkpoint last =
        holding
            .during(checkpoint, Source::single)
            .runWith(Sink.head(), KIT.system())
            .toCompletableFuture()
            .join();
    assertThat(last.held()).isNotNull();
    assertThat(news).isEmpty();
    awaitNoHolds();
  }

  @Test
  void isReleasedWhenItsActorEnds() throws Exception {
    Materializer materializer = Materializer.createMaterializer(KIT.system());
    CompletionStage<?> done =
        holding(Long.MAX_VALUE)
            .during(described(), this::endless)
            .runWith(Sink.ignore(), materializer);
    begun.receiveMessage();
    materializer.shutdown();
    awaitNoHolds();
    assertThat(done.toCompletableFuture()).isCompletedExceptionally();
  }

  @Test
  void whatWentBeforeItWasHeldIsVanished() throws Exception {
    Checkpoint checkpoint = described();
    Files.delete(checkpoint.file());
    CompletionStage<Checkpoint> done =
        holding(Long.MAX_VALUE)
            .during(checkpoint, Source::single)
            .runWith(Sink.head(), KIT.system());
    assertThat(failureOf(done))
        .isInstanceOfSatisfying(
            EvaluationException.class,
            failure -> {
              assertThat(failure.reason()).isEqualTo("vanished");
              assertThat(failure.getMessage()).startsWith(checkpoint.path());
            });
    awaitNoHolds();
  }

  private Source<Object, ?> endless(Checkpoint held) {
    begun.getRef().tell(new TrainingRun.Found(held));
    return Source.maybe();
  }

  private Checkpoint described() throws IOException {
    return CheckpointFiles.describe(new ProbeFiles(trainer).checkpoint("step-1.safetensors", 1));
  }

  private Holding holding(long maxBytes) throws IOException {
    Holds holds = Holds.open(folder, new HoldSettings(HoldSettings.Mode.AUTO, maxBytes), Set.of());
    return holding("r", holds);
  }

  private Holding holding(String run, Holds holds) {
    return new Holding(run, KIT.system(), holds, Duration.ofMinutes(1), news::add);
  }

  /** As the run sees it. */
  private static Throwable failureOf(CompletionStage<?> stage) {
    try {
      stage.toCompletableFuture().join();
      throw new AssertionError("it did not fail");
    } catch (CompletionException e) {
      return e.getCause() == null ? e : e.getCause();
    }
  }

  private void awaitNoHolds() {
    begun.awaitAssert(
        () -> {
          assertThat(folder).isEmptyDirectory();
          return null;
        });
  }

  /** What this process has open, as Linux tells; elsewhere there is nothing to look at. */
  private static List<Path> openFilesBelow(Path top) throws IOException {
    Path descriptors = Path.of("/proc/self/fd");
    List<Path> open = new ArrayList<>();
    if (Files.isDirectory(descriptors)) {
      try (Stream<Path> links = Files.list(descriptors)) {
        for (Path link : links.toList()) {
          try {
            open.add(Files.readSymbolicLink(link));
          } catch (NoSuchFileException closedMeanwhile) {
            // The descriptor of the listing itself, for one.
          }
        }
      }
      assertThat(open).isNotEmpty();
    }
    open.removeIf(file -> !file.startsWith(top));
    return open;
  }
}
