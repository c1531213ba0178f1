package io.diffuscope.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.InputStream;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class NoiseScheduleTest {
  static Stream<JsonNode> diffusers() throws Exception {
    try (InputStream in =
        Objects.requireNonNull(
            NoiseScheduleTest.class.getResourceAsStream("schedules-diffusers.json"))) {
      JsonNode schedules = new ObjectMapper().readTree(in).get("schedules");
      return StreamSupport.stream(schedules.spliterator(), false);
    }
  }

  /**
   * Diffusers computes in float32. Each factor of abar may be off by 2^-24, which counts most where
   * 1 - abar is small; rescaling subtracts roots, which counts most where they are small.
   */
  @ParameterizedTest
  @MethodSource("diffusers")
  void noiseLevelsAreThoseOfDiffusersScheduler(JsonNode example) {
    NoiseSchedule schedule = ScheduleFormula.schedule(new SettingsObject(example.get("schedule")));

    int count = example.get("timesteps").asInt();
    boolean terminal = example.get("schedule").path("rescale_betas_zero_snr").asBoolean();
    assertThat(schedule.sigmas()).hasSize(terminal ? count - 1 : count);
    JsonNode levels = example.get("sigmas");
    assertThat(levels.size()).isGreaterThan(3);
    levels
        .properties()
        .forEach(
            level -> {
              int timestep = Integer.parseInt(level.getKey());
              double expected = level.getValue().asDouble();
              double rounding =
                  0x1p-24 * (timestep + 2) * (1 + 1 / (expected * expected))
                      // A factor of 1 - 0.999 has lost three more digits.
                      + (expected > 200 ? 0x1p-24 / .001 : 0)
                      + (terminal ? 0x1p-22 * expected : 0);
              assertThat(schedule.sigmas().get(timestep))
                  .as("timestep %d", timestep)
                  .isCloseTo(expected, within(rounding * expected));
            });
  }

  @Test
  void timestepsBetweenTwoAreLinearInTheLogarithmAndGoBackAndForth() throws Exception {
    NoiseSchedule schedule = schedule("{\"sigmas\": [0.1, 1, 100]}");
    assertThat(schedule.timestep(.1)).isZero();
    assertThat(schedule.timestep(1)).isEqualTo(1);
    assertThat(schedule.timestep(100)).isEqualTo(2);
    assertThat(schedule.timestep(10)).isCloseTo(1.5, within(1e-12));
    assertThat(schedule.timestep(Math.pow(10, -.25))).isCloseTo(.75, within(1e-12));
    assertThat(schedule.timestep(.01)).isZero();
    assertThat(schedule.timestep(1e4)).isEqualTo(2);

    NoiseSchedule linear = schedule("{}");
    for (int t = 0; t < 1000; t++) {
      assertThat(linear.timestep(linear.sigmas().get(t))).isEqualTo(t);
      if (t > 0) {
        double between = Math.sqrt(linear.sigmas().get(t - 1) * linear.sigmas().get(t));
        assertThat(linear.timestep(between)).isCloseTo(t - .5, within(1e-9));
      }
    }
  }

  @Test
  void theNearestTimestepIsTheOneWithTheLeastDifference() throws Exception {
    NoiseSchedule schedule = schedule("{\"sigmas\": [0.1, 1, 100]}");
    assertThat(schedule.nearestTimestep(.01)).isZero();
    assertThat(schedule.nearestTimestep(.54)).isZero();
    assertThat(schedule.nearestTimestep(.56)).isEqualTo(1);
    assertThat(schedule.nearestTimestep(50)).isEqualTo(1);
    assertThat(schedule.nearestTimestep(51)).isEqualTo(2);
    assertThat(schedule.nearestTimestep(1e9)).isEqualTo(2);
  }

  @Test
  void numbersTakeThePlaceOfAFormula() throws Exception {
    assertThat(schedule("{\"alphas_cumprod\": [0.9, 0.5, 0.1, 0]}").sigmas())
        .usingComparatorForType((a, b) -> Math.abs(a - b) < 1e-12 ? 0 : 1, Double.class)
        .isEqualTo(List.of(1 / 3.0, 1.0, 3.0));
    assertThat(schedule("{\"betas\": [0.1, 0.2]}"))
        .isEqualTo(schedule("{\"trained_betas\": [0.1, 0.2], \"beta_schedule\": \"linear\"}"));
    assertThat(schedule("{\"sigmas\": [0.1, 1, 100]}").range()).isEqualTo(new SigmaRange(.1, 100));
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '\'',
      value = {
        "'{\"beta_schedule\": \"sigmoid\"}', 'linear, scaled_linear, squaredcos_cap_v2'",
        "'{\"sigmas\": [3, 2, 1]}', timestep 0 first",
        "'{\"sigmas\": [3]}', at least 2",
        "'{\"sigmas\": 3}', sigmas must be a list",
        "'{\"sigmas\": [1, \"x\"]}', sigmas must be a number",
        "'{\"sigmas\": [1, 2], \"betas\": [0.1]}', betas and sigmas",
        "'{\"alphas_cumprod\": [1.5, 0.5]}', between 0 and 1",
        "'{\"alphas_cumprod\": [0.9, 0, 0.5]}', rise with the timestep",
        "'{\"betas\": [0.1, -0.1]}', timestep 1 has -0.1",
        "'{\"num_train_timesteps\": 1}', num_train_timesteps",
        "'{\"num_train_timesteps\": 1e12}', num_train_timesteps",
        "'{\"beta_start\": \"a\"}', beta_start must be a number",
      })
  void whatIsNoScheduleIsRefused(String json, String named) {
    assertThatThrownBy(() -> schedule(json))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(named);
  }

  private static NoiseSchedule schedule(String json) throws JsonProcessingException {
    return ScheduleFormula.schedule(new SettingsObject(new ObjectMapper().readTree(json)));
  }
}
