package io.diffuscope.demo;

import io.diffuscope.data.DataSet;
import io.diffuscope.data.DataSets;
import io.diffuscope.model.Devices;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.SafetensorsWriter;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * The demo's training job: a program of its own that knows nothing of the monitor.
 *
 * <p>Writes checkpoints of the averaged weights as safetensors, and its progress on standard output
 * ({@link TrainingProgress}, one JSON object per line). It ends with
 *
 * <ul>
 *   <li>{@value #DONE} after the last step,
 *   <li>{@value #FAILED} when it could not go on, with one line on standard error,
 *   <li>{@value #BAD_INPUT} for options or files that it cannot use, likewise,
 *   <li>{@value #ABANDONED} when its standard input was closed: whoever started it holds the other
 *       end, so that a killed monitor leaves no orphan.
 * </ul>
 */
@Command(
    name = "trainer",
    description = "Trains a small denoiser and writes checkpoints.",
    mixinStandardHelpOptions = true)
public final class Trainer implements Callable<Integer> {
  /** Exit code: all steps done. */
  public static final int DONE = 0;

  /** Exit code: a checkpoint could not be written, or the loss is not finite. */
  public static final int FAILED = 1;

  /** Exit code: unusable options or files. */
  public static final int BAD_INPUT = 2;

  /** Exit code: standard input was closed. */
  public static final int ABANDONED = 3;

  private static final long PROGRESS_NANOS = TimeUnit.SECONDS.toNanos(1);

  @Option(names = "--template", required = true, description = "TorchScript file of the network.")
  private Path template = Path.of("");

  @Option(names = "--train", required = true, description = "Training set, [N, ...shape], .npy.")
  private Path train = Path.of("");

  @Option(names = "--out", required = true, description = "Folder that takes the checkpoints.")
  private Path out = Path.of("");

  @Option(names = "--steps", required = true, description = "Steps to train.")
  private long steps;

  @Option(names = "--seed", defaultValue = "1", description = "Of noise and batches.")
  private long seed;

  @Option(names = "--batch", defaultValue = "128", description = "Points per step.")
  private int batch;

  @Option(names = "--learning-rate", defaultValue = "1e-3", description = "Of Adam.")
  private double learningRate;

  @Option(names = "--ema-decay", defaultValue = "0.999", description = "Of the weights' average.")
  private double emaDecay;

  @Option(
      names = "--first-checkpoint",
      defaultValue = "" + CheckpointSchedule.FIRST,
      description = "Step of the first checkpoint.")
  private long firstCheckpoint;

  @Option(
      names = "--checkpoint-ratio",
      defaultValue = "" + CheckpointSchedule.RATIO,
      description = "Ratio of successive checkpoints' steps.")
  private double checkpointRatio;

  @Option(names = "--threads", defaultValue = "1", description = "Of the tensor library.")
  private int threads;

  private final StandardInputWatch watch;
  private final PrintStream progress;

  private Trainer(InputStream lifeline, PrintStream progress) {
    this.watch = new StandardInputWatch(lifeline);
    this.progress = progress;
  }

  public static void main(String[] arguments) {
    // Standard output is for progress only: the log goes to standard error.
    if (System.getProperty("logback.configurationFile") == null) {
      System.setProperty("logback.configurationFile", "io/diffuscope/demo/logback-trainer.xml");
    }
    CommandLine line = new CommandLine(new Trainer(System.in, System.out));
    line.setExecutionExceptionHandler(
        (failure, command, result) -> {
          command.getErr().println(message(failure));
          return failure instanceof BadInputException || failure instanceof IllegalArgumentException
              ? BAD_INPUT
              : FAILED;
        });
    System.exit(line.execute(arguments));
  }

  private static String message(Exception failure) {
    return switch (failure) {
      case BadInputException bad -> bad.source() + ": " + bad.detail();
      case IllegalArgumentException bad -> String.valueOf(bad.getMessage());
      case IOException writing ->
          "a checkpoint could not be written (" + writing + "); make room or choose another folder";
      default -> "the training failed: " + failure;
    };
  }

  @Override
  public Integer call() throws Exception {
    watch.start();
    CheckpointSchedule schedule =
        CheckpointSchedule.geometric(firstCheckpoint, checkpointRatio, steps);
    TrainingSettings settings = new TrainingSettings(seed, batch, learningRate, emaDecay);
    TrainingPoints points = readPoints(train);
    Files.createDirectories(out);
    Devices.configure(threads);
    // As fast without, and the first steps are spared the optimizer's trials.
    System.setProperty("ai.djl.pytorch.graph_optimizer", "false");
    try (DenoiserTraining training = DenoiserTraining.open(template, points, settings)) {
      return train(training, schedule);
    }
  }

  private int train(DenoiserTraining training, CheckpointSchedule schedule) throws IOException {
    long toldStep = 0;
    long toldTime = System.nanoTime();
    for (long checkpoint : schedule.steps()) {
      while (training.steps() < checkpoint) {
        if (watch.closed()) {
          return ABANDONED;
        }
        training.step();
        long now = System.nanoTime();
        if (now - toldTime >= PROGRESS_NANOS || training.steps() == schedule.last()) {
          double rate = (training.steps() - toldStep) * 1e9 / Math.max(1, now - toldTime);
          progress.println(
              new TrainingProgress(training.steps(), schedule.last(), training.loss(), rate)
                  .toLine());
          progress.flush();
          toldStep = training.steps();
          toldTime = now;
        }
      }
      write(training);
    }
    return DONE;
  }

  private void write(DenoiserTraining training) throws IOException {
    if (!Double.isFinite(training.loss())) {
      throw new IllegalStateException(
          "the loss is not finite at step "
              + training.steps()
              + "; choose a smaller --learning-rate");
    }
    // In a fixed order: the same training writes the same bytes.
    Map<String, String> metadata = new TreeMap<>();
    metadata.put("loss", Double.toString(training.loss()));
    metadata.put("step", Long.toString(training.steps()));
    SafetensorsWriter.write(
        out.resolve(CheckpointSchedule.fileName(training.steps())),
        training.averagedWeights(),
        metadata);
  }

  private static TrainingPoints readPoints(Path file) throws BadInputException {
    try (DataSet set = DataSets.open(file.toString(), "training set", null)) {
      int count = Math.toIntExact(set.size());
      int size = Math.toIntExact(set.pointShape().elements());
      FloatBuffer values = FloatBuffer.allocate(Math.multiplyExact(count, size));
      set.read(0, count, values);
      return new TrainingPoints(values.array(), count, size);
    }
  }
}
