package io.diffuscope.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.checkpoint.DirectoryListing.Listing;
import io.diffuscope.checkpoint.Sighting.Listed;
import io.diffuscope.checkpoint.Sighting.PassedOver;
import io.diffuscope.checkpoint.Sighting.Problem;
import io.diffuscope.checkpoint.Sighting.Reason;
import io.diffuscope.checkpoint.Sighting.Recognised;
import io.diffuscope.checkpoint.Sighting.Recovered;
import io.diffuscope.checkpoint.Sighting.Settled;
import io.diffuscope.tensorfile.BadInputException;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The tracker against a directory in memory and a clock that is turned by hand. */
class SettleTrackerTest {
  private static final Path DIRECTORY = Path.of("/checkpoints");
  private static final DirectorySettings SETTINGS =
      DirectorySettings.of(DIRECTORY)
          .withPollInterval(Duration.ofSeconds(1))
          .withQuietPeriod(Duration.ofSeconds(2))
          .withSettleTimeout(Duration.ofSeconds(60));

  private final Map<Path, FileVersion> directory = new LinkedHashMap<>();
  private final Map<Path, IOException> faults = new LinkedHashMap<>();
  private final Map<Path, Obstacle> obstacles = new LinkedHashMap<>();
  private final Set<Path> setAside = new HashSet<>();
  private String choice = "";
  private final List<Path> checked = new ArrayList<>();
  private final SettleTracker tracker = new SettleTracker(SETTINGS, this::check);
  private Instant now = Instant.parse("2026-01-01T00:00:00Z");
  private long nextInode = 1;

  @Test
  void reportsAFileOnceItIsQuietAndWhole() {
    write("step-100.safetensors", 10);

    assertThat(poll()).isEmpty();
    assertThat(after(1)).isEmpty();
    assertThat(after(1)).extracting(SettleTrackerTest::brief).containsExactly("settled 100");
    assertThat(after(100)).isEmpty();
    assertThat(checked).hasSize(1);
  }

  @Test
  void reportsWhatIsAlreadyThereInOrderOfSteps() {
    for (String name : List.of("m-1000", "m-200", "m-30", "m-4")) {
      write(name + ".safetensors", 10);
    }
    poll();

    assertThat(after(2))
        .extracting(SettleTrackerTest::brief)
        .containsExactly("settled 4", "settled 30", "settled 200", "settled 1000");
  }

  @Test
  void reportsFilesWithoutAStepInOrderOfTheirTimes() {
    directory.put(path("b.safetensors"), new FileVersion(1, 300, "1"));
    directory.put(path("a.safetensors"), new FileVersion(1, 500, "2"));
    directory.put(path("c.safetensors"), new FileVersion(1, 400, "3"));
    poll();

    assertThat(after(2))
        .extracting(s -> ((Settled) s).checkpoint().name())
        .containsExactly("b.safetensors", "c.safetensors", "a.safetensors");
  }

  @Test
  void aFileThatGrowsIsNotOpenedBeforeItIsQuiet() {
    for (int size = 1; size < 20; size++) {
      write("step-1.safetensors", size);
      assertThat(after(1)).isEmpty();
    }
    assertThat(checked).isEmpty();

    after(1);
    assertThat(after(1)).extracting(SettleTrackerTest::brief).containsExactly("settled 1");
  }

  @Test
  void aQuietButTruncatedFileIsPassedOverAtOnceAndBlocksNothing() {
    write("step-1.safetensors", 10);
    fault("step-1.safetensors", BadInputException.Reason.TRUNCATED);
    write("step-2.safetensors", 10);
    poll();

    assertThat(after(2))
        .extracting(SettleTrackerTest::brief)
        .containsExactly("incomplete step-1.safetensors", "settled 2");
    assertThat(after(10)).isEmpty();
    assertThat(checked).as("not opened again while it stays the same").hasSize(2);
  }

  @Test
  void theMessageOfAPassedOverFileNamesFileAndCause() {
    write("step-1.safetensors", 10);
    fault("step-1.safetensors", BadInputException.Reason.TRUNCATED);
    poll();

    assertThat(after(2))
        .singleElement()
        .isEqualTo(
            new PassedOver(
                path("step-1.safetensors").toString(),
                Reason.INCOMPLETE,
                path("step-1.safetensors") + ": not good"));
  }

  @Test
  void aTruncatedFileThatIsCompletedLaterSettles() {
    write("step-1.safetensors", 10);
    fault("step-1.safetensors", BadInputException.Reason.TRUNCATED);
    poll();
    after(2);

    write("step-1.safetensors", 20);
    faults.clear();
    assertThat(after(1)).isEmpty();
    assertThat(after(2)).extracting(SettleTrackerTest::brief).containsExactly("settled 1");
  }

  @Test
  void aFileThatStallsOftenIsPassedOverOnce() {
    fault("step-1.safetensors", BadInputException.Reason.TRUNCATED);
    List<Sighting> all = new ArrayList<>();
    for (int size = 1; size < 10; size++) {
      write("step-1.safetensors", size);
      all.addAll(after(1));
      all.addAll(after(3));
    }

    assertThat(all)
        .extracting(SettleTrackerTest::brief)
        .containsExactly("incomplete step-1.safetensors");
  }

  @Test
  void aZeroFilledFileThatIsFilledInPlaceSettlesByItsTimeAlone() {
    // Written by set_len and then sequentially: the size never changes.
    directory.put(path("step-1.safetensors"), new FileVersion(100, 1, "7"));
    fault("step-1.safetensors", BadInputException.Reason.MALFORMED);
    poll();
    assertThat(after(2))
        .extracting(SettleTrackerTest::brief)
        .containsExactly("malformed step-1.safetensors");

    directory.put(path("step-1.safetensors"), new FileVersion(100, 2, "7"));
    faults.clear();
    after(1);
    assertThat(after(2)).extracting(SettleTrackerTest::brief).containsExactly("settled 1");
  }

  @Test
  void aGrowingFileHoldsBackYoungerOnesSoThatOrderIsKept() {
    write("step-1.safetensors", 1);
    write("step-2.safetensors", 10);
    poll();
    write("step-1.safetensors", 2);
    after(1);
    write("step-1.safetensors", 3);

    assertThat(after(1)).as("step 2 is ready and waits").isEmpty();
    assertThat(after(1)).isEmpty();
    assertThat(after(1))
        .extracting(SettleTrackerTest::brief)
        .containsExactly("settled 1", "settled 2");
  }

  @Test
  void aGrowingFileHoldsBackNoOlderOne() {
    write("step-1.safetensors", 10);
    write("step-2.safetensors", 1);
    poll();
    write("step-2.safetensors", 2);

    assertThat(after(2)).extracting(SettleTrackerTest::brief).containsExactly("settled 1");
  }

  @Test
  void aFileThatNeverSettlesIsPassedOverAfterTheTimeoutAndTheOthersGoOn() {
    write("step-2.safetensors", 10);
    List<Sighting> all = new ArrayList<>();
    for (int second = 0; second < 59; second++) {
      write("step-1.safetensors", second);
      all.addAll(after(1));
    }
    assertThat(all).isEmpty();

    for (int second = 60; second < 70; second++) {
      write("step-1.safetensors", second);
      all.addAll(after(1));
    }
    assertThat(all)
        .extracting(SettleTrackerTest::brief)
        .containsExactly("incomplete step-1.safetensors", "settled 2");

    after(1);
    assertThat(after(1))
        .as("taken when it is complete after all")
        .extracting(SettleTrackerTest::brief)
        .containsExactly("settled 1");
  }

  @Test
  void aFileThatWasPassedOverDoesNotHoldBackAgain() {
    write("step-1.safetensors", 1);
    fault("step-1.safetensors", BadInputException.Reason.TRUNCATED);
    poll();
    after(2);

    write("step-1.safetensors", 2);
    write("step-2.safetensors", 10);
    poll();
    write("step-1.safetensors", 3);
    assertThat(after(2)).extracting(SettleTrackerTest::brief).containsExactly("settled 2");
  }

  @Test
  void aFileThatChangesWhileItIsCheckedIsStillGrowing() {
    write("step-1.safetensors", 1);
    fault("step-1.safetensors", BadInputException.Reason.CHANGED);
    poll();
    assertThat(after(2)).isEmpty();
    faults.clear();

    assertThat(after(1)).as("a new quiet period begins").isEmpty();
    assertThat(after(1)).extracting(SettleTrackerTest::brief).containsExactly("settled 1");
  }

  @Test
  void aReplacedFileIsANewCheckpointWithAnotherIdentity() {
    write("step-1.safetensors", 10);
    poll();
    Checkpoint first = onlySettled(after(2));

    for (FileVersion version :
        List.of(
            new FileVersion(11, 5_000, "50"),
            new FileVersion(11, 6_000, "50"),
            new FileVersion(11, 6_000, "51"))) {
      directory.put(path("step-1.safetensors"), version);
      after(1);
      Checkpoint second = onlySettled(after(2));
      assertThat(second.path()).isEqualTo(first.path());
      assertThat(second.step()).isEqualTo(1);
      assertThat(second.identity()).isNotEqualTo(first.identity());
      first = second;
    }
  }

  @Test
  void theSameContentHasTheSameIdentityInAnotherProcess() {
    write("step-1.safetensors", 10);
    poll();
    Checkpoint first = onlySettled(after(2));
    SettleTracker restarted = new SettleTracker(SETTINGS, this::check);

    restarted.observe(now, listing());
    assertThat(onlySettled(restarted.observe(now.plusSeconds(2), listing()))).isEqualTo(first);
  }

  @Test
  void anOverwrittenLatestFileIsReportedEachTime() {
    List<Sighting> all = new ArrayList<>();
    for (int round = 1; round <= 3; round++) {
      write("model-latest.safetensors", 10);
      all.addAll(after(1));
      all.addAll(after(2));
    }

    assertThat(all)
        .extracting(SettleTrackerTest::brief)
        .containsExactly("settled null", "settled null", "settled null");
    assertThat(all).extracting(s -> ((Settled) s).checkpoint().identity()).doesNotHaveDuplicates();
  }

  @Test
  void aFileThatVanishesBeforeItSettledIsReportedOnce() {
    write("step-1.safetensors", 10);
    poll();
    directory.clear();

    assertThat(after(1))
        .extracting(SettleTrackerTest::brief)
        .containsExactly("vanished step-1.safetensors");
    assertThat(after(1)).isEmpty();
  }

  @Test
  void aFileThatVanishesWhileItIsCheckedIsReportedByTheNextListing() {
    write("step-1.safetensors", 10);
    write("step-2.safetensors", 10);
    faults.put(path("step-1.safetensors"), new NoSuchFileException("step-1.safetensors"));
    fault("step-2.safetensors", BadInputException.Reason.VANISHED);
    poll();
    assertThat(after(2)).isEmpty();
    directory.clear();

    assertThat(after(1))
        .extracting(SettleTrackerTest::brief)
        .containsExactly("vanished step-1.safetensors", "vanished step-2.safetensors");
  }

  @Test
  void rotationOfReportedCheckpointsIsNoNews() {
    write("step-1.safetensors", 10);
    poll();
    after(2);
    directory.clear();

    assertThat(after(1)).isEmpty();
  }

  @Test
  void aFlickeringListingRepeatsNothing() {
    write("step-1.safetensors", 10);
    poll();
    after(2);
    FileVersion version = directory.remove(path("step-1.safetensors"));
    after(1);
    directory.put(path("step-1.safetensors"), version);

    assertThat(after(1)).isEmpty();
    assertThat(after(5)).isEmpty();
  }

  @Test
  void anUnreadableFileIsReportedOnceAndTakenWhenItBecomesReadable() {
    write("step-1.safetensors", 10);
    write("step-2.safetensors", 10);
    fault("step-1.safetensors", BadInputException.Reason.UNREADABLE);
    poll();

    assertThat(after(2))
        .extracting(SettleTrackerTest::brief)
        .containsExactly("unreadable step-1.safetensors", "settled 2");
    assertThat(after(5)).isEmpty();

    faults.clear(); // chmod changes neither size nor time nor inode
    assertThat(after(1)).extracting(SettleTrackerTest::brief).containsExactly("settled 1");
  }

  @Test
  void aMissingMarkerHoldsBackUntilTheTimeoutAndIsNamedOnce() {
    write("step-1.safetensors", 10);
    obstruct("step-1.safetensors", Obstacle.Kind.MARKER);
    write("step-2.safetensors", 10);
    poll();
    for (int second = 1; second < 60; second++) {
      assertThat(after(1)).isEmpty();
    }
    assertThat(listed(observe()).pending()).isEqualTo(2);

    List<Sighting> sightings = after(1);
    assertThat(sightings)
        .extracting(SettleTrackerTest::brief)
        .containsExactly("incomplete step-1.safetensors", "settled 2");
    assertThat(((PassedOver) sightings.getFirst()).message())
        .contains("in the way", "60 s", "diffuscope.checkpoints.markers = ignored");
    assertThat(after(100)).isEmpty();
    assertThat(listed(observe()).pending()).isZero();
    assertThat(checked).doesNotContain(path("step-1.safetensors"));

    obstacles.clear();
    assertThat(after(1)).extracting(SettleTrackerTest::brief).containsExactly("settled 1");
  }

  @Test
  void aMarkerThatGoesAwayAgainIsNoNews() {
    write("step-1.safetensors", 10);
    poll();
    assertThat(after(2)).hasSize(1);
    obstruct("step-1.safetensors", Obstacle.Kind.MARKER);

    assertThat(after(100)).isEmpty();
  }

  @Test
  void whatMayNotBeLookedAtHoldsNothingBackAndIsTakenOnceItMay() {
    write("step-1.safetensors", 10);
    write("step-2.safetensors", 10);
    obstruct("step-1.safetensors", Obstacle.Kind.UNREADABLE);
    assertThat(poll())
        .extracting(SettleTrackerTest::brief)
        .containsExactly("unreadable step-1.safetensors");
    assertThat(after(2)).extracting(SettleTrackerTest::brief).containsExactly("settled 2");
    assertThat(after(100)).isEmpty();

    obstacles.clear();
    assertThat(after(1)).extracting(SettleTrackerTest::brief).containsExactly("settled 1");
  }

  @Test
  void whatIsSetAsideHasNotVanished() {
    write("last.safetensors", 10);
    write("other.safetensors", 10);
    poll();
    setAside.add(path("last.safetensors"));
    directory.clear();

    assertThat(after(1))
        .extracting(SettleTrackerTest::brief)
        .containsExactly("vanished other.safetensors");
  }

  @Test
  void theChoiceOfWeightsIsSaidBeforeTheFirstThatItAppliesTo() {
    choice = "averaged";
    write("step-1.safetensors", 10);
    write("step-2.safetensors", 10);
    assertThat(poll()).isEmpty();
    assertThat(after(2))
        .extracting(SettleTrackerTest::brief)
        .containsExactly("averaged", "settled 1", "settled 2");
    choice = "raw";
    write("step-3.safetensors", 10);
    after(1);
    assertThat(after(2)).extracting(SettleTrackerTest::brief).containsExactly("raw", "settled 3");
  }

  @Test
  void anInputErrorWhileCheckingIsUnreadable() {
    write("step-1.safetensors", 10);
    faults.put(path("step-1.safetensors"), new IOException("Stale file handle"));
    poll();

    assertThat(after(2))
        .singleElement()
        .satisfies(
            s -> {
              assertThat(brief(s)).isEqualTo("unreadable step-1.safetensors");
              assertThat(((PassedOver) s).message()).contains("Stale file handle");
            });
  }

  @Test
  void everyReasonOfBadInputHasAnOutcome() {
    for (BadInputException.Reason reason : BadInputException.Reason.values()) {
      faults.put(
          path("step-1.safetensors"),
          new BadInputException(path("step-1.safetensors"), reason, "not good"));
      write("step-1.safetensors", 10);
      after(1);
      List<Sighting> sightings = after(2);
      assertThat(sightings).as(reason.label()).noneMatch(Settled.class::isInstance);
      directory.clear();
      after(1);
    }
  }

  @Test
  void aMissingDirectoryIsAProblemSaidOnceAndKeepsWhatIsKnown() {
    write("step-1.safetensors", 10);
    poll();
    after(2);

    assertThat(tracker.unlistable(new Problem("gone"))).containsExactly(new Problem("gone"));
    assertThat(tracker.unlistable(new Problem("gone"))).isEmpty();
    assertThat(tracker.unlistable(new Problem("forbidden")))
        .containsExactly(new Problem("forbidden"));
    assertThat(after(1)).singleElement().isInstanceOf(Recovered.class);
    assertThat(after(1)).isEmpty();
  }

  @Test
  void aStepThatArrivesLateIsReportedLate() {
    write("step-2.safetensors", 10);
    poll();
    after(2);
    write("step-1.safetensors", 10);
    after(1);

    assertThat(after(2)).extracting(SettleTrackerTest::brief).containsExactly("settled 1");
  }

  @Test
  void aListingSaysHowManyMayStillCome() {
    write("step-1.safetensors", 1);
    write("step-2.safetensors", 10);
    assertThat(listed(observe())).isEqualTo(new Listed(now, 2));
    now = now.plusSeconds(1);
    write("step-1.safetensors", 2);
    assertThat(listed(observe()).pending()).isEqualTo(2);
    now = now.plusSeconds(1);
    assertThat(listed(observe()).pending()).as("ready, but held back").isEqualTo(2);
    now = now.plusSeconds(1);
    assertThat(listed(observe()).pending()).isZero();
  }

  @Test
  void aRefusedFileIsNotPending() {
    write("step-1.safetensors", 1);
    fault("step-1.safetensors", BadInputException.Reason.TRUNCATED);
    observe();
    now = now.plusSeconds(2);

    assertThat(listed(observe()).pending()).isZero();
  }

  @Test
  void aThousandFilesInAnyOrderOfWritingAreEachReportedOnceAndInOrder() {
    Random random = new Random(7);
    List<Integer> steps = new ArrayList<>();
    for (int step = 1; step <= 1_000; step++) {
      steps.add(step);
    }
    Collections.shuffle(steps, random);
    steps.forEach(step -> write("m-" + step + ".safetensors", step));
    poll();

    List<Sighting> sightings = after(2);
    assertThat(sightings)
        .extracting(s -> ((Settled) s).checkpoint().step())
        .hasSize(1_000)
        .isSorted()
        .doesNotHaveDuplicates();
    assertThat(after(60)).isEmpty();
    assertThat(checked).hasSize(1_000);
  }

  @Test
  void underRandomWritesEveryContentThatStaysIsReportedExactlyOnce() {
    for (long seed = 1; seed <= 20; seed++) {
      randomWrites(new Random(seed));
    }
  }

  private void randomWrites(Random random) {
    directory.clear();
    SettleTracker fresh = new SettleTracker(SETTINGS, path -> {});
    Set<String> identities = new HashSet<>();
    for (int second = 0; second < 300; second++) {
      now = now.plusSeconds(1);
      int action = random.nextInt(10);
      String name = "m-" + random.nextInt(12) + ".safetensors";
      if (action < 4) {
        write(name, random.nextInt(5));
      } else if (action == 4) {
        directory.remove(path(name));
      }
      for (Sighting sighting : fresh.observe(now, listing())) {
        if (sighting instanceof Settled(Checkpoint checkpoint, String passedOverAs)) {
          assertThat(identities.add(checkpoint.identity())).as("twice: %s", checkpoint).isTrue();
          assertThat(candidate(checkpoint.file(), version(checkpoint)).checkpoint())
              .as("the content reported is the one that is there")
              .isEqualTo(checkpoint);
        }
      }
    }
    for (int second = 1; second <= 3; second++) {
      now = now.plusSeconds(1);
      fresh.observe(now, listing()).stream()
          .filter(Settled.class::isInstance)
          .forEach(s -> assertThat(identities.add(((Settled) s).checkpoint().identity())).isTrue());
    }
    directory.forEach(
        (path, version) ->
            assertThat(identities).contains(candidate(path, version).checkpoint().identity()));
  }

  private FileVersion version(Checkpoint checkpoint) {
    return directory.getOrDefault(checkpoint.file(), new FileVersion(-1, -1, ""));
  }

  @Test
  void memoryOfFilesThatAreGoneIsBounded() {
    int rounds = 3;
    int files = SettleTracker.REMEMBERED / 2;
    for (int round = 0; round < rounds; round++) {
      directory.clear();
      for (int i = 0; i < files; i++) {
        write("m-" + (round * files + i) + ".safetensors", 1);
      }
      after(1);
      after(2);
    }
    directory.clear();
    after(1);

    assertThat(tracker.tracked()).isEqualTo(SettleTracker.REMEMBERED);
  }

  private void check(Path path) throws IOException {
    checked.add(path);
    IOException fault = faults.get(path);
    if (fault != null) {
      throw fault;
    }
  }

  /** Puts a file there, or another content in its place. */
  private void write(String name, long size) {
    nextInode++;
    directory.put(path(name), new FileVersion(size, nextInode, String.valueOf(nextInode)));
  }

  private void fault(String name, BadInputException.Reason reason) {
    faults.put(path(name), new BadInputException(path(name), reason, "not good"));
  }

  private void obstruct(String name, Obstacle.Kind kind) {
    obstacles.put(path(name), new Obstacle(kind, "something is in the way"));
  }

  private static Path path(String name) {
    return DIRECTORY.resolve(name);
  }

  private Listing listing() {
    return new Listing(
        directory.entrySet().stream()
            .map(entry -> candidate(entry.getKey(), entry.getValue()))
            .toList(),
        setAside,
        List.of(),
        null);
  }

  private Candidate candidate(Path path, FileVersion version) {
    Candidate plain =
        Candidate.ofFile(path, CheckpointFiles.stepOf(path.getFileName().toString()), version);
    Obstacle obstacle = obstacles.get(path);
    return new Candidate(
        path, path, plain.step(), plain.weights(), plain.version(), obstacle, choice);
  }

  private List<Sighting> observe() {
    return tracker.observe(now, listing());
  }

  /** What the present listing decides, without the closing word. */
  private List<Sighting> poll() {
    return observe().stream().filter(s -> !(s instanceof Listed)).toList();
  }

  private List<Sighting> after(long seconds) {
    now = now.plusSeconds(seconds);
    return poll();
  }

  private static Listed listed(List<Sighting> sightings) {
    return (Listed) sightings.getLast();
  }

  private static Checkpoint onlySettled(List<Sighting> sightings) {
    return sightings.stream()
        .filter(Settled.class::isInstance)
        .map(s -> ((Settled) s).checkpoint())
        .reduce(
            (a, b) -> {
              throw new AssertionError("more than one: " + sightings);
            })
        .orElseThrow();
  }

  private static String brief(Sighting sighting) {
    return switch (sighting) {
      case Settled(Checkpoint checkpoint, String passedOverAs) -> "settled " + checkpoint.step();
      case PassedOver p -> p.reason().label() + " " + Path.of(p.path()).getFileName();
      case Recognised r -> r.message();
      case Problem p -> "problem";
      case Recovered r -> "recovered";
      case Sighting.TrainingOver o -> "over";
      case Listed l -> "listed";
    };
  }
}
