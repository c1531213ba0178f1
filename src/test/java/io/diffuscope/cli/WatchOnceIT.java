package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.run.RunEvent;
import io.diffuscope.sampling.ProbeFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** {@code watch} that ends by itself, as in a batch job or from cron, and is called again. */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "the launcher is a POSIX shell script")
class WatchOnceIT {
  @TempDir private Path folder = Path.of("");
  private Path checkpoints = folder;
  private List<Object> common = List.of();
  private ProbeFiles files = new ProbeFiles(folder);
  private int calls;

  @BeforeEach
  void prepare() throws IOException {
    checkpoints = Files.createDirectories(folder.resolve("runs/a"));
    files = new ProbeFiles(Files.createDirectory(folder.resolve("elsewhere")));
    Path settings =
        Files.writeString(
            folder.resolve("watch.conf"),
            """
            diffuscope.checkpoints {
              poll-interval = 100 ms, quiet-period = 300 ms, settle-timeout = 2 s
              policy = all, sampling-growth = 1
            }
            diffuscope.samples = 64
            """);
    common =
        List.of(
            "--config",
            settings,
            "--template",
            files.template(),
            "--train",
            files.points("train.npy", 60, 1),
            "--holdout",
            files.points("holdout.npy", 60, 2),
            "--data-dir",
            folder.resolve("state"),
            "--port",
            0);
  }

  /** Runs to its end and returns what it printed. */
  private String watch(Path directory, Object... options) throws Exception {
    List<Object> arguments = new ArrayList<>(List.of("watch", directory));
    arguments.addAll(common);
    arguments.addAll(Arrays.asList(options));
    Path output = Files.createDirectory(folder.resolve("call-" + ++calls));
    try (Launched watch = Launched.start(output, arguments.toArray())) {
      int code = watch.exit();
      assertThat(code).as(watch.output() + watch.errors()).isZero();
      assertThat(watch.output() + watch.errors()).doesNotContain("\tat ", "Exception");
      return watch.output();
    }
  }

  private void write(Path run, long step) throws IOException {
    Path file = files.checkpoint("%s-%d".formatted(run.getFileName(), step), step);
    Files.move(
        file, run.resolve("step-%d.safetensors".formatted(step)), StandardCopyOption.ATOMIC_MOVE);
  }

  private List<RunEvent> journal(String run) throws IOException {
    return Recorded.of(folder.resolve("state"), run);
  }

  private static long count(Class<? extends RunEvent> kind, List<RunEvent> journal) {
    return journal.stream().filter(kind::isInstance).count();
  }

  @Test
  void evaluatesWhatIsNewAndCarriesItsPlaceFromCallToCall() throws Exception {
    write(checkpoints, 10);
    write(checkpoints, 20);
    String first = watch(checkpoints, "--once");
    assertThat(first)
        .contains("the run ended: everything that was there was dealt with (--once)", "verdict: ")
        .doesNotContain("goes on");
    assertThat(count(RunEvent.EvaluationCompleted.class, journal("a"))).isEqualTo(2);

    write(checkpoints, 30);
    String second = watch(checkpoints, "--once");
    assertThat(second).contains("run a goes on: 2 checkpoints evaluated before, last step 20");
    assertThat(count(RunEvent.EvaluationCompleted.class, journal("a"))).isEqualTo(3);
    assertThat(count(RunEvent.CheckpointFound.class, journal("a"))).isEqualTo(3);

    List<RunEvent> before = journal("a");
    assertThat(watch(checkpoints, "--once"))
        .contains("3 checkpoints evaluated before, last step 30", "verdict: ");
    assertThat(journal("a")).as("nothing new, nothing written").isEqualTo(before);

    String other = watch(checkpoints, "--once", "--samples", 32);
    assertThat(other).contains("a new series begins: it is measured with probe ");
    assertThat(count(RunEvent.EvaluationCompleted.class, journal("a"))).isEqualTo(6);
  }

  @Test
  void everyRunOfADirectoryEndsAndThenTheMonitor() throws Exception {
    Path second = Files.createDirectory(folder.resolve("runs/b"));
    Files.createDirectory(folder.resolve("runs/empty"));
    write(checkpoints, 10);
    write(second, 10);
    write(second, 20);
    String output = watch(folder.resolve("runs"), "--runs", "*", "--once");
    assertThat(output).contains("the run a ended: everything", "the run b ended: everything");
    assertThat(count(RunEvent.EvaluationCompleted.class, journal("a"))).isEqualTo(1);
    assertThat(count(RunEvent.EvaluationCompleted.class, journal("b"))).isEqualTo(2);
  }

  @Test
  void theFinalStepAndTheEndMarkerEndARunThatIsWatched() throws Exception {
    write(checkpoints, 10);
    write(checkpoints, 20);
    assertThat(watch(checkpoints, "--final-step", 20)).contains("final step 20 was reached");
    write(checkpoints, 30);
    Files.writeString(checkpoints.resolve("DONE"), "");
    assertThat(watch(checkpoints, "--end-marker", "DONE"))
        .contains("run a goes on: 2 checkpoints", "the end marker DONE is there");
    assertThat(count(RunEvent.EvaluationCompleted.class, journal("a"))).isEqualTo(3);
    assertThat(watch(checkpoints, "--idle-timeout", "1s"))
        .contains("no new checkpoint for 1 s (idle timeout)");
  }

  /** Killed without warning in the middle of its work, as a spot machine is. */
  @Test
  void whatWasRecordedBeforeAKillIsNotDoneAgain() throws Exception {
    for (int step = 1; step <= 40; step++) {
      write(checkpoints, step);
    }
    List<Object> arguments = new ArrayList<>(List.of("watch", checkpoints, "--once"));
    arguments.addAll(common);
    Path output = Files.createDirectory(folder.resolve("killed"));
    try (Launched killed = Launched.start(output, arguments.toArray())) {
      killed.await(
          "three results",
          () ->
              killed.output().contains("serving ")
                  && count(RunEvent.EvaluationCompleted.class, journal("a")) >= 3);
      killed.children().forEach(ProcessHandle::destroyForcibly);
      killed.signalGroup("KILL");
      killed.exit();
    }
    long done = count(RunEvent.EvaluationCompleted.class, journal("a"));
    assertThat(done).isBetween(3L, 39L);
    assertThat(watch(checkpoints, "--once")).contains(" goes on: ");
    assertThat(count(RunEvent.EvaluationCompleted.class, journal("a"))).isEqualTo(40);
    assertThat(count(RunEvent.CheckpointFound.class, journal("a"))).isLessThanOrEqualTo(40);
  }

  /**
   * Killed again and again, at any moment of its start and of its work: in the end everything is
   * recorded once, with the digits of a monitor that was never disturbed.
   */
  @Test
  void whateverIsKilledTheHistoryIsThatOfAnUndisturbedRun() throws Exception {
    for (int step = 1; step <= 25; step++) {
      write(checkpoints, step);
    }
    Path state = folder.resolve("state");
    watch(checkpoints, "--once");
    List<String> expected = results(state);
    Files.move(state, folder.resolve("undisturbed"));
    assertThat(expected).hasSizeGreaterThan(25);

    List<Object> arguments = new ArrayList<>(List.of("watch", checkpoints, "--once"));
    arguments.addAll(common);
    SplittableRandom random = new SplittableRandom(6);
    List<RunEvent> acknowledged = List.of();
    int kills = 0;
    while (kills < 14) {
      Path output = Files.createDirectory(folder.resolve("kill-" + ++kills));
      try (Launched killed = Launched.start(output, arguments.toArray())) {
        long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(random.nextInt(500, 6_000));
        List<RunEvent> seen = List.of();
        while (System.nanoTime() < until && killed.isAlive()) {
          boolean serves = killed.output().contains("serving ");
          List<RunEvent> now = serves ? journal("a") : List.of();
          seen = now.size() > seen.size() ? now : seen;
          Thread.sleep(20);
        }
        killed.children().forEach(ProcessHandle::destroyForcibly);
        killed.signalGroup("KILL");
        killed.exit();
        List<RunEvent> kept = journal("a");
        assertThat(kept.subList(0, acknowledged.size())).isEqualTo(acknowledged);
        assertThat(kept.size()).as("what was told is kept").isGreaterThanOrEqualTo(seen.size());
        assertThat(kept.subList(0, seen.size())).isEqualTo(seen);
        acknowledged = kept;
      }
    }
    assertThat(watch(checkpoints, "--once")).contains(" goes on: ");
    assertThat(results(state)).isEqualTo(expected);
    assertThat(count(RunEvent.CheckpointFound.class, journal("a"))).isEqualTo(25);
    assertThat(count(RunEvent.RunResumed.class, journal("a"))).as("it was stopped").isPositive();
  }

  /** What was measured, in its order, and what was made of it; without the times of the clock. */
  private static List<String> results(Path state) throws IOException {
    List<String> results = new ArrayList<>();
    for (RunEvent event : Recorded.of(state, "a")) {
      switch (event) {
        case RunEvent.EvaluationCompleted e ->
            results.add(
                "%s %s %s %d %s %s"
                    .formatted(
                        e.checkpoint().identity(),
                        e.probe(),
                        e.standing(),
                        e.attempt(),
                        e.sampled(),
                        e.estimates()));
        case RunEvent.FlagChanged e -> results.add(e.change().toString());
        case RunEvent.VerdictChanged e -> results.add(e.verdict().toString());
        case RunEvent.RunEnded e -> results.add(e.verdict().toString());
        case RunEvent.CheckpointSkipped e -> results.add(e.toString());
        case RunEvent.EvaluationFailed e -> results.add(e.toString());
        default -> {}
      }
    }
    return results;
  }
}
