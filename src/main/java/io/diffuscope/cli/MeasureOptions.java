package io.diffuscope.cli;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigValueFactory;
import io.diffuscope.cli.SettingsReader.InvalidSettingException;
import io.diffuscope.config.Configuration;
import io.diffuscope.signal.SignalSchedule;
import io.diffuscope.tensorfile.BadInputException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options of every command that measures checkpoints; each overrides one configuration key. */
final class MeasureOptions {
  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "HOCON file; every key and its default is in reference.conf.")
  private @Nullable Path config;

  @Option(
      names = "--template",
      paramLabel = "NET.pt",
      description = "The network's graph: a TorchScript file, exported once.")
  private @Nullable String template;

  @Option(
      names = "--decoder",
      paramLabel = "DEC.pt",
      description =
          "TorchScript decoder of a latent model: points are compared decoded, not as latents.")
  private @Nullable String decoder;

  @Option(
      names = "--descriptor",
      paramLabel = "DESC.pt",
      description =
          "TorchScript descriptor of images, such as SSCD: switches on gl (samples that are no"
              + " copies) and rp (same image from the same noise).")
  private @Nullable String descriptor;

  @Option(
      names = "--descriptor-preset",
      paramLabel = "NAME",
      description =
          "What the descriptor wants done with images: sscd_disc_mixup, sscd_disc_large, dinov2 or"
              + " inception (default: what the file says, else diffuscope.descriptor).")
  private @Nullable String descriptorPreset;

  @Option(
      names = "--signals",
      paramLabel = "SIGNAL=WORD[,...]",
      description =
          "Switch signals: on, off, or 'every K' for every K-th checkpoint that is sampled, such as"
              + " 'spikiness=off,rp=every 5'; may be given several times. 'diffuscope signals'"
              + " lists them.")
  private List<String> signals = List.of();

  @Option(
      names = "--guidance",
      paramLabel = "W",
      description =
          "Weight of classifier-free guidance for a class-conditional network (default: what the"
              + " template says, else 1, the class alone).")
  private @Nullable Double guidance;

  @Option(
      names = "--train",
      paramLabel = "FILE",
      description =
          "Training set: .npy, .npz (FILE:NAME) or .safetensors, [N, ...shape], the folder that"
              + " export_data wrote, or a folder or .zip of PNG and JPEG images of the model's"
              + " size.")
  private @Nullable String train;

  @Option(
      names = "--train-labels",
      paramLabel = "FILE",
      description =
          "Classes of the training points, integers [N], where they do not lie beside the points as"
              + " an array \"labels\". For class-conditional networks.")
  private @Nullable String trainLabels;

  @Option(
      names = "--holdout",
      paramLabel = "FILE",
      description =
          "Hold-out set drawn like the training set. Without it the early warning and the flags are"
              + " off.")
  private @Nullable String holdout;

  @Option(
      names = "--holdout-labels",
      paramLabel = "FILE",
      description = "Classes of the hold-out points, as for the training set.")
  private @Nullable String holdoutLabels;

  @Option(
      names = "--augment",
      paramLabel = "HOW",
      description =
          "How training varied its images: none or hflip (mirrored at random). Neighbours are then"
              + " looked for among mirror images, too: a mirrored copy is a copy (default none).")
  private @Nullable String augment;

  @Option(
      names = "--search",
      paramLabel = "HOW",
      description =
          "How samples' nearest points are looked for in sets of 1,000 points or more: exact, or"
              + " approximate (an index is built once; what it misses is measured and shown, see"
              + " recall_1 and recall_2 of nearest_ratio; for sets too large to go through for each"
              + " checkpoint; default exact).")
  private @Nullable String search;

  @Option(
      names = "--train-groups",
      paramLabel = "FILE",
      description =
          "Groups of the training points, integers [N], where the sets were split by patient, video"
              + " or writer and not point by point. Needs --holdout-groups, too.")
  private @Nullable String trainGroups;

  @Option(
      names = "--holdout-groups",
      paramLabel = "FILE",
      description = "Groups of the hold-out points; equal integers are the same group.")
  private @Nullable String holdoutGroups;

  @Option(
      names = "--teacher",
      paramLabel = "FILE",
      description =
          "The distribution behind the training set, where known: a mixture (.npz) or a network"
              + " (.pt).")
  private @Nullable String teacher;

  @Option(
      names = "--noise",
      paramLabel = "FILE",
      description = "Standard normal noise, one row a sample, in place of --seed.")
  private @Nullable String noise;

  @Option(
      names = "--seed",
      paramLabel = "S",
      description = "Seed of the noise bank (default 0). Runs that share it compare in pairs.")
  private @Nullable Long seed;

  @Option(
      names = "--samples",
      paramLabel = "M",
      description = "Samples of each checkpoint (default: all of --noise, or 1000).")
  private @Nullable Integer samples;

  @Option(
      names = "--ode-steps",
      paramLabel = "K",
      description = "Heun steps of the probability flow (default 18).")
  private @Nullable Integer odeSteps;

  @Option(
      names = "--batch-size",
      paramLabel = "B",
      description = "Rows in one block, up to 768 (default 512).")
  private @Nullable Integer batchSize;

  @Option(
      names = "--weights",
      paramLabel = "WHICH",
      description =
          "Copy of the weights where a checkpoint has several: auto (averaged ones first), ema,"
              + " raw, a name such as unet or 0.100, or a key path inside the file (default auto).")
  private @Nullable String weights;

  @Option(
      names = "--run",
      paramLabel = "NAME",
      description = "Id of the run (default: the directory's name).")
  private @Nullable String run;

  @Option(
      names = "--data-dir",
      paramLabel = "DIR",
      description = "State and caches (default: $XDG_STATE_HOME/diffuscope).")
  private @Nullable Path dataDirectory;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "CPU threads of one tensor operation (default: one for every core).")
  private @Nullable Integer threads;

  /** The configuration with these options, and some more keys, on top. */
  Config load(Map<String, ?> more) throws BadInputException {
    Map<String, Object> overrides = new HashMap<>(more);
    put(overrides, "template", template);
    put(overrides, "decoder", decoder);
    put(overrides, "descriptor.file", descriptor);
    put(overrides, "descriptor.preset", descriptorPreset);
    addSignals(overrides);
    put(overrides, "network.guidance", guidance);
    put(overrides, "train", train);
    put(overrides, "train-labels", trainLabels);
    put(overrides, "holdout", holdout);
    put(overrides, "holdout-labels", holdoutLabels);
    put(overrides, "neighbours.augment", augment);
    put(overrides, "neighbours.search", search);
    put(overrides, "train-groups", trainGroups);
    put(overrides, "holdout-groups", holdoutGroups);
    put(overrides, "teacher", teacher);
    put(overrides, "noise", noise);
    put(overrides, "seed", seed);
    put(overrides, "samples", samples);
    put(overrides, "ode.steps", odeSteps);
    put(overrides, "batch-size", batchSize);
    put(overrides, "checkpoints.weights", weights);
    put(overrides, "run", run);
    put(overrides, "data-dir", dataDirectory == null ? null : dataDirectory.toString());
    put(overrides, "device.threads", threads);
    return Configuration.load(config, overrides);
  }

  private void addSignals(Map<String, Object> overrides) {
    for (String switches : signals) {
      try {
        SignalSchedule.words(switches)
            .forEach((signal, word) -> put(overrides, "signals." + signal, word));
      } catch (IllegalArgumentException e) {
        throw new InvalidSettingException("--signals: " + e.getMessage(), e);
      }
    }
  }

  /** Sets a key to null, whatever a file says. */
  static void unset(Map<String, Object> overrides, String key) {
    overrides.put("diffuscope." + key, ConfigValueFactory.fromAnyRef(null));
  }

  static void put(Map<String, Object> overrides, String key, @Nullable Object value) {
    if (value != null) {
      overrides.put("diffuscope." + key, value);
    }
  }
}
