package io.diffuscope.cli;

import com.typesafe.config.Config;
import io.diffuscope.checkpoint.DirectorySettings;
import io.diffuscope.checkpoint.HoldSettings;
import io.diffuscope.checkpoint.s3.S3FileSystemProvider;
import io.diffuscope.cli.PlanPace.PlanSettling;
import io.diffuscope.cli.SettingsReader.InvalidSettingException;
import io.diffuscope.model.Devices;
import io.diffuscope.run.RunSettings;
import io.diffuscope.sampling.Probe;
import io.diffuscope.sampling.ProbeDevice;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.Locations;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code diffuscope plan [DIR]}: times one batch and says what watching would take. */
@Command(
    name = "plan",
    description =
        "Say what 'watch' with the same options would take, before anything is started: seconds per"
            + " checkpoint, memory, caches, the expected lag, and which signals are on. Times one"
            + " batch on this machine, in less than a minute; opens no port and keeps no state but"
            + " caches.",
    abbreviateSynopsis = true,
    optionListHeading = "%nWhat is measured, and with what:%n",
    footer = {
      "",
      "Examples:",
      "  diffuscope plan runs/7/checkpoints \\",
      "    --template net.pt --train train.npy --holdout holdout.npy",
      "  diffuscope plan runs --runs 'lr-*' --template net.pt --train train.npy",
      "  diffuscope plan --template net.pt --train train.npy \\",
      "    --interval '5 minutes' --budget 10%%"
    })
final class PlanCommand implements Callable<Integer> {
  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "DIR",
      description =
          "Directory of checkpoints: the newest one's weights are used, and the times and steps of"
              + " the youngest tell the training's pace.")
  private @Nullable String directory;

  @Mixin private MeasureOptions measure = new MeasureOptions();

  @Mixin private RunOptions run = new RunOptions();

  @Option(
      names = "--interval",
      paramLabel = "DURATION",
      description =
          "Time from one checkpoint to the next, with its unit: '90 s', '5 minutes' (default: what"
              + " the checkpoints in DIR tell).")
  private @Nullable String interval;

  @Option(
      names = "--format",
      paramLabel = "text|json",
      description = "Aligned text, or one JSON object (default: ${DEFAULT-VALUE}).")
  private PlanReport.Format format = PlanReport.Format.TEXT;

  @CommandLine.Spec
  private CommandLine.Model.CommandSpec spec = CommandLine.Model.CommandSpec.create();

  @Override
  public Integer call() throws Exception {
    SettingsReader reader = new SettingsReader(load());
    S3FileSystemProvider.configure(reader.objectStore());
    Duration given = interval == null ? null : interval(interval);
    String glob = reader.runs();
    DirectorySettings directories =
        reader.hasDirectory() || glob != null ? reader.checkpoints() : null;
    FoundRuns found =
        directories == null
            ? FoundRuns.NONE
            : glob == null
                ? FoundRuns.in(directories)
                : FoundRuns.in(directories, glob, reader.runDirectories(glob));
    RunSettings settings = reader.run("plan");
    HoldSettings holds = reader.holds();
    boolean bucket =
        directories != null && Locations.isElsewhere(directories.directory().toString());
    Devices.configure(reader.threads());
    PlanReport report = new PlanReport();
    try (StatusLine status = StatusLine.onStandardError()) {
      // Ctrl-C leaves the terminal as it was; what was cached is whole.
      Runtime.getRuntime().addShutdownHook(new Thread(status::close));
      status.doing("reading the sets");
      try (Probe probe = Probe.open(settings.probe(), new DecodingProgress(status));
          ProbeDevice device = ProbeDevice.load(probe, Devices.best())) {
        PlanRehearsal timed =
            PlanRehearsal.of(probe, device, settings, found.newestFirst(), status::doing);
        PlanHold hold = PlanHold.of(timed.weights(), holds, reader.dataDirectory());
        PlanRehearsal rehearsal = timed.with(hold);
        PlanSections.Limits limits =
            new PlanSections.Limits(holds, hold, bucket ? reader.objectStore() : null);
        new PlanSections(report, probe, rehearsal, settings.signals())
            .add(device, reader.threads(), limits);
        new PlanPace(
                report,
                settings.pace(),
                settings.ending().finalStep(),
                rehearsal.cost(),
                new PlanSettling(directories, rehearsal.weights().checking()))
            .add(found, given);
      }
    }
    PrintWriter out = spec.commandLine().getOut();
    out.print(report.format(format));
    out.flush();
    return ExitCode.OK;
  }

  private Config load() throws BadInputException {
    Map<String, Object> overrides = new HashMap<>();
    MeasureOptions.put(overrides, "checkpoints.directory", directory);
    run.addTo(overrides);
    return measure.load(overrides);
  }

  private static Duration interval(String text) {
    Duration duration = DurationSettings.ofOption("--interval", text);
    if (!duration.isPositive()) {
      throw new InvalidSettingException(
          "--interval is \"%s\": give a time above 0, such as '90 s'".formatted(text), null);
    }
    return duration;
  }

  /** Words joined for people, or "none". */
  static String words(List<String> words) {
    return words.isEmpty() ? "none" : String.join(", ", words);
  }
}
