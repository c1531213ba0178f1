package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * {@code bin/diffuscope} of the distribution folder, from the outside.
 *
 * <p>Which Java it takes and with which arguments is seen through Javas of our own making: a folder
 * with a {@code release} file and a {@code bin/java} that prints how it was started.
 */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "the launcher is a POSIX shell script")
class LauncherIT {

  private static final Path HOME = Path.of(System.getProperty("diffuscope.home"));
  private static final Path LAUNCHER = HOME.resolve("bin/diffuscope");
  private static final Path REAL_JAVA = Path.of(System.getProperty("java.home"));
  private static final int UNAVAILABLE = 69;

  @TempDir private Path folder = Path.of("");
  private Path javas = Path.of("");

  @BeforeEach
  void emptyMachine() throws IOException {
    folder = folder.toRealPath();
    javas = Files.createDirectories(folder.resolve("java virtual machines"));
  }

  @Test
  void versionGoesToStandardOutputAndNothingToStandardError() throws Exception {
    Result result = launch(LAUNCHER, real(), "--version");

    assertThat(result.errors()).isEmpty();
    assertThat(result.exit()).isZero();
    assertThat(result.output()).startsWith("diffuscope " + shippedVersion() + "\n");
  }

  @ParameterizedTest
  @ValueSource(strings = {"demo", "watch", "evaluate"})
  void helpNamesTheCommands(String command) throws Exception {
    Result all = launch(LAUNCHER, real(), "--help");
    Result one = launch(LAUNCHER, real(), command, "--help");

    assertThat(all.output()).contains("Usage: diffuscope").contains(command);
    assertThat(one.output()).contains("Usage: diffuscope " + command);
    assertThat(all.errors() + one.errors()).isEmpty();
    assertThat(List.of(all.exit(), one.exit())).containsOnly(0);
  }

  @Test
  void saysWhatItFoundWhereThereIsNoJava() throws Exception {
    Path old = java("17.0.9");

    Result result = launch(LAUNCHER, machine("JAVA_HOME", old.toString()), "--version");

    assertThat(result.exit()).isEqualTo(UNAVAILABLE);
    assertThat(result.output()).isEmpty();
    assertThat(result.errors())
        .contains("needs Java 21 or newer")
        .contains("Java 17 at " + old.resolve("bin/java") + " (from JAVA_HOME)")
        .contains("DIFFUSCOPE_JAVA_HOME");
  }

  @Test
  void saysSoWhereThereIsNothingAtAll() throws Exception {
    Result result =
        launch(LAUNCHER, Map.of("PATH", folder.toString(), "DIFFUSCOPE_JAVA_SEARCH", ""));

    assertThat(result.exit()).isEqualTo(UNAVAILABLE);
    assertThat(result.errors()).contains("needs Java 21 or newer, and found none");
  }

  @Test
  void refusesAnOldJavaThatWasAskedFor() throws Exception {
    Path old = java("1.8.0_392");
    java("25.0.1");

    Result result = launch(LAUNCHER, machine("DIFFUSCOPE_JAVA_HOME", old.toString()));

    assertThat(result.exit()).isEqualTo(UNAVAILABLE);
    assertThat(result.errors()).contains("DIFFUSCOPE_JAVA_HOME is " + old).contains("Java 8 at");
  }

  @ParameterizedTest
  @CsvSource({
    "DIFFUSCOPE_JAVA_HOME, 21.0.2, 21.0.2",
    "JAVA_HOME, 22, 22",
    "JAVA_HOME, 17.0.9, 25.0.1", // too old: looks on
    "UNRELATED, 22, 25.0.1", // the newest
  })
  void takesTheJavaThatIsNamedOrElseTheNewest(String variable, String named, String taken)
      throws Exception {
    java("11.0.2");
    java("9");
    java("25.0.1");
    Path candidate = java(named);

    Result result = launch(LAUNCHER, machine(variable, candidate.toString()));

    assertThat(result.errors()).isEmpty();
    assertThat(result.output()).startsWith("java " + javas.resolve("jdk " + taken));
  }

  @Test
  void prefersThePathToTheUsualPlaces() throws Exception {
    java("25.0.1");
    Path elsewhere = javas.resolveSibling("elsewhere");
    Files.move(java("23.0.1"), elsewhere);
    Path bin = Files.createDirectory(folder.resolve("bin"));
    Files.createSymbolicLink(bin.resolve("java"), elsewhere.resolve("bin/java"));

    Result result =
        launch(LAUNCHER, machine("PATH", bin + ":" + System.getenv().get("PATH")), "demo");

    assertThat(result.output()).startsWith("java " + bin.resolve("java"));
  }

  @Test
  void findsJavasInTheLayoutOfMacOs() throws Exception {
    Path bundle = Files.createDirectories(javas.resolve("temurin-24.jdk/Contents"));
    Files.move(java("24.0.1"), bundle.resolve("Home"));

    Result result = launch(LAUNCHER, machine("UNRELATED", ""));

    assertThat(result.output()).startsWith("java " + bundle.resolve("Home/bin/java"));
  }

  @Test
  void asksAJavaWithoutAReleaseFile() throws Exception {
    Path java = java("23.0.2");
    Files.delete(java.resolve("release"));

    Result result = launch(LAUNCHER, machine("JAVA_HOME", java.toString()));

    assertThat(result.output())
        .startsWith("java " + java)
        .contains("--sun-misc-unsafe-memory-access=allow");
  }

  @ParameterizedTest
  @CsvSource({"21.0.1, false", "22-ea, false", "23, true", "25.0.1, true"})
  void quietsAJavaOnlyByOptionsThatItKnows(String version, boolean known) throws Exception {
    java(version);

    List<String> lines = launch(LAUNCHER, machine("UNRELATED", "")).output().lines().toList();

    assertThat(lines).contains("--enable-native-access=ALL-UNNAMED", "-Dai.djl.offline=true");
    assertThat(lines.contains("--sun-misc-unsafe-memory-access=allow")).isEqualTo(known);
    assertThat(lines).contains("OPT_OUT_TRACKING=true");
  }

  @Test
  void handsOnTheArgumentsAsTheyAre() throws Exception {
    java("25");

    Result result =
        launch(LAUNCHER, machine("UNRELATED", ""), "watch", "a folder/*", "", "--train", "x'y\"z");

    assertThat(result.output())
        .contains("io.diffuscope.cli.Main\nwatch\na folder/*\n\n--train\nx'y\"z\n");
  }

  @Test
  void takesOptionsForTheVirtualMachine() throws Exception {
    java("25");

    Result result =
        launch(LAUNCHER, machine("DIFFUSCOPE_JAVA_OPTIONS", "-Xmx3g  -XX:+UseZGC -Dx=*"), "demo");

    assertThat(result.output()).contains("\n-Xmx3g\n-XX:+UseZGC\n-Dx=*\n-cp\n");
    assertThat(result.output()).doesNotContain("SerialGC");
  }

  @ParameterizedTest
  @CsvSource({
    "'', 1", "1, 1", "on, 1", "Yes, 1", "true, 1", // TF32
    "0, 0", "off, 0", "OFF, 0", "no, 0", "False, 0",
  })
  void turnsTf32OffByAnyWordForIt(String value, String torch) throws Exception {
    java("25");

    Result result = launch(LAUNCHER, machine("DIFFUSCOPE_TF32", value));

    assertThat(result.errors()).isEmpty();
    assertThat(result.output()).contains("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE=" + torch + "\n");
  }

  @Test
  void leavesToTheTensorLibraryWhatItsUserChose() throws Exception {
    java("25");

    Result result = launch(LAUNCHER, machine("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "0"));

    assertThat(result.output()).contains("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE=0\n");
  }

  @Test
  void refusesAWordForTf32ThatItDoesNotKnow() throws Exception {
    java("25");

    Result result = launch(LAUNCHER, machine("DIFFUSCOPE_TF32", "disabled"));

    assertThat(result.exit()).isEqualTo(ExitCode.USAGE);
    assertThat(result.output()).isEmpty();
    assertThat(result.errors()).contains("DIFFUSCOPE_TF32 is \"disabled\"").contains("off");
  }

  @Test
  void becomesTheJavaSoThatSignalsReachIt() throws Exception {
    java("25");

    Result result = launch(LAUNCHER, machine("UNRELATED", ""));

    assertThat(result.output()).contains("pid " + result.pid() + "\n");
  }

  @Test
  void worksThroughLinksAndInFoldersWithBlanks() throws Exception {
    java("25");
    Path installation = Files.createDirectories(folder.resolve("my programs/diffuscope 1"));
    Files.createDirectory(installation.resolve("bin"));
    Files.copy(
        LAUNCHER, installation.resolve("bin/diffuscope"), StandardCopyOption.COPY_ATTRIBUTES);
    Path jar = Files.createDirectory(installation.resolve("lib")).resolve("diffuscope-1.2.jar");
    Files.createFile(jar);
    Path links = Files.createDirectory(folder.resolve("links"));
    Path relative =
        Files.createSymbolicLink(
            links.resolve("relative"), Path.of("../my programs/diffuscope 1/bin/diffuscope"));
    Path link = Files.createSymbolicLink(links.resolve("diffuscope"), relative.getFileName());

    for (Path way : List.of(installation.resolve("bin/diffuscope"), relative, link)) {
      Result result = launch(way, machine("UNRELATED", ""));

      assertThat(result.errors()).isEmpty();
      assertThat(result.output())
          .contains("-Ddiffuscope.home=" + installation + "\n")
          .contains("-cp\n" + jar + ":" + installation + "/lib/*\n");
    }
  }

  @Test
  void saysSoWhenTheLibrariesAreMissing() throws Exception {
    Path bin = Files.createDirectories(folder.resolve("broken/bin"));
    Path launcher =
        Files.copy(LAUNCHER, bin.resolve("diffuscope"), StandardCopyOption.COPY_ATTRIBUTES);

    Result result = launch(launcher, real());

    assertThat(result.exit()).isEqualTo(UNAVAILABLE);
    assertThat(result.errors()).contains("broken/lib/diffuscope-").contains("is missing");
  }

  private static String shippedVersion() throws IOException {
    Pattern jar = Pattern.compile("diffuscope-(\\d.*)\\.jar");
    try (Stream<Path> files = Files.list(HOME.resolve("lib"))) {
      return files
          .map(file -> jar.matcher(file.getFileName().toString()))
          .filter(Matcher::matches)
          .map(name -> name.group(1))
          .findFirst()
          .orElseThrow();
    }
  }

  private static Map<String, String> real() {
    return Map.of("DIFFUSCOPE_JAVA_HOME", REAL_JAVA.toString());
  }

  /** A machine whose only Javas are those in our folder; one more variable may name another. */
  private Map<String, String> machine(String variable, String value) throws IOException {
    Path tools = Files.createDirectories(folder.resolve("tools"));
    executable(tools.resolve("readlink"), "#!/bin/sh\nexec /usr/bin/readlink \"$@\"\n");
    Map<String, String> environment =
        new HashMap<>(Map.of("PATH", tools.toString(), "DIFFUSCOPE_JAVA_SEARCH", javas.toString()));
    environment.put(variable, value);
    return environment;
  }

  private static void executable(Path file, String text) throws IOException {
    Files.writeString(file, text);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  /** Makes a Java that answers to -version, and else prints how it was started. */
  private Path java(String version) throws IOException {
    Path home = javas.resolve("jdk " + version);
    Path bin = Files.createDirectories(home.resolve("bin"));
    Files.writeString(
        home.resolve("release"),
        "IMPLEMENTOR=\"Somebody\"\nJAVA_VERSION=\"%s\"\nOS_NAME=\"Linux\"\n".formatted(version));
    executable(
        bin.resolve("java"),
        """
        #!/bin/sh
        if [ "$*" = "-version" ]; then
          echo 'openjdk version "%s" 2024-01-16' >&2
          exit
        fi
        printf '%%s\\n' "java $0" "pid $$" "$@" "OPT_OUT_TRACKING=$OPT_OUT_TRACKING" \\
          "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE=$TORCH_ALLOW_TF32_CUBLAS_OVERRIDE"
        """
            .formatted(version));
    return home;
  }

  private Result launch(Path launcher, Map<String, String> environment, String... arguments)
      throws IOException, InterruptedException {
    Path output = folder.resolve("output.txt");
    Path errors = folder.resolve("errors.txt");
    ProcessBuilder builder =
        new ProcessBuilder(
            Stream.concat(Stream.of(launcher.toString()), Stream.of(arguments)).toList());
    builder.environment().keySet().removeIf(LauncherIT::choosesJava);
    builder.environment().putAll(environment);
    builder.directory(folder.toFile());
    builder.redirectOutput(output.toFile()).redirectError(errors.toFile());
    Process process = builder.start();
    if (!process.waitFor(2, TimeUnit.MINUTES)) {
      process.destroyForcibly();
      throw new AssertionError(launcher + " did not end");
    }
    return new Result(
        process.pid(), process.exitValue(), Files.readString(output), Files.readString(errors));
  }

  private static boolean choosesJava(String variable) {
    return variable.equals("JAVA_HOME")
        || variable.equals("JAVA_TOOL_OPTIONS")
        || variable.equals("JDK_JAVA_OPTIONS")
        || variable.startsWith("TORCH_")
        || variable.startsWith("DIFFUSCOPE_");
  }

  private record Result(long pid, int exit, String output, String errors) {}
}
