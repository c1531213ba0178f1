package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * What a command left behind.
 *
 * @param exit its exit code
 * @param output all of standard output
 * @param errors all of standard error
 */
record Outcome(int exit, String output, String errors) {
  /** How the installed command line starts. */
  static List<String> launcher() {
    return List.of(Path.of(System.getProperty("diffuscope.home"), "bin", "diffuscope").toString());
  }

  /** Runs the installed command line in a process of its own, as a user does. */
  static Outcome ofLauncher(String... arguments) throws IOException, InterruptedException {
    return ofProcess(Stream.concat(launcher().stream(), Stream.of(arguments)).toList());
  }

  /** Runs a program to its end. */
  static Outcome ofProcess(List<String> command) throws IOException, InterruptedException {
    Path output = Files.createTempFile("output", ".txt");
    Path errors = Files.createTempFile("errors", ".txt");
    try {
      ProcessBuilder builder = new ProcessBuilder(command);
      builder
          .environment()
          .put("DIFFUSCOPE_JAVA_HOME", Path.of(System.getProperty("java.home")).toString());
      Process process =
          builder.redirectOutput(output.toFile()).redirectError(errors.toFile()).start();
      if (!process.waitFor(5, TimeUnit.MINUTES)) {
        process.destroyForcibly().waitFor();
        throw new AssertionError(command + " did not end; it said " + Files.readString(errors));
      }
      return new Outcome(process.exitValue(), Files.readString(output), Files.readString(errors));
    } finally {
      Files.delete(output);
      Files.delete(errors);
    }
  }

  /** Runs a command inside this process: quick, where a hundred of them are tried. */
  static Outcome ofMain(String... arguments) {
    PrintStream output = System.out;
    PrintStream errors = System.err;
    ByteArrayOutputStream capturedOutput = new ByteArrayOutputStream();
    ByteArrayOutputStream capturedErrors = new ByteArrayOutputStream();
    int exit;
    try {
      System.setOut(new PrintStream(capturedOutput, true, StandardCharsets.UTF_8));
      System.setErr(new PrintStream(capturedErrors, true, StandardCharsets.UTF_8));
      exit = Main.execute(arguments);
    } finally {
      System.setOut(output);
      System.setErr(errors);
    }
    return new Outcome(
        exit,
        capturedOutput.toString(StandardCharsets.UTF_8),
        capturedErrors.toString(StandardCharsets.UTF_8));
  }

  /** The lines that say what went wrong. */
  List<String> errorLines() {
    return errors.lines().filter(line -> line.startsWith("error: ")).toList();
  }

  /** Fails unless this is one clear sentence with these words in it, and this exit code. */
  void refuses(int expectedExit, String... words) {
    assertThat(errors).doesNotContain("\tat ").doesNotContain("Exception");
    assertThat(errorLines()).as(errors).hasSize(1);
    assertThat(errorLines().getFirst()).contains(words);
    assertThat(exit).as(errors).isEqualTo(expectedExit);
  }
}
