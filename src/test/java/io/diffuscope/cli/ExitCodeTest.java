package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is said of exit codes is the same everywhere. */
class ExitCodeTest {
  @ParameterizedTest
  @ValueSource(strings = {"README.md", "src/docs/running.md"})
  void thePagesHaveThemAll(String page) throws Exception {
    StringBuilder table = new StringBuilder("| exit code | meaning |\n|---|---|\n");
    ExitCode.meanings()
        .forEach(
            (code, meaning) ->
                table.append(
                    "| %d | %s |%n".formatted(code, meaning.replace("--once", "`--once`"))));
    assertThat(Files.readString(Path.of(page))).contains(table + "\n");
  }

  @ParameterizedTest
  @ValueSource(strings = {"watch", "plan", "evaluate", "demo", "inspect"})
  void theHelpHasThemAll(String command) {
    String help = Outcome.ofMain(command, "--help").output().replaceAll("\\s+", " ");
    ExitCode.meanings()
        .forEach((code, meaning) -> assertThat(help).contains(" %d %s".formatted(code, meaning)));
  }

  /** Headings make no rule of how options go together, and none is lost. */
  @Test
  void optionsAreGroupedAndMayComeInAnyOrder() {
    String help = Outcome.ofMain("watch", "--help").output();
    assertThat(help.lines().filter(line -> line.endsWith(":") && !line.startsWith(" ")))
        .containsExactly(
            "What is measured, and with what:",
            "Which checkpoints:",
            "Which runs:",
            "Pace, when training is faster:",
            "The end:",
            "Page and metrics:",
            "Announcements:",
            "Exit codes:",
            "Examples:");
    Outcome.ofMain(
            "plan",
            "--announce-root",
            "a",
            "--policy",
            "all",
            "--port",
            "0",
            "--announce-root",
            "b",
            "--once",
            "--budget",
            "10",
            "--template",
            "net.pt",
            "--train",
            "train.npy")
        .refuses(ExitCode.USAGE, "write 10%");
  }

  /** A line that is too long for a terminal is folded by the help, and could not be copied. */
  @ParameterizedTest
  @ValueSource(strings = {"watch", "plan", "evaluate"})
  void examplesAreLinesThatAShellUnderstands(String command) {
    String help = Outcome.ofMain(command, "--help").output();
    String examples = help.substring(help.indexOf("\nExample") + 1);
    String joined = examples.replaceAll("\\\\\\R\\s+", "");
    assertThat(examples.lines()).allMatch(line -> line.length() < 80);
    assertThat(joined.lines().skip(1).filter(line -> !line.isBlank()))
        .isNotEmpty()
        .allMatch(line -> line.startsWith("  diffuscope " + command + " "));
  }
}
