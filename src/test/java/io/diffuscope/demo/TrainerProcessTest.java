package io.diffuscope.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.tensorfile.SafetensorsFile;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class TrainerProcessTest {
  @TempDir private Path folder = Path.of("");
  private Path template = Path.of("");
  private Path train = Path.of("");
  private final Recorder recorder = new Recorder();

  @BeforeEach
  void writeData() throws IOException {
    DemoData data = DemoData.write(folder.resolve("data"), DemoData.Source.DIGITS, 32, 1);
    template = data.template();
    train = data.train();
  }

  @Test
  void writesTheScheduledCheckpointsAlikeForTheSameSeed() throws Exception {
    Path first = folder.resolve("first");
    Path second = folder.resolve("second");
    try (TrainerProcess trainer = TrainerProcess.start(job(first, 60), recorder);
        TrainerProcess again = TrainerProcess.start(job(second, 60), new Recorder())) {
      assertThat(trainer.exit().get()).isEqualTo(Trainer.DONE);
      assertThat(again.exit().get()).isEqualTo(Trainer.DONE);
    }
    assertThat(recorder.lines).isEmpty();
    TrainingProgress last = recorder.progress.getLast();
    assertThat(last.step()).isEqualTo(60);
    assertThat(last.steps()).isEqualTo(60);
    assertThat(last.stepsPerSecond()).isPositive();
    List<String> names =
        List.of("step-000050.safetensors", "step-000059.safetensors", "step-000060.safetensors");
    assertThat(names(first)).containsExactlyInAnyOrderElementsOf(names);
    for (String name : names) {
      assertThat(second.resolve(name)).hasSameBinaryContentAs(first.resolve(name));
    }
    try (SafetensorsFile file = SafetensorsFile.open(first.resolve("step-000059.safetensors"))) {
      assertThat(file.metadata()).containsEntry("step", "59").containsKey("loss");
      assertThat(file.tensors()).hasSize(10).containsKey("blocks.1.linear.weight");
    }
  }

  @Test
  void closingEndsTheTraining() throws Exception {
    TrainerProcess trainer = TrainerProcess.start(job(folder, 1_000_000), recorder);
    try (trainer) {
      recorder.firstProgress.get();
    }
    assertThat(trainer.exit().get()).isEqualTo(Trainer.ABANDONED);
  }

  @Test
  void aKilledParentLeavesNoOrphan() throws Exception {
    Process parent =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                TrainerParent.class.getName(),
                template.toString(),
                train.toString(),
                folder.resolve("orphan").toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try (BufferedReader output =
        new BufferedReader(
            new InputStreamReader(parent.getInputStream(), StandardCharsets.UTF_8))) {
      ProcessHandle trainer =
          ProcessHandle.of(Long.parseLong(String.valueOf(output.readLine()))).orElseThrow();
      assertThat(output.readLine()).isEqualTo("training");
      CompletableFuture<ProcessHandle> end = trainer.onExit();
      assertThat(trainer.isAlive()).isTrue();
      parent.destroyForcibly().waitFor();
      try {
        end.get(30, TimeUnit.SECONDS);
      } finally {
        trainer.destroyForcibly();
      }
    }
  }

  @Test
  void aCheckpointThatCannotBeWrittenIsOneLine() throws Exception {
    Path out = folder.resolve("out");
    // A folder that is not empty stands where the file should go.
    Files.createDirectories(out.resolve("step-000010.safetensors/taken"));
    try (TrainerProcess trainer = TrainerProcess.start(job(out, 10), recorder)) {
      assertThat(trainer.exit().get()).isEqualTo(Trainer.FAILED);
    }
    assertThat(recorder.lines)
        .singleElement()
        .satisfies(
            line ->
                assertThat(line)
                    .contains("could not be written")
                    .contains("step-000010.safetensors"));
  }

  @Test
  void anUnusableFileIsOneLine() throws Exception {
    Files.writeString(train, "not an array");
    try (TrainerProcess trainer = TrainerProcess.start(job(folder, 10), recorder)) {
      assertThat(trainer.exit().get()).isEqualTo(Trainer.BAD_INPUT);
    }
    assertThat(recorder.lines)
        .singleElement()
        .satisfies(line -> assertThat(line).contains("train.npy"));
  }

  private TrainerProcess.Job job(Path out, long steps) {
    return new TrainerProcess.Job(
        template, train, out, steps, new TrainingSettings(7, 32, 1e-3, 0.999));
  }

  private static List<String> names(Path out) throws IOException {
    try (Stream<Path> files = Files.list(out)) {
      return files.map(file -> String.valueOf(file.getFileName())).toList();
    }
  }

  private static final class Recorder implements TrainerProcess.Listener {
    final List<TrainingProgress> progress = new CopyOnWriteArrayList<>();
    final List<String> lines = new CopyOnWriteArrayList<>();
    final CompletableFuture<TrainingProgress> firstProgress = new CompletableFuture<>();

    @Override
    public void progress(TrainingProgress said) {
      progress.add(said);
      firstProgress.complete(said);
    }

    @Override
    public void line(String line) {
      lines.add(line);
    }
  }
}
