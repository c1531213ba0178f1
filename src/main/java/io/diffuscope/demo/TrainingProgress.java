package io.diffuscope.demo;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.Optional;

/**
 * Where a training stands: one line of JSON on the trainer's standard output about once a second.
 *
 * @param step steps done
 * @param steps steps that the training will take
 * @param loss smoothed training loss per element, see {@link DenoiserTraining#loss()}
 * @param stepsPerSecond since the line before
 */
public record TrainingProgress(
    @JsonProperty("step") long step,
    @JsonProperty("steps") long steps,
    @JsonProperty("loss") double loss,
    @JsonProperty("steps_per_second") double stepsPerSecond) {
  private static final JsonMapper JSON = new JsonMapper();

  /** One line, without its end. */
  String toLine() {
    try {
      return JSON.writeValueAsString(this);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The progress that a line of the trainer tells; empty for any other line. */
  static Optional<TrainingProgress> parse(String line) {
    if (!line.startsWith("{")) {
      return Optional.empty();
    }
    try {
      return Optional.of(JSON.readValue(line, TrainingProgress.class));
    } catch (JsonProcessingException e) {
      return Optional.empty();
    }
  }
}
