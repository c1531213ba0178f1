package io.diffuscope.demo;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * The {@link Trainer} in a process of its own, which ends when this process ends.
 *
 * <pre>{@code
 * TrainerProcess trainer = TrainerProcess.start(job, listener);
 * trainer.exit().thenAccept(code -> ...);
 * trainer.close();
 * }</pre>
 */
public final class TrainerProcess implements AutoCloseable {
  private static final long PATIENCE_SECONDS = 7;

  /** Java properties that say where the engine finds its native library. */
  private static final List<String> PASSED_ON =
      List.of("DJL_CACHE_DIR", "ENGINE_CACHE_DIR", "java.io.tmpdir", "user.home");

  /**
   * What to train.
   *
   * @param template TorchScript of the network
   * @param train training set, {@code .npy}
   * @param out folder that takes the checkpoints
   * @param steps steps to train
   * @param settings batch, learning rate, seed and average
   */
  public record Job(Path template, Path train, Path out, long steps, TrainingSettings settings) {
    List<String> arguments() {
      return List.of(
          "--template", template.toString(),
          "--train", train.toString(),
          "--out", out.toString(),
          "--steps", Long.toString(steps),
          "--seed", Long.toString(settings.seed()),
          "--batch", Integer.toString(settings.batch()),
          "--learning-rate", Double.toString(settings.learningRate()),
          "--ema-decay", Double.toString(settings.averageDecay()));
    }
  }

  /**
   * Hears what the trainer says; called on threads of the process, one call at a time per method.
   */
  public interface Listener {
    /** About once a second, and after the last step. */
    void progress(TrainingProgress progress);

    /** A line of the standard error, or an unexpected one of the standard output. */
    void line(String line);
  }

  private final Process process;
  private final CompletableFuture<Integer> exit;

  private TrainerProcess(Process process, CompletableFuture<Integer> exit) {
    this.process = process;
    this.exit = exit;
  }

  /**
   * Starts the trainer with this process' Java and class path.
   *
   * @throws IOException when the process cannot be started
   */
  public static TrainerProcess start(Job job, Listener listener) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command(job));
    builder.environment().put("OPT_OUT_TRACKING", "true");
    // Intra-operator threads of the BLAS libraries come from here before the engine can set them.
    builder.environment().put("OMP_NUM_THREADS", "1");
    Process process = builder.start();
    CompletableFuture<Void> output =
        follow(
            process.getInputStream(),
            "trainer-output",
            line ->
                TrainingProgress.parse(line)
                    .ifPresentOrElse(listener::progress, () -> listener.line(line)));
    CompletableFuture<Void> errors =
        follow(process.getErrorStream(), "trainer-errors", listener::line);
    CompletableFuture<Integer> exit =
        process
            .onExit()
            .thenCombine(
                CompletableFuture.allOf(output, errors), (ended, read) -> ended.exitValue());
    return new TrainerProcess(process, exit);
  }

  private static List<String> command(Job job) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--enable-native-access=ALL-UNNAMED");
    if (Runtime.version().feature() >= 23) {
      command.add("--sun-misc-unsafe-memory-access=allow");
    }
    // One thread trains; the other cores are the monitor's.
    command.add("-XX:+UseSerialGC");
    command.add("-Xmx512m");
    for (String name : PASSED_ON) {
      String value = System.getProperty(name);
      if (value != null) {
        command.add("-D" + name + "=" + value);
      }
    }
    command.add("-cp");
    command.add(System.getProperty("java.class.path", ""));
    command.add(Trainer.class.getName());
    command.addAll(job.arguments());
    return command;
  }

  private static CompletableFuture<Void> follow(
      InputStream stream, String name, Consumer<String> consumer) {
    CompletableFuture<Void> done = new CompletableFuture<>();
    Thread thread =
        new Thread(
            () -> {
              try (BufferedReader lines =
                  new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                  consumer.accept(line);
                }
              } catch (IOException streamClosed) {
                // The process was destroyed.
              } finally {
                done.complete(null);
              }
            },
            name);
    thread.setDaemon(true);
    thread.start();
    return done;
  }

  public long pid() {
    return process.pid();
  }

  /**
   * The exit code, one of {@link Trainer}'s, once the process has ended and its last line was
   * heard.
   */
  public CompletableFuture<Integer> exit() {
    return exit.copy();
  }

  /** Asks the trainer to end by closing its standard input, waits, and destroys it if need be. */
  @Override
  public void close() {
    try {
      process.getOutputStream().close();
    } catch (IOException alreadyGone) {
      // The process has ended.
    }
    try {
      if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException hurried) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
