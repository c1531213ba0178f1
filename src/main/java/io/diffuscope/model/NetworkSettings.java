package io.diffuscope.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.diffuscope.tensorfile.TensorShape;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * How a network is to be used; travels with the exported graph as {@code diffuscope.json}.
 *
 * @param preconditioning what turns the raw output into a denoiser
 * @param sigmaData standard deviation of the data, for {@link Preconditioning#EDM}
 * @param shape shape of one point, for example {@code [1, 8, 8]}
 * @param classes number of classes of a class-conditional network; null for an unconditional one
 * @param nullLabel the label that stands for "no class", where the network was trained with one
 * @param guidance weight w of classifier-free guidance, {@code D_null + w (D_class - D_null)}; 1
 *     uses the class alone
 * @param schedule the timesteps that the network was trained on; null where its preconditioning
 *     does not need one
 * @param timestepScale the noise label is the timestep (discrete), or the time from 0 to 1 (VP,
 *     flow matching), times this
 * @param roundTimesteps whether the network takes whole timesteps only
 * @param flowDirection where time runs, for {@link Preconditioning#FLOW_MATCHING}
 * @param sigmaRange the noise levels that the network was trained on
 * @param hasRepresentation whether the graph also returns a hidden representation
 */
public record NetworkSettings(
    Preconditioning preconditioning,
    double sigmaData,
    TensorShape shape,
    @Nullable Integer classes,
    @Nullable Integer nullLabel,
    double guidance,
    @Nullable NoiseSchedule schedule,
    double timestepScale,
    boolean roundTimesteps,
    FlowDirection flowDirection,
    SigmaRange sigmaRange,
    boolean hasRepresentation) {
  /** The keys of {@code diffuscope.json} that the configuration can override. */
  public static final List<String> KEYS =
      List.of(
          "preconditioning",
          "sigma_data",
          "shape",
          "classes",
          "null_label",
          "guidance",
          "schedule",
          "timestep_scale",
          "round_timesteps",
          "flow_direction",
          "sigma_min",
          "sigma_max");

  public NetworkSettings {
    require(sigmaData > 0 && Double.isFinite(sigmaData), "sigma_data must be above 0", sigmaData);
    require(
        shape.rank() > 0 && shape.elements() > 0, "shape must name at least one element", shape);
    require(classes == null || classes > 0, "classes must be at least 1", classes);
    require(nullLabel == null || nullLabel >= 0, "null_label must be at least 0", nullLabel);
    require(Double.isFinite(guidance), "guidance must be a finite number", guidance);
    require(
        timestepScale > 0 && Double.isFinite(timestepScale),
        "timestep_scale must be above 0",
        timestepScale);
    if (classes == null && nullLabel != null) {
      throw new IllegalArgumentException(
          "null_label is given without classes: a network without classes takes no label");
    }
    if (guidance != 1 && classes == null) {
      throw new IllegalArgumentException(
          "guidance %s needs a class-conditional network: set classes and null_label, or remove guidance"
              .formatted(guidance));
    }
    if (guidance != 1 && nullLabel == null) {
      throw new IllegalArgumentException(
          "guidance %s needs null_label, the label that the network was trained with for \"no class\""
              .formatted(guidance));
    }
    if (preconditioning.needsSchedule() && schedule == null) {
      throw new IllegalArgumentException(
          "preconditioning %s needs schedule, the content of the trainer's scheduler_config.json, or alphas_cumprod in it"
              .formatted(preconditioning.label()));
    }
  }

  private static void require(boolean holds, String rule, @Nullable Object value) {
    if (!holds) {
      throw new IllegalArgumentException("%s, not %s".formatted(rule, value));
    }
  }

  /**
   * What the user sets by hand: keys of {@code diffuscope.json} with values that replace the
   * file's.
   *
   * @param json an object with some of {@link NetworkSettings#KEYS}, as text, so that it can travel
   */
  public record Overrides(String json) {
    public static final Overrides NONE = new Overrides("{}");

    private static final String WHAT = "network";

    /** Checks the form of every value, each for itself. */
    public Overrides {
      SettingsObject given = new SettingsObject(SettingsObject.parse(json, WHAT));
      TreeSet<String> unknown = given.keys();
      KEYS.forEach(unknown::remove);
      if (!unknown.isEmpty()) {
        throw new IllegalArgumentException(
            "settings %s of the network are not known; known are %s".formatted(unknown, KEYS));
      }
      new SettingsValues(given).check();
    }

    /** Values by key; null values are as good as absent. */
    public static Overrides of(Map<String, ?> values) {
      return new Overrides(SettingsObject.text(values, WHAT));
    }

    ObjectNode parse() {
      return SettingsObject.parse(json, WHAT);
    }
  }

  /**
   * Reads the settings of an exported network.
   *
   * @throws IllegalArgumentException with the missing or wrong key, if they are incomplete
   */
  static NetworkSettings of(JsonNode json, Overrides overrides) {
    return SettingsValues.merged(json, overrides.parse()).settings();
  }
}
