package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** {@code trainer_simulator.py} as a process of its own, with Debian's Python and PyTorch. */
final class TrainerSimulator implements AutoCloseable {
  private static final String PYTHON = "/usr/bin/python3";
  private static final Path SCRIPT = Path.of("src/test/python/trainer_simulator.py");
  private static final int PATIENCE_SECONDS = 240;

  private final Process process;
  private final Path folder;
  private final Path output;

  private TrainerSimulator(Process process, Path folder, Path output) {
    this.process = process;
    this.folder = folder;
    this.output = output;
  }

  /** Skips the test where there is no PyTorch, but never on the machines of the build. */
  static void requirePyTorch() throws Exception {
    boolean there =
        Path.of(PYTHON).toFile().canExecute()
            && Outcome.ofProcess(List.of(PYTHON, "-c", "import numpy, torch")).exit() == 0;
    if (System.getenv("CI") != null) {
      assertThat(there).as("PyTorch for %s, which .ci/run installs", PYTHON).isTrue();
    }
    assumeTrue(there, "no PyTorch for " + PYTHON);
  }

  /** The graph of its network, for points of 8x8. */
  static Path network(Path file) throws Exception {
    Outcome outcome =
        Outcome.ofProcess(List.of(PYTHON, SCRIPT.toString(), "network", file.toString()));
    assertThat(outcome.exit()).as(outcome.errors()).isZero();
    return file;
  }

  /**
   * Starts a training.
   *
   * @param checkpoints where it writes to
   * @param log of its actions; a second training of the same job appends to it
   */
  static TrainerSimulator start(Path checkpoints, Path log, Object... arguments)
      throws IOException {
    List<String> command = new ArrayList<>(List.of(PYTHON, SCRIPT.toString(), "train"));
    command.addAll(List.of(checkpoints.toString(), "--log", log.toString()));
    for (Object argument : arguments) {
      command.add(argument.toString());
    }
    Path output = Files.createTempFile(log.getParent(), "trainer", ".txt");
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    return new TrainerSimulator(process, log, output);
  }

  /** What is not as the training left it: one line each. */
  static List<String> complaints(Path checkpoints, Path log) throws Exception {
    Outcome outcome =
        Outcome.ofProcess(
            List.of(
                PYTHON,
                SCRIPT.toString(),
                "check",
                checkpoints.toString(),
                "--log",
                log.toString()));
    assertThat(outcome.exit()).as(outcome.errors()).isZero();
    return outcome.output().lines().toList();
  }

  /** What it did until now. */
  TrainerBooks books() throws IOException {
    return TrainerBooks.read(folder);
  }

  /** Waits until it stands still for the {@code number}th time, from 1. */
  void awaitPause(int number) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (said().filter("paused"::equals).count() < number) {
      if (!process.isAlive() || System.nanoTime() > end) {
        throw new AssertionError(
            "no pause %d of the training\n%s".formatted(number, Files.readString(output)));
      }
      Thread.sleep(20);
    }
  }

  private java.util.stream.Stream<String> said() throws IOException {
    return Files.readString(output).lines();
  }

  /** Lets it go on after a pause. */
  void goOn() throws IOException {
    process.getOutputStream().write("\n".getBytes(StandardCharsets.UTF_8));
    process.getOutputStream().flush();
  }

  /** Waits for its end, and returns the exit code: 137 where it killed itself. */
  int exit() throws Exception {
    if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
      throw new AssertionError("the training does not end\n" + Files.readString(output));
    }
    return process.exitValue();
  }

  /** All that it printed, for messages. */
  String output() throws IOException {
    return Files.readString(output);
  }

  @Override
  public void close() {
    process.destroyForcibly().onExit().join();
  }
}
