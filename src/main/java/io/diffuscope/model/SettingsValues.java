package io.diffuscope.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.diffuscope.tensorfile.TensorShape;
import java.util.List;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The keys of {@code diffuscope.json}: what they mean, how they depend on each other. */
record SettingsValues(SettingsObject json) {
  private static final Logger log = LoggerFactory.getLogger(SettingsValues.class);

  /** The submodule whose output the graph returns, too; false or absent: none. */
  private static final String REPRESENTATION = "representation";

  /** Keys that say what the file holds, and cannot be overridden. */
  private static final List<String> RECORDED =
      List.of("format", REPRESENTATION, "state_dict", "exported_with", "torch");

  /** Keys that belong to a preconditioning and mean nothing to another one. */
  private static final List<String> DEPENDENT =
      List.of("timestep_scale", "round_timesteps", "flow_direction", "sigma_min", "sigma_max");

  /**
   * The file's settings with the overrides in their place. What belongs to the file's
   * preconditioning goes with it when another one is given.
   */
  static SettingsValues merged(JsonNode file, ObjectNode overrides) {
    ObjectNode merged = JsonNodeFactory.instance.objectNode();
    file.properties().forEach(entry -> merged.set(entry.getKey(), entry.getValue()));
    if (overrides.hasNonNull("preconditioning")
        && !overrides.get("preconditioning").equals(merged.get("preconditioning"))) {
      merged.remove(DEPENDENT);
      if (!Preconditioning.of(overrides.get("preconditioning").asText()).needsSchedule()) {
        merged.remove("schedule");
      } else if (merged.get("schedule") instanceof ObjectNode schedule) {
        merged.set("schedule", schedule.deepCopy().without("prediction_type"));
      }
    }
    overrides
        .properties()
        .forEach(
            entry -> {
              if (!entry.getValue().isNull()) {
                merged.set(entry.getKey(), entry.getValue());
              }
            });
    SettingsObject settings = new SettingsObject(merged);
    TreeSet<String> unknown = settings.keys();
    NetworkSettings.KEYS.forEach(unknown::remove);
    RECORDED.forEach(unknown::remove);
    if (!unknown.isEmpty()) {
      log.warn(
          "settings {} of the network are not known and ignored; known are {}",
          unknown,
          NetworkSettings.KEYS);
    }
    return new SettingsValues(settings);
  }

  /** Checks each value that is there for itself. */
  void check() {
    if (json.has("preconditioning")) {
      preconditioning();
    }
    if (json.has("flow_direction")) {
      FlowDirection.of(String.valueOf(json.text("flow_direction")));
    }
    json.shape("shape");
    json.integer("classes");
    json.integer("null_label");
    json.truth("round_timesteps");
    for (String key :
        List.of("sigma_data", "guidance", "timestep_scale", "sigma_min", "sigma_max")) {
      json.number(key);
    }
    SettingsObject config = json.object("schedule");
    if (config != null && !isFlow(config)) {
      ScheduleFormula.schedule(config);
    }
  }

  /**
   * The settings.
   *
   * @throws IllegalArgumentException with the missing or wrong key
   */
  NetworkSettings settings() {
    Preconditioning preconditioning = preconditioning();
    TensorShape shape = json.shape("shape");
    if (shape == null) {
      throw new IllegalArgumentException("shape is absent: give the shape of one point");
    }
    NoiseSchedule schedule = schedule(preconditioning);
    return new NetworkSettings(
        preconditioning,
        json.number("sigma_data", .5),
        shape,
        json.integer("classes"),
        json.integer("null_label"),
        json.number("guidance", 1),
        schedule,
        timestepScale(preconditioning),
        roundTimesteps(preconditioning),
        flowDirection(preconditioning),
        range(preconditioning.range(schedule)),
        hasRepresentation());
  }

  private boolean hasRepresentation() {
    String submodule = json.text(REPRESENTATION);
    return submodule != null && !submodule.equals("false");
  }

  private Preconditioning preconditioning() {
    String label = json.text("preconditioning");
    return Preconditioning.of(label == null ? "(absent)" : label);
  }

  private @Nullable NoiseSchedule schedule(Preconditioning preconditioning) {
    SettingsObject config = json.object("schedule");
    if (config == null) {
      return null;
    }
    requireSamePrediction(preconditioning, config);
    if (preconditioning == Preconditioning.FLOW_MATCHING) {
      // Its timesteps are evenly spaced; `shift` and the like choose among them while sampling.
      return null;
    }
    if (!preconditioning.needsSchedule()) {
      throw new IllegalArgumentException(
          "schedule is given, but preconditioning %s has its own: remove one of the two"
              .formatted(preconditioning.label()));
    }
    return ScheduleFormula.schedule(config);
  }

  private static void requireSamePrediction(
      Preconditioning preconditioning, SettingsObject config) {
    String prediction = isFlow(config) ? "flow_prediction" : config.text("prediction_type");
    if (prediction == null) {
      return;
    }
    String implied =
        switch (prediction) {
          case "flow_prediction" -> Preconditioning.FLOW_MATCHING.label();
          case "epsilon", "v_prediction", "sample" -> prediction;
          default ->
              throw new IllegalArgumentException(
                  "prediction_type \"%s\" of the schedule is not known; known are epsilon, v_prediction, sample, flow_prediction"
                      .formatted(prediction));
        };
    if (!implied.equals(preconditioning.label())) {
      throw new IllegalArgumentException(
          "preconditioning %s contradicts the schedule, which belongs to a network trained for %s"
              .formatted(preconditioning.label(), implied));
    }
  }

  private static boolean isFlow(SettingsObject config) {
    String scheduler = config.text("_class_name");
    return (scheduler != null && scheduler.startsWith("FlowMatch"))
        || "flow_prediction".equals(config.text("prediction_type"));
  }

  private double timestepScale(Preconditioning preconditioning) {
    Double given = json.number("timestep_scale");
    if (given == null) {
      SettingsObject config = json.object("schedule");
      return preconditioning == Preconditioning.FLOW_MATCHING && config != null
          ? config.number("num_train_timesteps", 1000)
          : preconditioning.timestepScale();
    }
    if (!preconditioning.scalesTimesteps()) {
      throw new IllegalArgumentException(
          "timestep_scale is given, but preconditioning %s has no timesteps"
              .formatted(preconditioning.label()));
    }
    return given;
  }

  private boolean roundTimesteps(Preconditioning preconditioning) {
    Boolean given = json.truth("round_timesteps");
    if (given == null) {
      return preconditioning.roundsTimesteps();
    }
    if (given && preconditioning.schedule(null) == null && !preconditioning.needsSchedule()) {
      throw new IllegalArgumentException(
          "round_timesteps is set, but preconditioning %s has no discrete timesteps"
              .formatted(preconditioning.label()));
    }
    return given;
  }

  private FlowDirection flowDirection(Preconditioning preconditioning) {
    String given = json.text("flow_direction");
    if (given == null) {
      return FlowDirection.DATA_TO_NOISE;
    }
    if (preconditioning != Preconditioning.FLOW_MATCHING) {
      throw new IllegalArgumentException(
          "flow_direction is given, but preconditioning is %s".formatted(preconditioning.label()));
    }
    return FlowDirection.of(given);
  }

  private SigmaRange range(SigmaRange own) {
    return new SigmaRange(json.number("sigma_min", own.min()), json.number("sigma_max", own.max()));
  }
}
