package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.cli.MonitorBooks.Kind;
import io.diffuscope.run.H2RunStore;
import io.diffuscope.sampling.ProbeFiles;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * As many checkpoints as a job writes in a day or more, in about a minute: what the monitor holds
 * does not grow. The first half warms it up (code is compiled, pools fill), the second half counts.
 */
@EnabledOnOs(value = OS.LINUX, disabledReason = "memory and descriptors are read from /proc")
class DayInAMinuteIT {
  private static final int CHECKPOINTS = 2000;
  private static final int QUARTER = CHECKPOINTS / 4;

  /**
   * What a run remembers for good of each checkpoint, found or passed over: its identity, its path
   * and what it ended as. That is about 1.5 kB for each of the thousand of the second half; a
   * single checkpoint that stayed, weights and all, would be more than twenty times that.
   */
  private static final long HEAP_GROWTH = 4 << 20;

  /**
   * The heap has a fixed size here and is touched from the start, so that growth is what lies
   * outside of it. Looked at once with the virtual machine's own tracking and /proc/PID/smaps: from
   * the half to the end compiled code grew by 2 MB, class data by 0.6 MB, nothing else that the
   * virtual machine tracks; the C library's arenas by 20 to 27 MB. One arena swings between 5 and
   * 22 MB within seconds, the others step up a few times and stay: fragments, no leak that keeps
   * pace. Between two looks such steps came to as much as 54 MB, once in a run, early or late; so
   * the quarter that grew least decides. Weights that stayed would add 17 MB to each.
   */
  private static final long RESIDENT_GROWTH = 14 << 20;

  /** Connections of this test that are still open, or a file of the log that was just rolled. */
  private static final int DESCRIPTOR_GROWTH = 4;

  /** Caches of the reference flows, the log, and whatever is copied for reading. */
  private static final long DATA_BYTES = 32 << 20;

  @TempDir private Path folder = Path.of("");

  @BeforeAll
  static void requirePyTorch() throws Exception {
    TrainerSimulator.requirePyTorch();
  }

  @Test
  void twoThousandCheckpointsLeaveNothingBehind() throws Exception {
    Path checkpoints = folder.resolve("checkpoints");
    Path log = folder.resolve("trainer.jsonl");
    List<ProcessMemory> held = new ArrayList<>();
    try (Launched watch = watch(checkpoints);
        TrainerSimulator training =
            TrainerSimulator.start(
                checkpoints,
                log,
                "--data",
                folder.resolve("train.npy"),
                "--layout",
                "lightning",
                "--saves",
                CHECKPOINTS,
                "--save-every",
                1,
                "--keep",
                5,
                "--pace",
                .01,
                "--pause-every",
                QUARTER)) {
      Path monitorLog = watch.dataDirectory().resolve("diffuscope.log");
      for (int quarter = 1; quarter <= 4; quarter++) {
        training.awaitPause(quarter);
        String newest = training.books().newest().orElseThrow();
        watch.await(
            newest,
            () -> {
              MonitorBooks books = MonitorBooks.read(monitorLog);
              return books.count(Kind.EVALUATED, newest) == 1 && books.open() == 0;
            });
        watch.await("the end of all holds", () -> watch.heldFiles().isEmpty());
        held.add(ProcessMemory.of(watch.pid()));
        training.goOn();
      }
      assertThat(training.exit()).as(training.output()).isZero();

      TrainerBooks trainer = TrainerBooks.read(log);
      assertThat(trainer.versions()).hasSize(CHECKPOINTS);
      MonitorBooks books = MonitorBooks.read(monitorLog);
      assertThat(books.mistakes()).isEmpty();
      assertThat(books.complaints()).isEmpty();
      // Otherwise nothing of what follows would mean anything.
      assertThat(books.count(Kind.EVALUATED)).isGreaterThan(CHECKPOINTS / 20);

      ProcessMemory half = held.get(1);
      ProcessMemory end = held.getLast();
      assertThat(end.liveHeap()).as("heap, %s", held).isLessThan(half.liveHeap() + HEAP_GROWTH);
      assertThat(leastGrowth(held)).as("memory, %s", held).isLessThan(RESIDENT_GROWTH);
      assertThat(end.descriptors())
          .as("after half of it: %s", half.descriptors())
          .hasSizeLessThanOrEqualTo(half.descriptors().size() + DESCRIPTOR_GROWTH)
          .noneMatch(target -> target.contains(checkpoints.toString()))
          .noneMatch(target -> target.endsWith("(deleted)") && target.contains(folder.toString()));

      watch.signal("INT");
      assertThat(watch.exit()).isEqualTo(130);
      // What a database has overwritten is removed when it is opened again.
      H2RunStore.in(watch.dataDirectory()).close();
      assertThat(bytesBelow(watch.dataDirectory())).isLessThan(DATA_BYTES);
      assertThat(watch.temporaryFolders()).isEmpty();
      assertThat(TrainerSimulator.complaints(checkpoints, log)).isEmpty();
    }
  }

  private static long leastGrowth(List<ProcessMemory> held) {
    return IntStream.range(1, held.size())
        .mapToLong(i -> held.get(i).resident() - held.get(i - 1).resident())
        .min()
        .orElseThrow();
  }

  private Launched watch(Path checkpoints) throws Exception {
    ProbeFiles files = new ProbeFiles(folder);
    Path settings =
        Files.writeString(
            folder.resolve("watch.conf"),
            """
            diffuscope.checkpoints { poll-interval = 50 ms, quiet-period = 0 s, policy = latest }
            diffuscope.holds.max-bytes = 1 MiB
            diffuscope.samples = 8
            diffuscope.ode.steps = 2
            diffuscope.denoising.images = 16
            """);
    return Launched.startWith(
        List.of("-Ddiffuscope.log.level=DEBUG", "-Xms96m", "-Xmx96m", "-XX:+AlwaysPreTouch"),
        folder,
        "watch",
        checkpoints,
        "--config",
        settings,
        "--template",
        TrainerSimulator.network(folder.resolve("network.pt")),
        "--train",
        files.points("train.npy", 60, 1),
        "--holdout",
        files.points("holdout.npy", 60, 2),
        "--run",
        "job",
        "--port",
        0);
  }

  private static long bytesBelow(Path directory) throws IOException {
    AtomicLong bytes = new AtomicLong();
    Files.walkFileTree(
        directory,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            bytes.addAndGet(attributes.size());
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFileFailed(Path file, IOException e) {
            return FileVisitResult.CONTINUE; // gone meanwhile
          }
        });
    return bytes.get();
  }
}
