package io.diffuscope.cli;

import com.typesafe.config.Config;
import io.diffuscope.checkpoint.DirectorySettings;
import io.diffuscope.checkpoint.DirectorySubscription;
import io.diffuscope.cli.SettingsReader.InvalidSettingException;
import io.diffuscope.config.Configuration;
import io.diffuscope.demo.DemoData;
import io.diffuscope.demo.Trainer;
import io.diffuscope.demo.TrainerProcess;
import io.diffuscope.demo.TrainingProgress;
import io.diffuscope.demo.TrainingSettings;
import io.diffuscope.model.Devices;
import io.diffuscope.run.Ending;
import io.diffuscope.run.EvidenceSettings;
import io.diffuscope.run.EvidenceStore;
import io.diffuscope.run.RunSettings;
import io.diffuscope.run.RunStore;
import io.diffuscope.sampling.Probe;
import io.diffuscope.tensorfile.BadInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code diffuscope demo}: a real training run, and the monitor attached to it. */
@Command(
    name = "demo",
    description =
        "Train a small diffusion model on real 8x8 digits in a process of its own, and watch it"
            + " slide from learning to memorizing.",
    footer = {
      "",
      "Examples:",
      "  diffuscope demo                      memorizes its 128 digits",
      "  diffuscope demo --train-size 800     more data: the onset comes later, or not at all",
      "  diffuscope demo --data mixture       data from a known distribution, so that the true"
          + " error shows"
    })
final class DemoCommand implements Callable<Integer> {
  @Option(
      names = "--train-size",
      paramLabel = "N",
      description = "Training points; as many others are held out (default: ${DEFAULT-VALUE}).")
  private int trainSize = 128;

  @Option(
      names = "--steps",
      paramLabel = "S",
      description = "Training steps (default: ${DEFAULT-VALUE}).")
  private long steps = 10_000;

  @Option(
      names = "--data",
      paramLabel = "digits|mixture",
      description =
          "Real digits, or draws from a mixture of Gaussians fitted to them (default: digits).")
  private DemoData.Source data = DemoData.Source.DIGITS;

  @Option(
      names = "--seed",
      paramLabel = "S",
      description = "Seed of data, training and evaluation (default: ${DEFAULT-VALUE}).")
  private long seed = 1;

  @Option(
      names = "--samples",
      paramLabel = "M",
      description = "Samples of each checkpoint (default: ${DEFAULT-VALUE}).")
  private int samples = 1000;

  @Option(
      names = "--keep",
      paramLabel = "DIR",
      description = "Keep data and checkpoints in this directory (default: removed at the end).")
  private @Nullable Path keep;

  @Option(names = "--stay", description = "Serve on after the end, until Ctrl-C.")
  private boolean stay;

  @Mixin private ServeOptions serve = new ServeOptions();

  @Override
  public Integer call() throws Exception {
    if (trainSize < 2 || steps < 1) {
      throw new InvalidSettingException(
          "--train-size (%d) must be at least 2, and --steps (%d) at least 1"
              .formatted(trainSize, steps),
          null);
    }
    if (keep != null) {
      return demo(keep, end -> {});
    }
    try (TemporaryFolder folder = TemporaryFolder.create("diffuscope-demo")) {
      return demo(folder.path(), folder::usedUntil);
    }
  }

  /**
   * Runs the demo.
   *
   * @param folder takes data, checkpoints and state
   * @param usedUntil is told the ends of all who write there
   */
  private int demo(Path folder, Consumer<CompletionStage<?>> usedUntil) throws Exception {
    Path state = folder.resolve("state");
    // First of all, so that a second demo in the same folder touches nothing of the first.
    int exitCode;
    try (DataDirectory lock = DataDirectory.lock(state);
        RunStore store = DataDirectory.journal(state);
        StatusLine status = StatusLine.onStandardOutput()) {
      LogFile.in(state);
      Path checkpointFolder = Files.createDirectories(folder.resolve("checkpoints"));
      refuseOldCheckpoints(checkpointFolder);
      DemoData files = writeData(folder.resolve("data"));
      Map<String, Object> overrides = settings(state, checkpointFolder, files);
      serve.addTo(overrides);
      Config config = Configuration.load(null, overrides);
      SettingsReader reader = new SettingsReader(config);
      DirectorySettings checkpoints = reader.checkpoints();
      EvidenceSettings evidence = reader.evidence();
      RunSettings settings = reader.run("demo").withEnding(Ending.NEVER).withEvidence(evidence);
      // The trainer has a core of its own.
      Devices.configure(Math.max(1, Runtime.getRuntime().availableProcessors() - 1));
      EvidenceStore kept = EvidenceStore.in(DataDirectory.evidence(state), evidence);
      TerminalView view = new TerminalView(status);
      try (MonitorSession session =
          MonitorSession.start(
              config,
              new RunSources.One(
                  new MonitoredRun(
                      settings,
                      DirectorySubscription.create(checkpoints),
                      checkpointFolder.toString())),
              Probe.open(settings.probe()),
              DataDirectory.holds(state, reader.holds(), store),
              reader.samplers(),
              List.of(view),
              kept,
              store,
              DataDirectory.removal(state, store, kept),
              lock.control(),
              reader.web())) {
        usedUntil.accept(session.terminated());
        WatchCommand.warn(status, lock.sharing());
        WatchCommand.warn(
            status,
            lock.describe(
                "process %d, %s".formatted(ProcessHandle.current().pid(), session.uri())));
        introduce(status, session, folder);
        session.beforeInterrupt(() -> WatchCommand.tellVerdicts(session, status, view));
        try (TrainerProcess trainer = train(files, checkpointFolder, status)) {
          usedUntil.accept(trainer.exit());
          session.beforeInterrupt(trainer::close);
          session.endsWith(trainer.exit().thenApply(ended -> endOfTraining(ended, status)));
          session.await();
          exitCode = trainer.exit().join() == Trainer.DONE ? ExitCode.OK : ExitCode.FAILURE;
        }
        if (stay) {
          status.print("serving on at %s until Ctrl-C".formatted(session.uri()));
          session.awaitTermination();
        }
      }
    }
    return exitCode;
  }

  private DemoData writeData(Path folder) throws CannotServeException {
    try {
      return DemoData.write(Files.createDirectories(folder), data, trainSize, seed);
    } catch (IllegalArgumentException e) {
      throw new InvalidSettingException("--train-size: " + e.getMessage(), e);
    } catch (IOException e) {
      throw new CannotServeException(
          "the demo's data cannot be written to %s (%s): make room, or choose another --keep"
              .formatted(folder, e),
          e);
    }
  }

  /** They would be taken for those of this training. */
  private static void refuseOldCheckpoints(Path folder) throws IOException, BadInputException {
    try (Stream<Path> files = Files.list(folder)) {
      if (files.findAny().isPresent()) {
        throw new BadInputException(
            folder,
            BadInputException.Reason.UNSUPPORTED,
            "holds checkpoints of an earlier demo: remove them, or choose another --keep");
      }
    }
  }

  private Map<String, Object> settings(Path state, Path checkpointFolder, DemoData files) {
    Map<String, Object> overrides = new HashMap<>();
    MeasureOptions.put(overrides, "run", "demo");
    MeasureOptions.put(overrides, "template", files.template().toString());
    MeasureOptions.put(overrides, "train", files.train().toString());
    MeasureOptions.put(overrides, "holdout", files.holdout().toString());
    Path teacher = files.teacher();
    MeasureOptions.put(overrides, "teacher", teacher == null ? null : teacher.toString());
    MeasureOptions.put(overrides, "seed", seed);
    MeasureOptions.put(overrides, "samples", samples);
    MeasureOptions.put(overrides, "data-dir", state.toString());
    MeasureOptions.put(overrides, "checkpoints.directory", checkpointFolder.toString());
    MeasureOptions.put(overrides, "checkpoints.pattern", "*.safetensors");
    // It is here to show everything, and small enough for that.
    MeasureOptions.put(overrides, "checkpoints.policy", "all");
    MeasureOptions.put(overrides, "checkpoints.sampling-growth", 1);
    // The trainer is on this machine and renames whole files into place.
    MeasureOptions.put(overrides, "checkpoints.poll-interval", "250 ms");
    MeasureOptions.put(overrides, "checkpoints.quiet-period", "250 ms");
    return overrides;
  }

  private void introduce(StatusLine status, MonitorSession session, Path folder) {
    status.print(
        "training a small diffusion model on %d %s for %d steps; %d others are held out"
            .formatted(
                trainSize,
                data == DemoData.Source.DIGITS ? "real digits" : "draws from a mixture",
                steps,
                trainSize));
    status.print(
        "serving %s (metrics at %smetrics)%s"
            .formatted(
                session.uri(),
                session.uri(),
                keep == null ? "" : ", files in " + folder.toAbsolutePath()));
  }

  private TrainerProcess train(DemoData files, Path checkpointFolder, StatusLine status)
      throws IOException {
    return TrainerProcess.start(
        new TrainerProcess.Job(
            files.template(),
            files.train(),
            checkpointFolder,
            steps,
            TrainingSettings.withSeed(seed)),
        new TrainerProcess.Listener() {
          @Override
          public void progress(TrainingProgress progress) {
            status.progress("training", progress.step(), steps);
          }

          @Override
          public void line(String line) {
            status.print("trainer: " + line);
          }
        });
  }

  private static String endOfTraining(int code, StatusLine status) {
    return switch (code) {
      case Trainer.DONE -> "training finished";
      case Trainer.ABANDONED, 128 + 2, 128 + 15 -> "the trainer was asked to stop";
      default -> {
        String failed = "the trainer failed with exit code %d".formatted(code);
        status.print(failed + "; what it wrote is still evaluated");
        yield failed;
      }
    };
  }
}
