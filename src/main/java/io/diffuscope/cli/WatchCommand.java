package io.diffuscope.cli;

import com.typesafe.config.Config;
import io.diffuscope.checkpoint.AnnounceRoots;
import io.diffuscope.checkpoint.AnnouncedCheckpoints;
import io.diffuscope.checkpoint.DirectorySettings;
import io.diffuscope.checkpoint.DirectorySubscription;
import io.diffuscope.checkpoint.HoldSettings;
import io.diffuscope.checkpoint.RetriedSource;
import io.diffuscope.checkpoint.RunDirectories;
import io.diffuscope.checkpoint.s3.S3FileSystemProvider;
import io.diffuscope.cli.SettingsReader.InvalidSettingException;
import io.diffuscope.detect.Verdict;
import io.diffuscope.model.Devices;
import io.diffuscope.run.EvidenceSettings;
import io.diffuscope.run.EvidenceStore;
import io.diffuscope.run.RunDecisions;
import io.diffuscope.run.RunSettings;
import io.diffuscope.run.RunStore;
import io.diffuscope.sampling.Probe;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.Locations;
import io.diffuscope.web.WebSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code diffuscope watch DIR}: attaches to a running training job. */
@Command(
    name = "watch",
    description =
        "Attach to a training job: evaluate every checkpoint that is written to DIR, until the"
            + " training ends or Ctrl-C. Started again, it goes on where it was.",
    abbreviateSynopsis = true,
    optionListHeading = "%nWhat is measured, and with what:%n",
    footer = {
      "",
      "Examples:",
      "  diffuscope watch runs/7/checkpoints \\",
      "    --template net.pt --train train.npy --holdout holdout.npy",
      "  diffuscope watch runs/7/checkpoints --once --policy all \\",
      "    --template net.pt --train train.npy --holdout holdout.npy",
      "  diffuscope watch runs --runs 'lr-*' \\",
      "    --template net.pt --train train.npy --holdout holdout.npy",
      "  diffuscope watch s3://models/run-7 --template net.pt --train train.npy"
    })
final class WatchCommand implements Callable<Integer> {
  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "DIR",
      description =
          "Directory that the job writes its checkpoints to, or s3://BUCKET/PREFIX (see"
              + " diffuscope.s3 in the configuration for other stores than Amazon's).")
  private @Nullable String directory;

  @Mixin private MeasureOptions measure = new MeasureOptions();

  @Mixin private RunOptions run = new RunOptions();

  @Override
  public Integer call() throws Exception {
    Map<String, Object> overrides = new HashMap<>();
    run.addTo(overrides);
    MeasureOptions.put(overrides, "checkpoints.directory", directory);
    Config config = measure.load(overrides);
    SettingsReader reader = new SettingsReader(config);
    S3FileSystemProvider.configure(reader.objectStore());
    DirectorySettings checkpoints = reader.checkpointsUnlessAnnounced();
    AnnounceRoots roots = reader.announceRoots();
    HoldSettings holds = reader.holds();
    String glob = reader.runs();
    RunDirectories directories = glob == null ? null : reader.runDirectories(glob);
    if (checkpoints != null) {
      requirePlausible(checkpoints.directory());
      requireApart(reader.dataDirectory(), checkpoints.directory());
    }
    WebSettings web = reader.web();
    LogFile.in(reader.dataDirectory());
    EvidenceSettings evidence = reader.evidence();
    RunSettings settings =
        reader
            .run(checkpoints == null ? "run" : nameOf(checkpoints.directory()))
            .withEvidence(evidence);
    Devices.configure(reader.threads());

    try (DataDirectory data = DataDirectory.lock(reader.dataDirectory());
        RunStore store = DataDirectory.journal(reader.dataDirectory());
        StatusLine status = StatusLine.onStandardOutput()) {
      EvidenceStore kept =
          EvidenceStore.in(DataDirectory.evidence(reader.dataDirectory()), evidence);
      TerminalView view = new TerminalView(status, directories != null);
      Probe probe = Probe.open(settings.probe(), new DecodingProgress(status));
      try (MonitorSession session =
          MonitorSession.start(
              config,
              checkpoints == null
                  ? new RunSources.One(announced(settings, roots, reader))
                  : directories == null
                      ? new RunSources.One(subscribed(settings, checkpoints, roots))
                      : severalRuns(directories, settings, checkpoints, roots, status),
              probe,
              DataDirectory.holds(reader.dataDirectory(), holds, store),
              reader.samplers(),
              List.of(view),
              kept,
              store,
              DataDirectory.removal(reader.dataDirectory(), store, kept),
              data.control(),
              web)) {
        if (checkpoints != null) {
          status.print(
              glob == null
                  ? "watching %s".formatted(checkpoints.directory())
                  : "watching the runs %s in %s".formatted(glob, checkpoints.directory()));
        }
        status.print("serving %s (metrics at %smetrics)".formatted(session.uri(), session.uri()));
        if (web.token() != null) {
          status.print(
              "checkpoints %s announced by POST to %sapi/v1/runs/%s/checkpoints%s"
                  .formatted(
                      checkpoints == null ? "are" : "can be",
                      session.uri(),
                      glob == null ? settings.id() : "RUN",
                      roots.isEmpty()
                          ? ""
                          : "%s below %s"
                              .formatted(
                                  checkpoints == null ? "," : ", also",
                                  String.join(", ", roots.places()))));
        }
        warn(status, reader.webToken().warning());
        warn(status, data.sharing());
        warn(
            status,
            data.describe(
                "process %d, %s".formatted(ProcessHandle.current().pid(), session.uri())));
        session.beforeInterrupt(() -> tellVerdicts(session, status, view));
        session.await();
      }
    }
    return ExitCode.OK;
  }

  static void warn(StatusLine status, @Nullable String warning) {
    if (warning != null) {
      status.print("warning: " + warning);
    }
  }

  /**
   * A training that has not started has no checkpoint directory yet, so one is waited for; but what
   * can never become one is told at once.
   */
  static void requirePlausible(Path directory) throws BadInputException {
    if (Locations.isElsewhere(directory.toString())) {
      // A store that is down now may be up soon: the subscription says what is wrong.
      return;
    }
    if (Files.exists(directory) && !Files.isDirectory(directory)) {
      throw new BadInputException(
          directory, Reason.UNSUPPORTED, "a file; name the directory that holds the checkpoints");
    }
    Path parent = directory.getParent();
    if (!Files.exists(directory) && parent != null && !Files.isDirectory(parent)) {
      throw new BadInputException(
          directory,
          Reason.VANISHED,
          "neither it nor the directory above it exists; check the path, or create it if the"
              + " training has not started");
    }
  }

  /** The trainer's directory is the trainer's: it may be rotated, synchronized or counted. */
  private static void requireApart(Path data, Path checkpoints) {
    Path inside = data.toAbsolutePath().normalize();
    if (inside.startsWith(checkpoints.toAbsolutePath().normalize())) {
      throw new InvalidSettingException(
          "the data directory %s lies in the checkpoint directory: choose another --data-dir"
              .formatted(data),
          null);
    }
  }

  private static MonitoredRun subscribed(
      RunSettings settings, DirectorySettings checkpoints, AnnounceRoots roots) {
    String directory = checkpoints.directory().toString();
    return MonitoredRun.announced(
        settings,
        AnnouncedCheckpoints.beside(
            checkpoints,
            new RetriedSource(directory, DirectorySubscription.create(checkpoints)),
            roots.with(checkpoints.directory())),
        directory);
  }

  private static MonitoredRun announced(
      RunSettings settings, AnnounceRoots roots, SettingsReader reader) {
    return MonitoredRun.announced(
        settings,
        AnnouncedCheckpoints.alone(roots, reader.weights(), reader.pollInterval()),
        "announcements");
  }

  private static RunSources.Many severalRuns(
      RunDirectories directories,
      RunSettings common,
      DirectorySettings checkpoints,
      AnnounceRoots roots,
      StatusLine status) {
    RunIds ids = new RunIds();
    return new RunSources.Many(
        directories.source(),
        (name, directory) ->
            subscribed(
                common.named(ids.next(name), name), checkpoints.withDirectory(directory), roots),
        complaint -> status.print("error: " + complaint),
        common.ending().once());
  }

  /** Prints the verdict so far of each run that has started when a person interrupts. */
  static void tellVerdicts(MonitorSession session, StatusLine status, TerminalView view) {
    if (!session.hasEnded()) {
      status.close();
      Map<String, Verdict> verdicts = new LinkedHashMap<>();
      MonitorSession.States states = session.startedStates();
      states
          .known()
          .forEach(
              (settings, state) ->
                  verdicts.put(settings.displayName(), new RunDecisions(settings).verdict(state)));
      view.printVerdicts(verdicts, states.unanswered());
    }
  }

  /** The name of a directory, also of a relative one such as ".". */
  private static String nameOf(Path directory) {
    Path absolute = directory.toAbsolutePath().normalize();
    Path name = absolute.getFileName();
    return name == null ? "run" : name.toString();
  }
}
