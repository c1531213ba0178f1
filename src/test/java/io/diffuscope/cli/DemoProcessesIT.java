package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How monitor and trainer end: together, whatever ends one of them. */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "the launcher is a POSIX shell script")
class DemoProcessesIT {
  @TempDir private Path folder = Path.of("");

  @ParameterizedTest
  @CsvSource({"INT, false, 130", "INT, true, 130", "TERM, false, 143"})
  @EnabledOnOs(value = OS.LINUX, disabledReason = "process groups are made by setsid")
  void aSignalEndsBothWithTheVerdictSoFar(String signal, boolean group, int code) throws Exception {
    try (Launched demo = endlessDemo("--port", 0)) {
      List<ProcessHandle> trainers = demo.children();
      assertThat(trainers).hasSize(1);
      assertThat(demo.temporaryFolders()).hasSize(1);

      if (group) {
        demo.signalGroup(signal);
      } else {
        demo.signal(signal);
      }

      assertThat(demo.exit()).isEqualTo(code);
      trainers.getFirst().onExit().get(1, TimeUnit.MINUTES);
      assertThat(demo.output().strip().lines().toList().reversed().get(1)).startsWith("verdict: ");
      assertThat(demo.output()).containsOnlyOnce("verdict: ").doesNotContain("failed");
      assertThat(demo.output() + demo.errors()).doesNotContain("\tat ", "Exception");
      assertThat(demo.temporaryFolders()).isEmpty();
    }
  }

  @Test
  void aKilledMonitorLeavesNoOrphan() throws Exception {
    try (Launched demo = endlessDemo("--port", 0)) {
      ProcessHandle trainer = demo.children().getFirst();
      assertThat(trainer.isAlive()).isTrue();

      demo.signal("KILL");

      assertThat(demo.exit()).isEqualTo(137);
      trainer.onExit().get(1, TimeUnit.MINUTES);
    }
  }

  @Test
  void whatIsTakenIsRefusedAndADeadTrainerEndsTheRunWithItsVerdict() throws Exception {
    Path kept = folder.resolve("kept");
    try (Launched demo = endlessDemo("--port", 0, "--keep", kept)) {
      byte[] data = Files.readAllBytes(kept.resolve("data/train.npy"));
      String owner =
          "belongs to a running monitor (process %d, %s)".formatted(demo.pid(), demo.address());

      refused("same", owner, "demo", "--train-size", 64, "--port", 0, "--keep", kept);
      assertThat(kept.resolve("data/train.npy")).hasBinaryContent(data);
      refused(
          "watch",
          owner,
          "watch",
          kept.resolve("checkpoints"),
          "--template",
          kept.resolve("data/template.pt"),
          "--train",
          kept.resolve("data/train.npy"),
          "--port",
          0,
          "--data-dir",
          kept.resolve("state"));
      int port = demo.address().getPort();
      refused("busy", "port %d on 127.0.0.1 is in use".formatted(port), "demo", "--port", port);
      assertThat(demo.isAlive()).isTrue();

      demo.children().getFirst().destroyForcibly();

      assertThat(demo.exit()).isEqualTo(ExitCode.FAILURE);
      assertThat(demo.output())
          .contains("the trainer failed with exit code 137")
          .contains("the run ended: ")
          .containsOnlyOnce("verdict: ");
      assertThat(demo.output() + demo.errors()).doesNotContain("\tat ", "Exception");
    }
    refusedWith(
        ExitCode.BAD_INPUT,
        "old",
        "holds checkpoints of an earlier demo",
        "demo",
        "--port",
        0,
        "--keep",
        kept);
  }

  @Test
  void aFolderThatCannotBeWrittenIsOneSentence() throws Exception {
    Path kept = Files.createDirectory(folder.resolve("kept"));
    Path inTheWay = Files.writeString(kept.resolve("data"), "a file where a folder should be");
    refused("blocked", inTheWay.toString(), "demo", "--port", 0, "--keep", kept);
  }

  private void refused(String name, String message, Object... arguments) throws Exception {
    refusedWith(ExitCode.CANNOT_SERVE, name, message, arguments);
  }

  private void refusedWith(int code, String name, String message, Object... arguments)
      throws Exception {
    Path place = Files.createDirectory(folder.resolve(name));
    try (Launched other = Launched.start(place, arguments)) {
      assertThat(other.exit()).as(other.errors()).isEqualTo(code);
      assertThat(other.errors()).contains("error: ").contains(message);
      assertThat(other.output() + other.errors()).doesNotContain("\tat ");
      assertThat(other.temporaryFolders()).isEmpty();
    }
  }

  /** A demo that never ends by itself, at a moment when both processes are at work. */
  private Launched endlessDemo(Object... options) throws Exception {
    Object[] arguments = new Object[options.length + 5];
    System.arraycopy(
        new Object[] {"demo", "--steps", 10_000_000, "--samples", 100}, 0, arguments, 0, 5);
    System.arraycopy(options, 0, arguments, 5, options.length);
    Launched demo = Launched.start(folder, arguments);
    try {
      demo.awaitOutput(" ± ");
    } catch (Exception | AssertionError e) {
      demo.close();
      throw e;
    }
    return demo;
  }
}
