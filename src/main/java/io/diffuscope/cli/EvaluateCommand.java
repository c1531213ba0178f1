package io.diffuscope.cli;

import akka.stream.javadsl.Source;
import com.typesafe.config.Config;
import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.checkpoint.CheckpointFiles;
import io.diffuscope.checkpoint.Holds;
import io.diffuscope.checkpoint.Sighting;
import io.diffuscope.checkpoint.s3.S3FileSystemProvider;
import io.diffuscope.model.Devices;
import io.diffuscope.publish.RunListener;
import io.diffuscope.run.ComparisonSettings;
import io.diffuscope.run.Ending;
import io.diffuscope.run.EvaluationProgress;
import io.diffuscope.run.EvidenceNews;
import io.diffuscope.run.EvidenceSettings;
import io.diffuscope.run.EvidenceStore;
import io.diffuscope.run.FailureReason;
import io.diffuscope.run.PreparationProgress;
import io.diffuscope.run.Retries;
import io.diffuscope.run.RunEvent;
import io.diffuscope.run.RunSettings;
import io.diffuscope.run.RunStore;
import io.diffuscope.sampling.Probe;
import io.diffuscope.tensorfile.BadInputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code diffuscope evaluate CHECKPOINT...}: measures now, prints, exits. */
@Command(
    name = "evaluate",
    description =
        "Measure checkpoints now and print every estimate. Serves nothing and keeps no state but"
            + " caches.",
    footer = {
      "",
      "Example:",
      "  diffuscope evaluate step-00400.safetensors --format jsonl \\",
      "    --template net.pt --train train.npy --holdout holdout.npy"
    })
final class EvaluateCommand implements Callable<Integer> {
  @Parameters(
      arity = "1..*",
      paramLabel = "CHECKPOINT",
      description =
          "Checkpoints: files of weights whose names match the template's parameters, or the folder"
              + " of a checkpoint; s3://BUCKET/KEY for those in a bucket.")
  private List<Path> files = List.of();

  @Mixin private MeasureOptions measure = new MeasureOptions();

  @Option(
      names = "--format",
      paramLabel = "table|jsonl",
      description = "A table, or one JSON object an estimate (default: ${DEFAULT-VALUE}).")
  private EstimateRows.Format format = EstimateRows.Format.TABLE;

  @Option(
      names = "--evidence-dir",
      paramLabel = "DIR",
      description =
          "Write the worst samples of each checkpoint there, beside their nearest training images:"
              + " DIR/run-NAME/STEP.png, and STEP.json with the distances.")
  private @Nullable Path evidenceDirectory;

  private static Map<String, Object> evaluatingAll(int files) {
    Map<String, Object> overrides = new HashMap<>();
    MeasureOptions.put(overrides, "checkpoints.policy", "all");
    MeasureOptions.unset(overrides, "checkpoints.every");
    MeasureOptions.put(overrides, "checkpoints.sampling-growth", 1);
    MeasureOptions.unset(overrides, "checkpoints.budget");
    MeasureOptions.put(overrides, "checkpoints.most-pending", files);
    return overrides;
  }

  @Override
  public Integer call() throws Exception {
    // Whatever a configuration for watching says, every file that was named is measured.
    Config config = measure.load(evaluatingAll(files.size()));
    SettingsReader reader = new SettingsReader(config);
    S3FileSystemProvider.configure(reader.objectStore());
    RunSettings settings =
        reader
            .run(parentName(files.getFirst()))
            .withEnding(Ending.NEVER)
            .withRetries(Retries.NONE)
            .withComparisons(ComparisonSettings.OFF)
            .withEvidence(evidence(reader));
    Devices.configure(reader.threads());
    // Numbers go to standard output alone, so that it can be piped.
    try (StatusLine status = StatusLine.onStandardError()) {
      Printer printer = new Printer(status, format);
      List<Checkpoint> checkpoints = new ArrayList<>();
      for (Path file : files) {
        try {
          checkpoints.add(describe(file, reader.weights()));
        } catch (BadInputException e) {
          printer.failed(e.reason().label(), e.getMessage());
        }
      }
      if (checkpoints.isEmpty()) {
        return ExitCode.BAD_INPUT;
      }
      // As a directory would be read: a lower step after a higher one looks like a resumed
      // training.
      List<Sighting> sightings =
          checkpoints.stream()
              .sorted(
                  Comparator.comparing(
                      Checkpoint::step, Comparator.nullsLast(Comparator.naturalOrder())))
              .<Sighting>map(Sighting.Settled::new)
              .toList();
      try (MonitorSession session =
          MonitorSession.start(
              config,
              new RunSources.One(new MonitoredRun(settings, () -> Source.from(sightings), "files")),
              Probe.open(settings.probe(), new DecodingProgress(status)),
              Holds.off(),
              reader.samplers(),
              List.of(printer),
              evidenceDirectory == null
                  ? EvidenceStore.NONE
                  : EvidenceStore.in(evidenceDirectory, settings.evidence()),
              RunStore.NONE,
              run -> {},
              null,
              null)) {
        session.await();
      }
      return printer.exitCode.get();
    }
  }

  /** Whoever names files wants a sheet of each. */
  private EvidenceSettings evidence(SettingsReader reader) {
    if (evidenceDirectory == null) {
      return EvidenceSettings.OFF;
    }
    EvidenceSettings configured = reader.evidence(EvidenceSettings.Mode.PICTURES);
    return new EvidenceSettings(
        configured.mode(),
        configured.pairs(),
        Math.max(files.size(), configured.sheets()),
        Long.MAX_VALUE);
  }

  private static Checkpoint describe(Path file, String weights) throws BadInputException {
    try {
      return CheckpointFiles.describe(file, weights);
    } catch (IOException e) {
      throw BadInputException.of(file, e);
    }
  }

  private static String parentName(Path file) {
    Path parent = file.toAbsolutePath().normalize().getParent();
    Path name = parent == null ? null : parent.getFileName();
    return name == null ? "run" : name.toString();
  }

  /** Prints what was measured, and remembers what the exit code must say. */
  private static final class Printer implements RunListener {
    private final StatusLine status;
    private final EstimateRows.Format format;
    private final AtomicInteger exitCode = new AtomicInteger(ExitCode.OK);
    private volatile boolean setsDiffer;

    Printer(StatusLine status, EstimateRows.Format format) {
      this.status = status;
      this.format = format;
    }

    /** One checkpoint could not be measured; the others go on. */
    void failed(String reason, @Nullable String message) {
      int code = ExitCode.ofFailure(reason);
      // A fault that no input explains is the graver news.
      exitCode.accumulateAndGet(code, (a, b) -> a == ExitCode.FAILURE ? a : b);
      status.print("error: %s".formatted(message));
    }

    @Override
    public void onEvent(RunEvent event) {
      switch (event) {
        case RunEvent.RunResumed e -> {}
        case RunEvent.RunStarted e -> {
          setsDiffer = e.setsDiffer();
          e.notes().forEach(note -> status.print("note: " + note));
        }
        case RunEvent.EvaluationCompleted e -> {
          status.clear();
          System.out.println(EstimateRows.format(e, format));
          if (setsDiffer && format == EstimateRows.Format.TABLE) {
            System.out.println("  " + EstimateRows.DIFFER);
          }
        }
        case RunEvent.EvaluationFailed e -> failed(e.reason(), e.message());
        case RunEvent.EvaluationPostponed e -> {}
        case RunEvent.RunEnded e -> status.clear();
        case RunEvent.CheckpointFound e -> {}
        case RunEvent.CheckpointSkipped e ->
            failed(e.reason(), "%s was left out (%s)".formatted(e.checkpoint().name(), e.reason()));
        case RunEvent.CheckpointPassedOver e -> {}
        case RunEvent.EvaluationStarted e -> status.doing("evaluating " + e.checkpoint().name());
        case RunEvent.FlagChanged e -> {}
        case RunEvent.AttemptStarted e -> {}
        case RunEvent.VerdictChanged e -> {}
      }
    }

    @Override
    public void onProgress(EvaluationProgress progress) {
      status.progress(progress.checkpoint().name(), progress.done(), progress.total());
    }

    /** It was asked for; the numbers are there all the same. */
    @Override
    public void onEvidenceNews(EvidenceNews news) {
      failed(FailureReason.INTERNAL.label(), news.message());
    }

    @Override
    public void onPreparation(PreparationProgress progress) {
      if (progress.total() == 1) {
        status.doing(progress.text());
      } else {
        status.doing("");
        status.progress(progress.what(), progress.done(), progress.total());
      }
    }
  }
}
