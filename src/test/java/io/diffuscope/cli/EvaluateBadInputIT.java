package io.diffuscope.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.tensorfile.NpyWriter;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What users get wrong: one sentence with file and cause, the documented exit code, and no stack
 * trace. Most run inside this process; the last few through the launcher.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EvaluateBadInputIT {
  private static final String OUTPUT_BIAS = "\"output.bias\":{\"dtype\":\"F32\",\"shape\":[64]";

  private Path folder = Path.of("");
  private CrossCheckFiles files = new CrossCheckFiles(Path.of(""));

  @BeforeAll
  void unpack(@TempDir Path temporary) throws IOException {
    folder = temporary.toRealPath();
    files = CrossCheckFiles.unpack(folder);
  }

  // ---------------------------------------------------------------------------- checkpoints

  @Test
  void truncatedCheckpoint() throws IOException {
    byte[] whole = Files.readAllBytes(files.checkpoint());
    Path file = write("truncated.safetensors", Arrays.copyOf(whole, whole.length / 2));

    evaluate(file).refuses(3, file.toString(), "479936", "960768", "copy it again");
  }

  @Test
  void emptyCheckpoint() throws IOException {
    Path file = write("empty.safetensors", new byte[0]);

    evaluate(file).refuses(3, file.toString(), "0 bytes");
  }

  @Test
  void tensorOfAnotherShape() throws IOException {
    Path file = withHeader("shape.safetensors", h -> h.replace("[64]", "[8,8]"));

    evaluate(file).refuses(3, file.toString(), "output.bias is [8, 8]", "template's is [64]");
  }

  @Test
  void tensorUnderAnotherName() throws IOException {
    Path file = withHeader("unknown.safetensors", h -> h.replace("output.bias", "final.bias"));

    evaluate(file)
        .refuses(3, file.toString(), "output.bias [64] is missing", "counterpart: final.bias");
  }

  @Test
  void weightThatIsNotANumber() throws IOException {
    byte[] bytes = Files.readAllBytes(files.checkpoint());
    ByteBuffer.wrap(bytes)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putFloat(bytes.length - 2 * Float.BYTES, Float.NaN);
    Path file = write("nan.safetensors", bytes);

    evaluate(file).refuses(3, file.toString(), "output.bias", "NaN at element 62", "diverged");
  }

  @Test
  void directoryAsCheckpoint() {
    evaluate(folder).refuses(3, folder.toString(), "directory");
  }

  @Test
  void otherCheckpointsAreMeasuredAllTheSame() throws IOException {
    byte[] whole = Files.readAllBytes(files.checkpoint());
    Path truncated = write("cut-000007.safetensors", Arrays.copyOf(whole, whole.length / 2));
    Path missing = folder.resolve("missing-000008.safetensors");

    Outcome outcome = evaluate(List.of(truncated, missing, files.checkpoint()));

    assertThat(outcome.exit()).isEqualTo(3);
    assertThat(outcome.errorLines()).hasSize(2);
    assertThat(outcome.errors())
        .contains(truncated + ": has 479936")
        .contains(missing + ": no such file");
    assertThat(outcome.output()).contains("step-010000.safetensors").contains("nearest_ratio");
  }

  // ------------------------------------------------------------------------------ templates

  @Test
  void templateThatIsText() throws IOException {
    Path file = write("text.pt", "hello".getBytes(UTF_8));

    with("--template", file).refuses(3, file.toString(), "not a TorchScript file");
  }

  @Test
  void templateThatIsAStateDict() throws IOException {
    // What torch.save writes has no code/ folder.
    Path file = folder.resolve("state_dict.pt");
    copyArchive(file, entry -> entry.contains("/code/") ? null : entry, json -> json);

    with("--template", file).refuses(3, file.toString(), "not TorchScript", "state_dict");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"preconditioning\": | diffuscope.json",
        "{\"shape\": [1, 8, 8]} | preconditioning",
        "{\"shape\": [1, 8, 8], \"preconditioning\": \"vpp\"} | vpp",
        "{\"preconditioning\": \"edm\"} | shape",
        "{\"preconditioning\": \"edm\", \"shape\": [1, \"eight\"]} | shape",
        "{\"preconditioning\": \"edm\", \"shape\": [1, 8, 8], \"sigma_data\": -1} | sigma_data",
        "[] | preconditioning",
      })
  void settingsOfTheTemplateThatCannotBeUsed(String json, String word) throws IOException {
    Path file = folder.resolve("settings.pt");
    copyArchive(file, entry -> entry, old -> json);

    with("--template", file).refuses(3, file.toString(), "diffuscope.json", word);
  }

  // ----------------------------------------------------------------------------------- data

  @Test
  void trainingSetOfAnotherShape() throws IOException {
    Path file = array("flat.npy", 20, 63);

    with("--train", file).refuses(3, file.toString(), "[20, 63]", "[1, 8, 8]");
  }

  @Test
  void channelsLast() throws IOException {
    Path file = array("last.npy", 20, 8, 8, 1);

    with("--train", file).refuses(3, file.toString(), "numpy.transpose(x, (0, 3, 1, 2))");
  }

  @Test
  void trainingSetOfOnePoint() throws IOException {
    Path file = array("one.npy", 1, 1, 8, 8);

    with("--train", file).refuses(3, file.toString(), "at least 2 points");
  }

  @Test
  void truncatedTrainingSet() throws IOException {
    Path file = write("cut.npy", Arrays.copyOf(Files.readAllBytes(Path.of(files.train())), 1000));

    with("--train", file).refuses(3, file.toString(), "has 872 of the 33280 bytes");
  }

  @Test
  void holdoutOfAnotherShapeThanTrain() throws IOException {
    Path file = array("holdout7.npy", 20, 1, 8, 7);

    with("--holdout", file).refuses(3, file.toString(), "hold-out set", "[20, 1, 8, 7]");
  }

  @ParameterizedTest
  @ValueSource(strings = {"--template", "--train", "--holdout", "--teacher", "--noise", "--config"})
  void fileThatIsNotThere(String option) {
    Path file = folder.resolve("no-such-file.npy");

    with(option, file).refuses(3, file.toString(), "no such");
  }

  @ParameterizedTest
  @ValueSource(strings = {"--template", "--train", "--holdout", "--teacher", "--noise", "--config"})
  void directoryInPlaceOfAFile(String option) {
    Outcome outcome = with(option, folder);

    outcome.refuses(3, folder.toString());
  }

  @Test
  void noiseShorterThanTheSamples() {
    evaluate(files.checkpoint(), "--noise", files.noise(), "--samples", "201")
        .refuses(3, files.noise(), "200 noises", "201 samples");
  }

  @Test
  void noiseOfAnotherWidth() throws IOException {
    Path file = array("noise63.npy", 20, 63);

    with("--noise", file).refuses(3, file.toString(), "[20, 63]", "[1, 8, 8]");
  }

  @Test
  void teacherOfAnotherDimension() throws IOException {
    // The demo's own mixture is for 64 numbers; a template for 16 is made by overriding its shape.
    Path train = array("small.npy", 20, 1, 4, 4);
    Path config = write("small.conf", "diffuscope.network.shape = [1, 4, 4]".getBytes(UTF_8));

    evaluate(
            files.checkpoint(),
            "--config",
            config.toString(),
            "--train",
            train.toString(),
            "--teacher",
            files.path("mixture.npz"))
        .refuses(3, files.path("mixture.npz"), "64 dimensions", "[1, 4, 4]");
  }

  // -------------------------------------------------------------------------------- options

  @Test
  void noTrainingSet() {
    Outcome.ofMain("evaluate", files.checkpoint().toString(), "--template", files.template())
        .refuses(2, "training set is missing", "--train", "diffuscope.train");
  }

  @ParameterizedTest
  @CsvSource({
    "diffuscope.sampels = 3, 3, diffuscope.sampels",
    "diffuscope { samples =, 3, 1",
    "diffuscope.ode.steps = many, 2, steps has type STRING",
    "diffuscope.ode.steps = 1, 2, at least 2",
    "diffuscope.ode.solver = rk4, 2, rk4",
    "diffuscope.batch-size = 5000, 2, batch-size must be",
    "diffuscope.run = a b, 2, a b",
    "diffuscope.denoising.sigmas = [-1], 2, above 0",
  })
  void configurationThatCannotBeUsed(String text, int exit, String word) throws IOException {
    Path config = write("bad.conf", text.getBytes(UTF_8));

    with("--config", config).refuses(exit, word);
  }

  @ParameterizedTest
  @CsvSource({
    "--samples, x, --samples",
    "--samples, 1, at least 2",
    "--ode-steps, 0, at least 2",
    "--format, xml, jsonl",
    "--sampels, 3, --sampels",
  })
  void optionsThatMakeNoSense(String option, String value, String word) {
    Outcome outcome = evaluate(files.checkpoint(), option, value);

    outcome.refuses(2, word);
    assertThat(outcome.errors().lines()).as("no page of help").hasSizeLessThan(4);
  }

  @ParameterizedTest
  @CsvSource({
    "--train-size, 5000, at most 898",
    "--train-size, 1, --train-size",
    "--steps, 0, --steps",
    "--data, cats, digits or mixture",
  })
  void demoThatMakesNoSense(String option, String value, String word) {
    Outcome.ofMain("demo", "--port", "0", option, value).refuses(2, word);
  }

  // ---------------------------------------------------------------------------------- watch

  @Test
  void watchOfAFile() {
    watch(files.checkpoint(), "--port", "0")
        .refuses(3, files.checkpoint().toString(), "name the directory");
  }

  @Test
  void watchOfAPathWhoseParentIsMissingToo() {
    Path directory = folder.resolve("no/such/place");

    watch(directory, "--port", "0").refuses(3, directory.toString(), "neither it nor", "check");
  }

  @Test
  void dataDirectoryOfAnotherMonitor() throws Exception {
    Path state = folder.resolve("held");
    try (DataDirectory held = DataDirectory.lock(state)) {
      held.describe("process 1, http://127.0.0.1:1/");

      watch(emptyDirectory(), "--port", "0", "--data-dir", state.toString())
          .refuses(4, state.toString(), "running monitor", "process 1", "--data-dir");
    }
  }

  @Test
  void dataDirectoryInTheTrainersOwn() throws Exception {
    Path checkpoints = emptyDirectory();
    Path state = checkpoints.resolve("state");

    watch(checkpoints, "--port", "0", "--data-dir", state.toString())
        .refuses(2, state.toString(), "lies in the checkpoint directory", "--data-dir");
    assertThat(state).doesNotExist();
  }

  private Path emptyDirectory() throws IOException {
    return Files.createDirectories(folder.resolve("checkpoints"));
  }

  // ------------------------------------------------------------------------------- launcher

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "the launcher is a POSIX shell script")
  void theLauncherHandsOnMessageAndExitCode() throws Exception {
    Path file = folder.resolve("absent.safetensors");
    String state = folder.resolve("state").toString();

    Outcome.ofLauncher(
            "evaluate",
            file.toString(),
            "--template",
            files.template(),
            "--train",
            files.train(),
            "--data-dir",
            state)
        .refuses(3, file.toString(), "no such file");
    Outcome.ofLauncher("evaluate", file.toString(), "--template", files.template())
        .refuses(2, "--train");
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "the launcher is a POSIX shell script")
  void tensorThatTheTemplateLacksIsListedAndIgnored() throws Exception {
    byte[] whole = Files.readAllBytes(files.checkpoint());
    Path file =
        withHeader(
            "extra.safetensors",
            h ->
                h.replace(
                    OUTPUT_BIAS,
                    "\"extra.scale\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[%d,%d]},%s"
                        .formatted(
                            bodyLength(whole), bodyLength(whole) + 2 * Float.BYTES, OUTPUT_BIAS)),
            new byte[2 * Float.BYTES]);

    Outcome outcome = launch("evaluate", file);

    assertThat(outcome.exit()).as(outcome.errors()).isZero();
    assertThat(outcome.output()).contains("pfd");
    assertThat(outcome.errors()).contains("extra.safetensors").contains("extra.scale");
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "the launcher is a POSIX shell script")
  void templateWhoseGraphIsBroken() throws Exception {
    Path file = folder.resolve("graph.pt");
    copyArchive(file, entry -> entry.endsWith("/data.pkl") ? null : entry, json -> json);

    launch("evaluate", files.checkpoint(), "--template", file.toString())
        .refuses(3, file.toString(), "PyTorch cannot load");
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "the launcher is a POSIX shell script")
  void busyPort() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      String port = Integer.toString(taken.getLocalPort());

      launch("watch", emptyDirectory(), "--port", port).refuses(4, port);
    }
  }

  /** A directory that is empty, or not there yet, is one whose training has not started. */
  @ParameterizedTest
  @Timeout(value = 3, unit = TimeUnit.MINUTES)
  @CsvSource({"false, does not exist", "true, watching"})
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "the launcher is a POSIX shell script")
  void watchWaitsForATrainingThatHasNotStarted(boolean exists, String word) throws Exception {
    Path directory = folder.resolve("later-" + exists);
    if (exists) {
      Files.createDirectory(directory);
    }
    Path log = folder.resolve("watch-" + exists + ".txt");
    List<String> command = new ArrayList<>(Outcome.launcher());
    Path config =
        write(
            "quick.conf",
            """
            diffuscope.ode.steps = 3
            diffuscope.checkpoints { poll-interval = 100 ms, quiet-period = 100 ms, policy = all }
            """
                .getBytes(UTF_8));
    command.addAll(watchArguments(directory, "--port", "0", "--config", config.toString()));
    Process watch =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    try {
      awaitText(watch, log, word);
      Files.createDirectories(directory);
      Files.copy(files.checkpoint(), directory.resolve("step-000001.safetensors"));
      byte[] whole = Files.readAllBytes(files.checkpoint());
      ByteBuffer.wrap(whole)
          .order(ByteOrder.LITTLE_ENDIAN)
          .putFloat(whole.length - Float.BYTES, Float.NaN);
      Files.write(directory.resolve("step-000002.safetensors"), whole);
      Files.copy(files.checkpoint(), directory.resolve("step-000003.safetensors"));

      // A checkpoint that cannot be used is told, and the run goes on.
      awaitText(watch, log, "step-000002.safetensors: tensor output.bias holds NaN");
      awaitText(watch, log, "\n        3 ");
    } finally {
      watch.destroy();
      watch.waitFor();
    }
  }

  private static void awaitText(Process process, Path log, String text) throws Exception {
    while (!Files.readString(log).contains(text)) {
      if (!process.isAlive()) {
        throw new AssertionError("ended without '%s':\n%s".formatted(text, Files.readString(log)));
      }
      Thread.sleep(100);
    }
  }

  // -------------------------------------------------------------------------------- helpers

  private Outcome evaluate(Path checkpoint, String... more) {
    return evaluate(List.of(checkpoint), more);
  }

  /** A small evaluation; of an option that is given twice, the one in {@code more} counts. */
  private Outcome evaluate(List<Path> checkpoints, String... more) {
    List<String> arguments = new ArrayList<>(List.of("evaluate"));
    checkpoints.forEach(checkpoint -> arguments.add(checkpoint.toString()));
    arguments.addAll(settings(more));
    return Outcome.ofMain(arguments.toArray(String[]::new));
  }

  private Outcome with(String option, Path file) {
    return evaluate(files.checkpoint(), option, file.toString());
  }

  private Outcome watch(Path directory, String... more) {
    return Outcome.ofMain(watchArguments(directory, more).toArray(String[]::new));
  }

  /** A command through the launcher, as a user sees it with its log. */
  private Outcome launch(String command, Path what, String... more) throws Exception {
    return Outcome.ofLauncher(
        Stream.concat(Stream.of(command, what.toString()), settings(more).stream())
            .toArray(String[]::new));
  }

  private List<String> watchArguments(Path directory, String... more) {
    return Stream.concat(Stream.of("watch", directory.toString()), settings(more).stream())
        .toList();
  }

  private List<String> settings(String... more) {
    List<String> given = List.of(more);
    List<String> arguments = new ArrayList<>(given);
    List<String> defaults =
        List.of(
            "--template",
            files.template(),
            "--train",
            files.train(),
            "--data-dir",
            folder.resolve("state").toString());
    for (int i = 0; i < defaults.size(); i += 2) {
      if (!given.contains(defaults.get(i))) {
        arguments.addAll(defaults.subList(i, i + 2));
      }
    }
    if (!given.contains("--noise") && !given.contains("--samples")) {
      arguments.addAll(List.of("--samples", "16"));
    }
    if (!given.contains("--ode-steps") && !given.contains("--config")) {
      arguments.addAll(List.of("--ode-steps", "3"));
    }
    return arguments;
  }

  private Path write(String name, byte[] content) throws IOException {
    return Files.write(folder.resolve(name), content);
  }

  private static int bodyLength(byte[] safetensors) {
    long header = ByteBuffer.wrap(safetensors).order(ByteOrder.LITTLE_ENDIAN).getLong();
    return Math.toIntExact(safetensors.length - Long.BYTES - header);
  }

  /** The checkpoint with another header, and bytes after its end. */
  private Path withHeader(String name, UnaryOperator<String> change, byte... more)
      throws IOException {
    byte[] whole = Files.readAllBytes(files.checkpoint());
    int body = bodyLength(whole);
    int length = whole.length - Long.BYTES - body;
    String before = new String(whole, Long.BYTES, length, UTF_8);
    String after = change.apply(before);
    assertThat(after).isNotEqualTo(before);
    byte[] header = after.getBytes(UTF_8);
    return write(
        name,
        ByteBuffer.allocate(Long.BYTES + header.length + body + more.length)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(header.length)
            .put(header)
            .put(whole, whole.length - body, body)
            .put(more)
            .array());
  }

  private interface Renaming {
    @Nullable String apply(String entry);
  }

  /** The demo's template, some entries left out (null) and the settings changed. */
  private void copyArchive(Path target, Renaming entries, UnaryOperator<String> settings)
      throws IOException {
    try (ZipFile source = new ZipFile(files.template());
        OutputStream out = Files.newOutputStream(target);
        ZipOutputStream copy = new ZipOutputStream(out)) {
      for (ZipEntry entry : source.stream().toList()) {
        String name = entries.apply(entry.getName());
        if (name == null) {
          continue;
        }
        byte[] content = source.getInputStream(entry).readAllBytes();
        if (name.endsWith("diffuscope.json")) {
          content = settings.apply(new String(content, UTF_8)).getBytes(UTF_8);
        }
        copy.putNextEntry(new ZipEntry(name));
        copy.write(content);
        copy.closeEntry();
      }
    }
  }

  private Path array(String name, long... shape) throws IOException {
    TensorShape of = TensorShape.of(shape);
    Path file = folder.resolve(name);
    NpyWriter.write(file, of, new float[Math.toIntExact(of.elements())]);
    return file;
  }
}
