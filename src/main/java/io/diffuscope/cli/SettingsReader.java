package io.diffuscope.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import io.diffuscope.checkpoint.AnnounceRoots;
import io.diffuscope.checkpoint.DirectorySettings;
import io.diffuscope.checkpoint.DirectorySettings.LayoutSettings;
import io.diffuscope.checkpoint.DirectorySettings.Markers;
import io.diffuscope.checkpoint.HoldSettings;
import io.diffuscope.checkpoint.RunDirectories;
import io.diffuscope.checkpoint.StepUnit;
import io.diffuscope.checkpoint.s3.ObjectStoreSettings;
import io.diffuscope.detect.DescentSettings;
import io.diffuscope.detect.DetectorSettings;
import io.diffuscope.detect.EarlyMemorizationSettings;
import io.diffuscope.detect.MemorizationSettings;
import io.diffuscope.feature.PreprocessingKeys;
import io.diffuscope.model.NetworkSettings;
import io.diffuscope.model.Pooling;
import io.diffuscope.model.SigmaGrid;
import io.diffuscope.run.ComparisonSettings;
import io.diffuscope.run.Ending;
import io.diffuscope.run.EvidenceSettings;
import io.diffuscope.run.Pace;
import io.diffuscope.run.Retries;
import io.diffuscope.run.RunSettings;
import io.diffuscope.run.StepScale;
import io.diffuscope.sampling.Augmentation;
import io.diffuscope.sampling.ComparisonSpace;
import io.diffuscope.sampling.DenoisingSettings;
import io.diffuscope.sampling.DescriptorSettings;
import io.diffuscope.sampling.FlowSettings;
import io.diffuscope.sampling.GroupSettings;
import io.diffuscope.sampling.NeighbourSettings;
import io.diffuscope.sampling.ProbeSpec;
import io.diffuscope.sampling.ReferenceChoice;
import io.diffuscope.sampling.RepresentationSettings;
import io.diffuscope.sampling.SearchMethod;
import io.diffuscope.sampling.SpikinessSettings;
import io.diffuscope.signal.SignalNames;
import io.diffuscope.signal.SignalSchedule;
import io.diffuscope.tensorfile.Locations;
import io.diffuscope.web.WebSettings;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** From the configuration to the settings that each package owns. */
final class SettingsReader {
  private static final Duration DRAIN_TIMEOUT = Duration.ofMinutes(10);

  private final Config config;
  private final DurationSettings durations;

  /**
   * A reader.
   *
   * @param all the whole configuration
   */
  SettingsReader(Config all) {
    this.config = all.getConfig("diffuscope");
    this.durations = new DurationSettings(config);
  }

  /** A value that cannot be used: which key, and why. */
  static final class InvalidSettingException extends RuntimeException {
    private static final long serialVersionUID = 1;

    InvalidSettingException(String message, @Nullable Throwable cause) {
      super(message, cause);
    }
  }

  ProbeSpec probe() {
    requireSwitched(
        !checked(() -> config.getDoubleList("denoising.sigmas")).isEmpty(),
        "denoising.sigmas",
        SignalNames.DENOISING_GAP);
    requireSwitched(
        checked(() -> config.getInt("spikiness.images")) != 0,
        "spikiness.images",
        SignalNames.SPIKINESS);
    requireSwitched(
        !checked(() -> config.getDoubleList("representation.sigmas")).isEmpty(),
        "representation.sigmas",
        SignalNames.REPRESENTATION);
    requireSwitched(
        checked(() -> config.getInt("representation.images")) != 0,
        "representation.images",
        SignalNames.REPRESENTATION);
    return checked(
        () ->
            new ProbeSpec(
                file("template", "--template FILE", "the exported network"),
                network(),
                text("decoder"),
                file("train", "--train FILE", "the training set"),
                text("train-labels"),
                text("holdout"),
                text("holdout-labels"),
                text("teacher"),
                text("noise"),
                config.getLong("seed"),
                config.getIsNull("samples") ? null : Integer.valueOf(config.getInt("samples")),
                config.getInt("batch-size"),
                new FlowSettings(
                    FlowSettings.Solver.of(config.getString("ode.solver")),
                    new SigmaGrid(
                        config.getInt("ode.steps"),
                        config.getDouble("ode.sigma-min"),
                        config.getDouble("ode.sigma-max"),
                        config.getDouble("ode.rho"))),
                new DenoisingSettings(
                    config.getDoubleList("denoising.sigmas"),
                    config.getInt("denoising.draws"),
                    config.getInt("denoising.images")),
                new SpikinessSettings(
                    config.getDouble("spikiness.sigma"),
                    word(Pooling.class, "spikiness.pooling"),
                    config.getInt("spikiness.images")),
                new RepresentationSettings(
                    config.getDoubleList("representation.sigmas"),
                    word(Pooling.class, "representation.pooling"),
                    config.getInt("representation.images"),
                    config.getDouble("representation.icr-sigma")),
                descriptor(),
                new NeighbourSettings(
                    word(Augmentation.class, "neighbours.augment"),
                    config.getDouble("neighbours.geometry-operations"),
                    word(SearchMethod.class, "neighbours.search"),
                    word(ComparisonSpace.class, "neighbours.space")),
                new GroupSettings(text("train-groups"), text("holdout-groups")),
                DataDirectory.cache(dataDirectory()).toString(),
                config.getBytes("device.resident-bytes"),
                references()));
  }

  /** Flows are solved for what compares with them; dear ones where one of these was asked for. */
  private ReferenceChoice references() {
    SignalSchedule schedule = signals();
    List<String> comparing = List.of(SignalNames.PFD, SignalNames.RP);
    if (comparing.stream().noneMatch(schedule::isOn)) {
      return ReferenceChoice.NONE;
    }
    return comparing.stream().anyMatch(schedule::isAskedFor)
        ? ReferenceChoice.ALL
        : ReferenceChoice.WHERE_CHEAP;
  }

  /** An empty or zero setting would be a second way of switching a signal off. */
  private static void requireSwitched(boolean usable, String key, String signal) {
    if (!usable) {
      throw new InvalidSettingException(
          "diffuscope.%s leaves nothing to measure: to switch the signal off, give --signals %s=off or diffuscope.signals { %s = off }"
              .formatted(key, signal, signal),
          null);
    }
  }

  private DescriptorSettings descriptor() {
    Map<String, Object> values = new HashMap<>();
    for (String key : PreprocessingKeys.KEYS) {
      String path = "descriptor." + key.replace('_', '-');
      if (!config.getIsNull(path)) {
        values.put(key, config.getValue(path).unwrapped());
      }
    }
    return new DescriptorSettings(
        text("descriptor.file"),
        text("descriptor.preset"),
        PreprocessingKeys.of(values),
        config.getDouble("descriptor.similarity-threshold"));
  }

  private String file(String key, String option, String what) {
    String value = text(key);
    if (value == null) {
      throw new InvalidSettingException(
          "%s is missing: give %s, or diffuscope.%s in the configuration"
              .formatted(what, option, key),
          null);
    }
    return value;
  }

  private NetworkSettings.Overrides network() {
    Map<String, Object> values = new HashMap<>();
    for (String key : NetworkSettings.KEYS) {
      String path = "network." + key.replace('_', '-');
      if (!config.getIsNull(path)) {
        values.put(key, config.getValue(path).unwrapped());
      }
    }
    String file = text("network.schedule-file");
    if (file != null) {
      if (values.containsKey("schedule")) {
        throw new InvalidSettingException(
            "diffuscope.network has schedule and schedule-file: give one of them", null);
      }
      values.put("schedule", scheduler(Path.of(file)));
    }
    return NetworkSettings.Overrides.of(values);
  }

  private static Map<?, ?> scheduler(Path file) {
    try {
      return new ObjectMapper().readValue(file.toFile(), Map.class);
    } catch (IOException e) {
      throw new InvalidSettingException(
          "diffuscope.network.schedule-file: %s cannot be read as JSON; give the trainer's scheduler_config.json"
              .formatted(file),
          e);
    }
  }

  /** The run, its name taken from {@code fallback} where the configuration has none. */
  RunSettings run(String fallback) {
    return checked(
        () -> {
          String configured = text("run");
          String id = configured == null ? RunSettings.idOf(fallback) : configured;
          String displayName = text("display-name");
          Ending ending = ending();
          return new RunSettings(
                  id,
                  displayName == null ? id : displayName,
                  probe(),
                  pace(),
                  steps(),
                  ending,
                  detectors(),
                  samplers() + 1,
                  durations.of("device.unit-timeout"),
                  ending.once() ? retries().brief() : retries(),
                  signals())
              .withComparisons(comparisons());
        });
  }

  private ComparisonSettings comparisons() {
    String directory = text("comparisons.directory");
    boolean previous = config.getBoolean("comparisons.previous");
    List<String> peers = config.getStringList("comparisons.peers");
    return !previous && peers.isEmpty()
        ? ComparisonSettings.OFF
        : new ComparisonSettings(
            directory == null ? DataDirectory.samples(dataDirectory()).toString() : directory,
            previous,
            peers,
            config.getInt("comparisons.most-kept"),
            config.getBytes("comparisons.most-bytes"));
  }

  /** Which signals are measured, and at which checkpoints. */
  SignalSchedule signals() {
    return checked(
        () -> {
          Map<String, String> words = new LinkedHashMap<>();
          config
              .getObject("signals")
              .forEach(
                  (signal, word) -> words.put(signal, String.valueOf(word.unwrapped()).strip()));
          return SignalSchedule.of(words);
        });
  }

  private Retries retries() {
    return new Retries(
        config.getInt("retries.tries"),
        durations.of("retries.first-wait"),
        durations.of("retries.longest-wait"));
  }

  private Pace pace() {
    Long every = number("checkpoints.every");
    Double budget = budget();
    return new Pace(
        policy(every),
        every == null ? 1 : every,
        config.getInt("checkpoints.most-pending"),
        samplingGrowth(budget),
        // All of the time is no bound.
        budget != null && budget == 1 ? null : budget);
  }

  private double samplingGrowth(@Nullable Double budget) {
    String key = "checkpoints.sampling-growth";
    Double told = config.getIsNull(key) ? null : Double.valueOf(config.getDouble(key));
    if (budget != null && told != null && told != 1) {
      throw new InvalidSettingException(
          "under a budget every evaluated checkpoint is sampled: give either a budget (--budget,"
              + " diffuscope.checkpoints.budget) or the spacing of samplings (--sampling-growth,"
              + " diffuscope.checkpoints.sampling-growth), not both",
          null);
    }
    if (told != null) {
      return told;
    }
    return budget == null ? Pace.SAMPLING_GROWTH : 1;
  }

  private Pace.Policy policy(@Nullable Long every) {
    Pace.Policy policy = word(Pace.Policy.class, "checkpoints.policy");
    if (policy == Pace.Policy.EVERY && every == null) {
      throw new InvalidSettingException(
          "the policy is every: give the distance of steps, --every STEPS or"
              + " diffuscope.checkpoints.every",
          null);
    }
    if (policy != Pace.Policy.EVERY && every != null) {
      throw new InvalidSettingException(
          "a distance of %d steps (--every, diffuscope.checkpoints.every) needs the policy every,"
                  .formatted(every)
              + " not %s: leave one of them out".formatted(policy.name().toLowerCase(Locale.ROOT)),
          null);
    }
    return policy;
  }

  /** Of the device's time; null: no bound. */
  private @Nullable Double budget() {
    String text = text("checkpoints.budget");
    return text == null ? null : Double.valueOf(Share.of(text));
  }

  private StepScale steps() {
    Long batchSize = number("steps.batch-size");
    if (batchSize != null && batchSize < 1) {
      throw new InvalidSettingException(
          "diffuscope.steps.batch-size (--train-batch-size) is %d: give the images in one update of the training, at least 1"
              .formatted(batchSize),
          null);
    }
    return new StepScale(
        config.getIsNull("steps.unit") ? null : word(StepUnit.class, "steps.unit"),
        batchSize,
        null);
  }

  private Ending ending() {
    return new Ending(
        number("end.final-step"),
        text("end.marker"),
        config.getIsNull("end.idle-timeout") ? null : durations.of("end.idle-timeout"),
        config.getBoolean("end.once"),
        drainTimeout());
  }

  /** What is there once is what was asked for: only who says so lets time decide. */
  private @Nullable Duration drainTimeout() {
    if (!config.getIsNull("end.drain-timeout")) {
      return durations.of("end.drain-timeout");
    }
    return config.getBoolean("end.once") ? null : DRAIN_TIMEOUT;
  }

  private <E extends Enum<E>> E word(Class<E> type, String key) {
    String name = config.getString(key);
    for (E constant : type.getEnumConstants()) {
      if (constant.name().toLowerCase(Locale.ROOT).equals(name)) {
        return constant;
      }
    }
    throw new InvalidSettingException(
        "diffuscope.%s is \"%s\"; known are %s"
            .formatted(
                key,
                name,
                String.join(
                    ", ",
                    Arrays.stream(type.getEnumConstants())
                        .map(constant -> constant.name().toLowerCase(Locale.ROOT))
                        .toList())),
        null);
  }

  private @Nullable Long number(String key) {
    return config.getIsNull(key) ? null : Long.valueOf(config.getLong(key));
  }

  private DetectorSettings detectors() {
    Config early = config.getConfig("flags.early-memorization");
    Config late = config.getConfig("flags.memorization");
    return new DetectorSettings(
        new EarlyMemorizationSettings(
            early.getDouble("alpha"),
            early.getDouble("margin"),
            early.getDouble("decision-z"),
            early.getInt("looks"),
            early.getDouble("clear-level")),
        new MemorizationSettings(
            late.getDouble("threshold"), late.getDouble("clear-level"), late.getInt("looks")),
        new DescentSettings(
            config.getDouble("flags.overfitting.level"),
            config.getDouble("flags.double-descent.level"),
            config.getDouble("flags.least-change")));
  }

  /** Whether a directory of checkpoints is named. */
  boolean hasDirectory() {
    return checked(() -> text("checkpoints.directory")) != null;
  }

  /** The directory of checkpoints. */
  DirectorySettings checkpoints() {
    return checked(
        () -> {
          String directory =
              file("checkpoints.directory", "diffuscope watch DIR", "the checkpoint directory");
          // Objects appear whole, and each listing of a bucket is paid for.
          boolean inBucket = Locations.isElsewhere(directory);
          return DirectorySettings.of(Locations.pathOf(directory))
              .withLayout(layout())
              .withPollInterval(
                  durations.of(inBucket ? "s3.poll-interval" : "checkpoints.poll-interval"))
              .withQuietPeriod(inBucket ? Duration.ZERO : durations.of("checkpoints.quiet-period"))
              .withSettleTimeout(durations.of("checkpoints.settle-timeout"))
              .withEndMarker(text("end.marker"));
        });
  }

  /** How buckets are reached. */
  ObjectStoreSettings objectStore() {
    return checked(
        () -> {
          String endpoint = text("s3.endpoint");
          String authorities = text("s3.ca-file");
          return new ObjectStoreSettings(
              endpoint == null ? null : URI.create(endpoint),
              text("s3.region"),
              config.getIsNull("s3.path-style")
                  ? endpoint != null
                  : config.getBoolean("s3.path-style"),
              authorities == null ? null : Path.of(authorities),
              dataDirectory().resolve("s3"),
              config.getBytes("s3.scratch-bytes"),
              Math.toIntExact(config.getBytes("s3.block-bytes")),
              durations.of("s3.poll-interval"),
              ObjectStoreSettings.DEFAULT_FIRST_DELAY);
        });
  }

  /**
   * The directory of checkpoints; null where none is given and announcements take its place.
   *
   * @throws InvalidSettingException also where announcements alone lack something
   */
  @Nullable DirectorySettings checkpointsUnlessAnnounced() {
    if (text("checkpoints.directory") != null
        || text("checkpoints.runs") != null
        || announceRoots().isEmpty()) {
      return checkpoints();
    }
    if (text("run") == null) {
      throw new InvalidSettingException(
          "announcements alone do not say which run they are of: give --run NAME, or the directory"
              + " to watch",
          null);
    }
    if (webToken().token() == null) {
      throw new InvalidSettingException(
          "announcements need a token: set the environment variable %s, or give --token-file FILE"
              .formatted(WebToken.VARIABLE),
          null);
    }
    if (text("end.marker") != null) {
      throw new InvalidSettingException(
          "diffuscope.end.marker is a file in a directory, and only announcements are taken: give"
              + " the directory to watch, or --final-step or --idle-timeout",
          null);
    }
    if (config.getBoolean("end.once")) {
      throw new InvalidSettingException(
          "diffuscope.end.once evaluates what is in a directory, and only announcements are taken:"
              + " give the directory to watch",
          null);
    }
    return null;
  }

  /** Where checkpoints may be announced, beside the directories that are watched. */
  AnnounceRoots announceRoots() {
    return checked(() -> AnnounceRoots.of(config.getStringList("announce.roots")));
  }

  /** Time between two listings. */
  Duration pollInterval() {
    return checked(() -> durations.of("checkpoints.poll-interval"));
  }

  /** The glob for subdirectories that are runs; null where the directory is the run. */
  @Nullable String runs() {
    String glob = checked(() -> text("checkpoints.runs"));
    if (glob != null) {
      for (String key : List.of("run", "display-name")) {
        if (text(key) != null) {
          throw new InvalidSettingException(
              "diffuscope.%s names one run, and --runs (diffuscope.checkpoints.runs) takes the names of several from their directories: give one of them"
                  .formatted(key),
              null);
        }
      }
    }
    return glob;
  }

  /** The directories of the runs whose names match a glob. */
  RunDirectories runDirectories(String glob) {
    DirectorySettings checkpoints = checkpoints();
    return checked(
        () -> RunDirectories.create(checkpoints.directory(), glob, checkpoints.pollInterval()));
  }

  private LayoutSettings layout() {
    return new LayoutSettings(
        config.getString("checkpoints.layout"),
        text("checkpoints.pattern"),
        weights(),
        Markers.of(config.getString("checkpoints.markers")));
  }

  /** Which copy of the weights is read of a checkpoint that holds several. */
  String weights() {
    return checked(() -> config.getString("checkpoints.weights"));
  }

  /** How checkpoints are held while they are evaluated. */
  HoldSettings holds() {
    return checked(
        () ->
            new HoldSettings(
                word(HoldSettings.Mode.class, "holds.mode"), config.getBytes("holds.max-bytes")));
  }

  WebSettings web() {
    return checked(
        () ->
            new WebSettings(
                config.getString("web.host"), config.getInt("web.port"), webToken().token()));
  }

  /**
   * What is kept of the worst samples; training data is shown to this machine alone unless told.
   */
  EvidenceSettings evidence() {
    EvidenceSettings.Mode unasked =
        web().isLoopback() ? EvidenceSettings.Mode.PICTURES : EvidenceSettings.Mode.DISTANCES;
    return evidence(unasked);
  }

  /** The same, with what is kept where the configuration does not say. */
  EvidenceSettings evidence(EvidenceSettings.Mode unasked) {
    return checked(
        () ->
            new EvidenceSettings(
                config.getIsNull("evidence.mode")
                    ? unasked
                    : word(EvidenceSettings.Mode.class, "evidence.mode"),
                config.getInt("evidence.pairs"),
                config.getInt("evidence.sheets"),
                config.getBytes("evidence.max-bytes")));
  }

  /** The token for announcements. */
  WebToken webToken() {
    String file = text("web.token-file");
    return WebToken.read(text("web.token"), file == null ? null : Path.of(file), System.getenv());
  }

  int threads() {
    int threads = checked(() -> atLeast(0, "device.threads"));
    return threads > 0 ? threads : Runtime.getRuntime().availableProcessors();
  }

  int samplers() {
    return checked(() -> atLeast(1, "device.samplers"));
  }

  Path dataDirectory() {
    return checked(
        () -> {
          String configured = text("data-dir");
          return configured == null ? DataDirectory.standard() : Path.of(configured);
        });
  }

  private int atLeast(int least, String key) {
    int value = config.getInt(key);
    if (value < least) {
      throw new IllegalArgumentException(
          "diffuscope.%s must be at least %d, not %d".formatted(key, least, value));
    }
    return value;
  }

  private @Nullable String text(String key) {
    return config.getIsNull(key) ? null : config.getString(key);
  }

  private static <T> T checked(Supplier<T> reader) {
    try {
      return reader.get();
    } catch (ConfigException | IllegalArgumentException | ArithmeticException e) {
      throw new InvalidSettingException(
          String.format(Locale.ROOT, "invalid setting: %s", e.getMessage()), e);
    }
  }
}
