package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diffuscope.checkpoint.DirectorySettings.LayoutSettings;
import io.diffuscope.checkpoint.HoldSettings;
import io.diffuscope.checkpoint.StepUnit;
import io.diffuscope.config.Configuration;
import io.diffuscope.detect.DetectorSettings;
import io.diffuscope.model.NetworkSettings;
import io.diffuscope.model.Pooling;
import io.diffuscope.model.SigmaGrid;
import io.diffuscope.run.Ending;
import io.diffuscope.run.EvidenceSettings;
import io.diffuscope.run.Pace;
import io.diffuscope.run.RunSettings;
import io.diffuscope.run.StepScale;
import io.diffuscope.sampling.FlowSettings;
import io.diffuscope.sampling.ProbeSpec;
import io.diffuscope.sampling.RepresentationSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SettingsReaderTest {
  private static final Map<String, Object> NEEDED =
      Map.of(
          "diffuscope.template", "net.pt",
          "diffuscope.train", "train.npy",
          "diffuscope.data-dir", "state");

  @Test
  void theDefaultsAreThoseOfThePackagesThatOwnTheSettings() throws Exception {
    SettingsReader reader = reader(Map.of("diffuscope.checkpoints.directory", "checkpoints"));

    RunSettings run = reader.run("My run: 7");
    assertThat(run.detectors()).isEqualTo(DetectorSettings.DEFAULT);
    assertThat(run.id()).matches("[A-Za-z0-9._-]{1,100}").contains("7");
    assertThat(run.pace()).isEqualTo(new Pace(Pace.Policy.LATEST, 1, 1_000, 1.15, null));
    ProbeSpec probe = run.probe();
    assertThat(probe.flow())
        .isEqualTo(new FlowSettings(FlowSettings.Solver.HEUN, SigmaGrid.edm(18)));
    assertThat(probe.samples()).isNull();
    assertThat(probe.holdout()).isNull();
    assertThat(reader.checkpoints().layout()).isEqualTo(LayoutSettings.AUTO);
    assertThat(reader.holds()).isEqualTo(new HoldSettings(HoldSettings.Mode.AUTO, 32L << 30));
    assertThat(reader.web().host()).isEqualTo("127.0.0.1");
    assertThat(reader.web().port()).isEqualTo(9464);
    assertThat(reader.dataDirectory()).isEqualTo(Path.of("state"));
    assertThat(reader.threads()).isEqualTo(Runtime.getRuntime().availableProcessors());
  }

  /** Training data is shown to this machine alone unless somebody says otherwise. */
  @ParameterizedTest
  @CsvSource({
    "127.0.0.1, , PICTURES",
    "localhost, , PICTURES",
    "::1, , PICTURES",
    "0.0.0.0, , DISTANCES",
    "192.0.2.7, , DISTANCES",
    "no-such-host.invalid, , DISTANCES",
    "0.0.0.0, pictures, PICTURES",
    "127.0.0.1, off, OFF",
    "127.0.0.1, distances, DISTANCES"
  })
  void picturesOfTrainingDataStayOnThisMachine(
      String host, @Nullable String mode, EvidenceSettings.Mode expected) throws Exception {
    Map<String, Object> values = new HashMap<>(Map.of("diffuscope.web.host", host));
    if (mode != null) {
      values.put("diffuscope.evidence.mode", mode);
    }
    EvidenceSettings evidence = reader(values).evidence();
    assertThat(evidence).isEqualTo(new EvidenceSettings(expected, 8, 40, 64 << 20));
  }

  @ParameterizedTest
  @CsvSource({
    "mode, all, known are off",
    "pairs, 17, 1 to 16",
    "sheets, 3, at least 4",
    "max-bytes, 1000, at least 4194304"
  })
  void evidenceThatCannotBeMeantIsRefused(String key, String value, String message) {
    assertThatThrownBy(() -> reader(Map.of("diffuscope.evidence." + key, value)).evidence())
        .isInstanceOf(SettingsReader.InvalidSettingException.class)
        .hasMessageContaining("evidence." + key)
        .hasMessageContaining(message);
  }

  @Test
  void howLongARunMayDrainDependsOnWhatEndsIt() throws Exception {
    assertThat(reader(Map.of()).run("r").ending())
        .isEqualTo(new Ending(null, null, null, false, Duration.ofMinutes(10)));
    assertThat(reader(Map.of("diffuscope.end.once", true)).run("r").ending())
        .as("what is there is what was asked for")
        .isEqualTo(new Ending(null, null, null, true, null));
    SettingsReader all =
        reader(
            Map.of(
                "diffuscope.end.once", true,
                "diffuscope.end.final-step", 10_000,
                "diffuscope.end.marker", "DONE",
                "diffuscope.end.idle-timeout", "30m",
                "diffuscope.end.drain-timeout", "20m",
                "diffuscope.checkpoints.directory", "runs/7"));
    assertThat(all.run("r").ending())
        .isEqualTo(
            new Ending(10_000L, "DONE", Duration.ofMinutes(30), true, Duration.ofMinutes(20)));
    assertThat(all.checkpoints().endMarker()).isEqualTo("DONE");
    SettingsReader bad = reader(Map.of("diffuscope.end.marker", "../DONE"));
    assertThatThrownBy(() -> bad.run("r")).hasMessageContaining("name of a file");
  }

  @Test
  void theUnitOfStepsIsLeftToTheLayoutUnlessItIsSet() throws Exception {
    assertThat(reader(Map.of()).run("r").steps()).isEqualTo(new StepScale(null, null, null));
    assertThat(
            reader(Map.of("diffuscope.steps.unit", "kimg", "diffuscope.steps.batch-size", 256))
                .run("r")
                .steps())
        .isEqualTo(new StepScale(StepUnit.KIMG, 256L, null));
  }

  @Test
  void everySettingArrives() throws Exception {
    Map<String, Object> options = new HashMap<>();
    options.put("diffuscope.run", "run-7");
    options.put("diffuscope.display-name", "Run seven");
    options.put("diffuscope.holds.mode", "copy");
    options.put("diffuscope.holds.max-bytes", "200 MiB");
    options.put("diffuscope.holdout", "holdout.npy");
    options.put("diffuscope.teacher", "teacher.npz");
    options.put("diffuscope.train-labels", "train-labels.npy");
    options.put("diffuscope.holdout-labels", "holdout-labels.npy");
    options.put("diffuscope.decoder", "decoder.pt");
    options.put("diffuscope.samples", 300);
    options.put("diffuscope.seed", 11);
    options.put("diffuscope.batch-size", 64);
    options.put("diffuscope.network.preconditioning", "v_prediction");
    options.put("diffuscope.network.classes", 10);
    options.put("diffuscope.network.null-label", 10);
    options.put("diffuscope.network.guidance", 1.5);
    options.put("diffuscope.network.schedule", Map.of("beta_schedule", "scaled_linear"));
    options.put("diffuscope.network.timestep-scale", 2);
    options.put("diffuscope.network.round-timesteps", true);
    options.put("diffuscope.network.flow-direction", "noise_to_data");
    options.put("diffuscope.network.sigma-min", 0.03);
    options.put("diffuscope.network.sigma-max", 14.6);
    options.put("diffuscope.network.sigma-data", 0.25);
    options.put("diffuscope.network.shape", List.of(3, 32, 32));
    options.put("diffuscope.ode.solver", "euler");
    options.put("diffuscope.ode.steps", 40);
    options.put("diffuscope.ode.sigma-max", 50);
    options.put("diffuscope.denoising.sigmas", List.of(0.5));
    options.put("diffuscope.checkpoints.directory", "checkpoints");
    options.put("diffuscope.checkpoints.policy", "all");
    options.put("diffuscope.checkpoints.settle-timeout", "3 minutes");
    options.put("diffuscope.flags.early-memorization.margin", 0.3);
    options.put("diffuscope.flags.memorization.looks", 5);
    options.put("diffuscope.device.threads", 3);
    SettingsReader reader = reader(options);

    RunSettings run = reader.run("other");
    assertThat(run.id()).isEqualTo("run-7");
    assertThat(run.displayName()).isEqualTo("Run seven");
    assertThat(run.pace().policy()).isEqualTo(Pace.Policy.ALL);
    assertThat(run.detectors().earlyMemorization().margin()).isEqualTo(0.3);
    assertThat(run.detectors().memorization().looks()).isEqualTo(5);
    ProbeSpec probe = run.probe();
    assertThat(probe.holdout()).isEqualTo("holdout.npy");
    assertThat(probe.teacher()).isEqualTo("teacher.npz");
    assertThat(probe.trainLabels()).isEqualTo("train-labels.npy");
    assertThat(probe.holdoutLabels()).isEqualTo("holdout-labels.npy");
    assertThat(probe.decoder()).isEqualTo("decoder.pt");
    assertThat(probe.samples()).isEqualTo(300);
    assertThat(probe.seed()).isEqualTo(11);
    assertThat(probe.batchSize()).isEqualTo(64);
    assertThat(probe.network())
        .isEqualTo(
            NetworkSettings.Overrides.of(
                Map.ofEntries(
                    Map.entry("preconditioning", "v_prediction"),
                    Map.entry("sigma_data", 0.25),
                    Map.entry("shape", List.of(3, 32, 32)),
                    Map.entry("classes", 10),
                    Map.entry("null_label", 10),
                    Map.entry("guidance", 1.5),
                    Map.entry("schedule", Map.of("beta_schedule", "scaled_linear")),
                    Map.entry("timestep_scale", 2),
                    Map.entry("round_timesteps", true),
                    Map.entry("flow_direction", "noise_to_data"),
                    Map.entry("sigma_min", 0.03),
                    Map.entry("sigma_max", 14.6))));
    assertThat(probe.flow().solver()).isEqualTo(FlowSettings.Solver.EULER);
    assertThat(probe.flow().grid()).isEqualTo(new SigmaGrid(40, 0.002, 50, 7));
    assertThat(probe.denoising().sigmas()).containsExactly(0.5);
    assertThat(reader.checkpoints().settleTimeout()).isEqualTo(Duration.ofMinutes(3));
    assertThat(reader.holds()).isEqualTo(new HoldSettings(HoldSettings.Mode.COPY, 200L << 20));
    assertThat(reader.threads()).isEqualTo(3);
  }

  @Test
  void representationsAreMeasuredWhereThePaperDoesUnlessToldOtherwise() throws Exception {
    assertThat(reader(Map.of()).probe().representation())
        .isEqualTo(
            new RepresentationSettings(
                RepresentationSettings.DEFAULT_SIGMAS,
                Pooling.MEAN,
                1024,
                RepresentationSettings.DEFAULT_ICR_SIGMA));
    Map<String, Object> options =
        Map.of(
            "diffuscope.representation.sigmas",
            List.of(1, .1),
            "diffuscope.representation.pooling",
            "max",
            "diffuscope.representation.images",
            64,
            "diffuscope.representation.icr-sigma",
            .5);
    assertThat(reader(options).probe().representation())
        .isEqualTo(new RepresentationSettings(List.of(.1, 1.0), Pooling.MAX, 64, .5));
    for (Map<String, Object> wrong :
        List.<Map<String, Object>>of(
            Map.of("diffuscope.representation.sigmas", List.of(0, 1)),
            Map.of("diffuscope.representation.sigmas", List.of()),
            Map.of("diffuscope.representation.images", 0),
            Map.of("diffuscope.representation.images", 7),
            Map.of("diffuscope.representation.images", 1_000_000),
            Map.of("diffuscope.representation.icr-sigma", -1))) {
      assertThatThrownBy(() -> reader(wrong).probe())
          .isInstanceOf(SettingsReader.InvalidSettingException.class)
          .hasMessageContaining(wrong.keySet().iterator().next().substring("diffuscope.".length()));
    }
  }

  @Test
  void paceIsASpacingOrABudget() throws Exception {
    assertThat(pace(Map.of("budget", "10%")))
        .isEqualTo(new Pace(Pace.Policy.LATEST, 1, 1_000, 1, .1));
    assertThat(pace(Map.of("budget", 0.25, "sampling-growth", 1)).budget()).isEqualTo(.25);
    assertThat(pace(Map.of("budget", "100%")).budget()).as("no bound").isNull();
    assertThat(pace(Map.of("budget", "1.0")).budget()).as("no bound").isNull();
    assertThat(pace(Map.of("budget", ".5")).budget()).isEqualTo(.5);
    assertThat(pace(Map.of("budget", "2.5 %")).budget()).isEqualTo(.025);
    assertThat(pace(Map.of("policy", "every", "every", 500)))
        .isEqualTo(new Pace(Pace.Policy.EVERY, 500, 1_000, 1.15, null));
    assertThatThrownBy(() -> pace(Map.of("budget", "10%", "sampling-growth", 1.3)))
        .isInstanceOf(SettingsReader.InvalidSettingException.class)
        .hasMessageContaining("--budget")
        .hasMessageContaining("--sampling-growth");
  }

  private static Pace pace(Map<String, Object> checkpoints) throws Exception {
    Map<String, Object> options = new HashMap<>();
    checkpoints.forEach((key, value) -> options.put("diffuscope.checkpoints." + key, value));
    return reader(options).run("r").pace();
  }

  @Test
  void aBucketIsPolledAtItsOwnPaceAndWithoutAQuietPeriod() throws Exception {
    SettingsReader reader =
        reader(
            Map.of(
                "diffuscope.checkpoints.directory", "s3://models/runs/7",
                "diffuscope.s3.poll-interval", "40 s",
                "diffuscope.s3.endpoint", "https://minio.example:9000"));

    assertThat(reader.checkpoints().directory()).hasToString("s3://models/runs/7");
    assertThat(reader.checkpoints().pollInterval()).hasSeconds(40);
    assertThat(reader.checkpoints().quietPeriod()).isZero();
    assertThat(reader.objectStore().pathStyle()).isTrue();
    assertThat(reader.objectStore().scratchDirectory()).isEqualTo(Path.of("state", "s3"));
    assertThat(reader(Map.of()).objectStore().pathStyle()).isFalse();
    for (Map<String, Object> wrong :
        List.<Map<String, Object>>of(
            Map.of("diffuscope.s3.endpoint", "minio:9000"),
            Map.of("diffuscope.s3.block-bytes", "1 KiB"),
            Map.of("diffuscope.s3.scratch-bytes", "1 MiB"),
            Map.of("diffuscope.s3.poll-interval", "0 s"))) {
      assertThatThrownBy(() -> reader(wrong).objectStore())
          .hasMessageContaining(wrong.keySet().iterator().next().substring("diffuscope.".length()));
    }
  }

  @Test
  void aScheduleComesFromTheTrainersOwnFile(@TempDir Path folder) throws Exception {
    Path file =
        Files.writeString(
            folder.resolve("scheduler_config.json"),
            "{\"_class_name\": \"DDPMScheduler\", \"beta_end\": 0.03, \"clip_sample\": true}");
    Map<String, Object> options = Map.of("diffuscope.network.schedule-file", file.toString());

    assertThat(reader(options).probe().network())
        .isEqualTo(
            NetworkSettings.Overrides.of(
                Map.of(
                    "schedule",
                    Map.of(
                        "_class_name", "DDPMScheduler", "beta_end", 0.03, "clip_sample", true))));
  }

  @Test
  void aFileOfSettingsMayHoldAnyKeyOfAScheduler(@TempDir Path folder) throws Exception {
    Path file =
        Files.writeString(
            folder.resolve("diffuscope.conf"),
            "diffuscope.network.schedule { prediction_type = epsilon, steps_offset = 1 }");
    Configuration.load(file, NEEDED);
  }

  @ParameterizedTest
  @CsvSource({
    "template, --template",
    "train, --train",
    "checkpoints.directory, diffuscope watch",
  })
  void whatIsMissingIsNamedWithItsOption(String key, String option) throws Exception {
    Map<String, Object> options = new HashMap<>(NEEDED);
    options.remove("diffuscope." + key);
    SettingsReader reader = new SettingsReader(Configuration.load(null, options));

    assertThatThrownBy(
            () -> {
              reader.probe();
              reader.checkpoints();
            })
        .isInstanceOf(SettingsReader.InvalidSettingException.class)
        .hasMessageContaining(option)
        .hasMessageContaining("diffuscope." + key);
  }

  @ParameterizedTest
  @CsvSource({
    "samples, many, samples",
    "samples, 0, sample",
    "batch-size, 2000, batch",
    "neighbours.augment, vflip, 'none, hflip'",
    "neighbours.geometry-operations, 0, geometry-operations",
    "neighbours.search, fast, 'exact, approximate'",
    "ode.solver, rk45, rk45",
    "ode.steps, 0, step",
    "network.preconditioning, ddpm, ddpm",
    "network.sigma-data, much, sigma_data",
    "network.classes, 1.5, classes",
    "network.round-timesteps, maybe, round_timesteps",
    "network.flow-direction, up, flow_direction",
    "network.schedule.beta_schedule, sigmoid, 'scaled_linear, squaredcos_cap_v2'",
    "network.schedule-file, /absent/scheduler_config.json, /absent/scheduler_config.json",
    "checkpoints.policy, newest, newest",
    "checkpoints.policy, every, --every",
    "checkpoints.every, 100, the policy every",
    "checkpoints.sampling-growth, 0.9, sampling-growth",
    "checkpoints.budget, much, 10%",
    "checkpoints.budget, 0%, budget",
    "checkpoints.budget, 110%, budget",
    "checkpoints.budget, 10, write 10%",
    "checkpoints.budget, 12.5, write 12.5%",
    "checkpoints.budget, 1, 'write 1%, or 100%'",
    "checkpoints.budget, NaN, 10%",
    "end.idle-timeout, 3, 'write 3s, 3m or 3h'",
    "end.idle-timeout, soon, with its unit",
    "end.drain-timeout, 0, 'write 0s, 0m or 0h'",
    "checkpoints.settle-timeout, 60, 'write 60s, 60m or 60h'",
    "device.unit-timeout, 1.5, 'write 1.5s, 1.5m or 1.5h'",
    "steps.unit, images, 'updates, kimg, epochs'",
    "steps.batch-size, 0, --train-batch-size",
    "checkpoints.poll-interval, soon, poll-interval",
    "flags.early-memorization.alpha, 2, alpha",
    "run, a/b, a/b",
    "web.port, 70000, 70000",
    "holds.mode, link, 'auto, copy, off'",
    "holds.max-bytes, -1, max-bytes",
    "device.threads, many, threads",
    "device.threads, -1, threads",
    "device.samplers, few, samplers",
    "device.samplers, 0, samplers",
    "data-dir, '\0', Nul",
  })
  void whatMakesNoSenseIsNamed(String key, String value, String named) throws Exception {
    SettingsReader reader =
        reader(Map.of("diffuscope.checkpoints.directory", "c", "diffuscope." + key, value));

    assertThatThrownBy(
            () -> {
              reader.run("r");
              reader.checkpoints();
              reader.web();
              reader.holds();
              reader.threads();
              reader.samplers();
              reader.dataDirectory();
            })
        .isInstanceOf(SettingsReader.InvalidSettingException.class)
        .hasMessageContaining(named);
  }

  @ParameterizedTest
  @CsvSource({
    "run, r7, diffuscope.run",
    "display-name, Run 7, diffuscope.display-name",
    "checkpoints.runs, a/*, a/*",
    "checkpoints.runs, '[a', '[a'",
  })
  void severalRunsAreNamedByTheirDirectories(String key, String value, String named)
      throws Exception {
    Map<String, Object> options = new HashMap<>();
    options.put("diffuscope.checkpoints.directory", "c");
    assertThat(reader(options).runs()).isNull();
    options.put("diffuscope.checkpoints.runs", "*");
    assertThat(reader(options).runs()).isEqualTo("*");

    options.put("diffuscope." + key, value);
    SettingsReader reader = reader(options);
    assertThatThrownBy(() -> reader.runDirectories(String.valueOf(reader.runs())))
        .isInstanceOf(SettingsReader.InvalidSettingException.class)
        .hasMessageContaining(named);
  }

  private static SettingsReader reader(Map<String, Object> more) throws Exception {
    Map<String, Object> options = new HashMap<>(NEEDED);
    options.putAll(more);
    return new SettingsReader(Configuration.load(null, options));
  }
}
