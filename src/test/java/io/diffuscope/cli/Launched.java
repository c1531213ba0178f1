package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.diffuscope.publish.Exposition;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.condition.OS;

/**
 * {@code bin/diffuscope} at work, seen from outside: its output, its port, its children, and the
 * signals that it is sent. It leads a process group of its own, as a command started by a shell in
 * a terminal does. What is left of it is killed on closing.
 */
final class Launched implements AutoCloseable {
  /** How long anything is waited for; reached only when something is broken. */
  private static final Duration PATIENCE = Duration.ofMinutes(4);

  private static final Path LAUNCHER =
      Path.of(System.getProperty("diffuscope.home")).resolve("bin/diffuscope");
  private static final Pattern ADDRESS = Pattern.compile("serving (http://[^ ]+/) ");
  private static final HttpClient HTTP = HttpClient.newHttpClient();
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Process process;
  private final Path folder;

  private Launched(Process process, Path folder) {
    this.process = process;
    this.folder = folder;
  }

  /**
   * Starts it.
   *
   * @param folder takes its output, its temporary files, and its default data directory
   */
  static Launched start(Path folder, Object... arguments) throws IOException {
    return startWith(List.of(), folder, arguments);
  }

  /** Starts it with more options for its virtual machine. */
  static Launched startWith(List<String> javaOptions, Path folder, Object... arguments)
      throws IOException {
    Files.createDirectories(folder.resolve("tmp"));
    List<String> command = new ArrayList<>();
    if (OS.LINUX.isCurrentOs()) {
      // A build started in the background ignores SIGINT, and so would everything it starts.
      command.addAll(List.of("setsid", "env", "--default-signal=INT"));
    }
    command.add(LAUNCHER.toString());
    for (Object argument : arguments) {
      command.add(argument.toString());
    }
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("DIFFUSCOPE_JAVA_HOME", System.getProperty("java.home"));
    List<String> options = new ArrayList<>(javaOptions);
    options.add("-Djava.io.tmpdir=" + folder.resolve("tmp"));
    builder.environment().put("DIFFUSCOPE_JAVA_OPTIONS", String.join(" ", options));
    builder.environment().put("XDG_STATE_HOME", folder.resolve("state-home").toString());
    builder.redirectOutput(folder.resolve("output.txt").toFile());
    builder.redirectError(folder.resolve("errors.txt").toFile());
    return new Launched(builder.start(), folder);
  }

  /** Standard output so far. */
  String output() throws IOException {
    return Files.readString(folder.resolve("output.txt"));
  }

  /** Standard error so far. */
  String errors() throws IOException {
    return Files.readString(folder.resolve("errors.txt"));
  }

  /** Its data directory, unless it was told another one. */
  Path dataDirectory() {
    return folder.resolve("state-home").resolve("diffuscope");
  }

  /** Files that it holds for reading; there are none while nothing is evaluated. */
  List<Path> heldFiles() throws IOException {
    Path holds = dataDirectory().resolve("holds");
    if (!Files.isDirectory(holds)) {
      return List.of();
    }
    try (var files = Files.walk(holds)) {
      return files.filter(Files::isRegularFile).toList();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  /** What is left of the temporary folders that it made. */
  List<Path> temporaryFolders() throws IOException {
    try (var files = Files.list(folder.resolve("tmp"))) {
      return files.filter(f -> f.getFileName().toString().startsWith("diffuscope")).toList();
    }
  }

  /** Waits until something is so; fails if the process ends before, or never gets there. */
  void await(String what, Callable<Boolean> condition) throws Exception {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.call()) {
      boolean alive = process.isAlive();
      if ((!alive && !condition.call()) || System.nanoTime() > end) {
        throw new AssertionError(
            "%s: not seen before the %s%n%s%n%s"
                .formatted(what, alive ? "patience ended" : "process ended", output(), errors()));
      }
      Thread.sleep(50);
    }
  }

  /** Waits for a text on standard output. */
  void awaitOutput(String text) throws Exception {
    await(text, () -> output().contains(text));
  }

  /** The address that it printed. */
  URI address() throws Exception {
    await("an address", () -> ADDRESS.matcher(output()).find());
    Matcher matcher = ADDRESS.matcher(output());
    assertThat(matcher.find()).isTrue();
    return URI.create(matcher.group(1));
  }

  HttpResponse<String> get(String path) throws Exception {
    return HTTP.send(
        HttpRequest.newBuilder(address().resolve(path)).timeout(PATIENCE).build(),
        HttpResponse.BodyHandlers.ofString());
  }

  Exposition scrape() throws Exception {
    HttpResponse<String> response = get("metrics");
    assertThat(response.statusCode()).isEqualTo(200);
    return Exposition.parse(response.body());
  }

  /** The first run as {@code /api/v1/runs} shows it. */
  JsonNode run() throws Exception {
    JsonNode all = JSON.readTree(get("api/v1/runs").body());
    return all.isArray() ? all.get(0) : all.get("runs").get(0);
  }

  long pid() {
    return process.pid();
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** The processes that it started; the trainer, in a demo. */
  List<ProcessHandle> children() {
    return process.descendants().toList();
  }

  /** Sends a signal to it alone. */
  void signal(String name) throws Exception {
    kill(name, Long.toString(process.pid()));
  }

  /** Sends a signal to its process group, as a terminal does for Ctrl-C. */
  void signalGroup(String name) throws Exception {
    kill(name, "-" + process.pid());
  }

  private static void kill(String signal, String target) throws Exception {
    Process kill =
        new ProcessBuilder("sh", "-c", "kill -s \"$0\" -- \"$1\"", signal, target)
            .redirectErrorStream(true)
            .start();
    kill.waitFor();
  }

  /** Waits for the end, and returns the exit code. */
  int exit() throws Exception {
    if (!process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
      throw new AssertionError("it does not end\n" + output() + errors());
    }
    return process.exitValue();
  }

  @Override
  public void close() {
    List<ProcessHandle> left = children();
    process.destroyForcibly();
    left.forEach(ProcessHandle::destroyForcibly);
    process.onExit().join();
  }
}
