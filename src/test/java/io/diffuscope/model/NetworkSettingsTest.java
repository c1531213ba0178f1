package io.diffuscope.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.diffuscope.model.NetworkSettings.Overrides;
import io.diffuscope.tensorfile.TensorShape;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NetworkSettingsTest {
  @Test
  void everythingThatAFileMaySay() throws Exception {
    NetworkSettings settings =
        read(
            """
            {"format": 1, "preconditioning": "epsilon", "shape": [4, 32, 32], "classes": 1000,
             "null_label": 1000, "guidance": 4, "timestep_scale": 2, "round_timesteps": true,
             "sigma_min": 0.05, "representation": null, "state_dict": ["a.weight"],
             "exported_with": {"torch": "2.7"},
             "schedule": {"_class_name": "DDIMScheduler", "prediction_type": "epsilon",
                          "steps_offset": 1, "beta_schedule": "linear"}}
            """);
    assertThat(settings.preconditioning()).isEqualTo(Preconditioning.EPSILON);
    assertThat(settings.shape()).isEqualTo(TensorShape.of(4, 32, 32));
    assertThat(settings.classes()).isEqualTo(1000);
    assertThat(settings.nullLabel()).isEqualTo(1000);
    assertThat(settings.guidance()).isEqualTo(4);
    assertThat(settings.timestepScale()).isEqualTo(2);
    assertThat(settings.roundTimesteps()).isTrue();
    assertThat(settings.schedule()).isNotNull();
    assertThat(settings.sigmaRange().min()).isEqualTo(.05);
    assertThat(settings.sigmaRange().max()).isBetween(157.0, 158.0);
  }

  @Test
  void theRangeIsWhatTheNetworkWasTrainedOn() throws Exception {
    assertThat(read("{\"preconditioning\": \"edm\", \"shape\": [2]}").sigmaRange())
        .isEqualTo(SigmaRange.ALL);
    SigmaRange vp = read("{\"preconditioning\": \"vp\", \"shape\": [2]}").sigmaRange();
    assertThat(vp.min()).isBetween(9e-4, 1.1e-3);
    assertThat(vp.max()).isBetween(151.0, 153.0);
    SigmaRange iddpm = read("{\"preconditioning\": \"iddpm\", \"shape\": [2]}").sigmaRange();
    assertThat(iddpm.min()).isBetween(.0064, .0065);
    assertThat(iddpm.max()).isBetween(20_000.0, 21_000.0);
    assertThat(
            read("{\"preconditioning\": \"edm\", \"shape\": [2], \"sigma_max\": 300}").sigmaRange())
        .isEqualTo(new SigmaRange(0, 300));
  }

  @Test
  void aFlowMatchingSchedulerGivesTheScaleOfItsLabelsAndItsShiftOnlyChoosesSteps()
      throws Exception {
    String plain = "{\"preconditioning\": \"flow_matching\", \"shape\": [2]%s}";
    assertThat(read(plain.formatted("")).timestepScale()).isEqualTo(1);
    NetworkSettings shifted =
        read(
            plain.formatted(
                ", \"schedule\": {\"_class_name\": \"FlowMatchEulerDiscreteScheduler\","
                    + " \"num_train_timesteps\": 500, \"shift\": 3}"));
    assertThat(shifted.timestepScale()).isEqualTo(500);
    assertThat(shifted.schedule()).isNull();
    assertThat(shifted.sigmaRange()).isEqualTo(SigmaRange.ALL);
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '\'',
      value = {
        "'\"preconditioning\": \"ddpm\"', 'edm, vp, ve, iddpm, epsilon, v_prediction, sample,"
            + " flow_matching, denoiser'",
        "'\"sigma_data\": 0.5', preconditioning",
        "'\"preconditioning\": \"edm\", \"sigma_data\": 0', sigma_data must be above 0",
        "'\"preconditioning\": \"epsilon\"', needs schedule",
        "'\"preconditioning\": \"v_prediction\", \"schedule\": {\"prediction_type\": \"epsilon\"}',"
            + " contradicts",
        "'\"preconditioning\": \"epsilon\", \"schedule\": {\"_class_name\":"
            + " \"FlowMatchEulerDiscreteScheduler\"}', flow_matching",
        "'\"preconditioning\": \"epsilon\", \"schedule\": {\"prediction_type\": \"score\"}', score",
        "'\"preconditioning\": \"edm\", \"schedule\": {\"beta_schedule\": \"linear\"}', has its"
            + " own",
        "'\"preconditioning\": \"edm\", \"null_label\": 3', without classes",
        "'\"preconditioning\": \"edm\", \"classes\": 0', at least 1",
        "'\"preconditioning\": \"edm\", \"guidance\": 2', class-conditional",
        "'\"preconditioning\": \"edm\", \"classes\": 3, \"guidance\": 2', needs null_label",
        "'\"preconditioning\": \"edm\", \"timestep_scale\": 2', has no timesteps",
        "'\"preconditioning\": \"vp\", \"round_timesteps\": true', no discrete timesteps",
        "'\"preconditioning\": \"vp\", \"flow_direction\": \"data_to_noise\"', flow_direction",
        "'\"preconditioning\": \"flow_matching\", \"flow_direction\": \"up\"', noise_to_data",
        "'\"preconditioning\": \"edm\", \"sigma_min\": 3, \"sigma_max\": 2', sigma_min",
        "'\"preconditioning\": \"edm\", \"shape\": [0]', above 0",
        "'\"preconditioning\": \"edm\", \"shape\": []', at least one element",
        "'\"preconditioning\": \"edm\", \"shape\": null', shape is absent",
      })
  void whatContradictsOrIsMissingIsSaid(String settings, String named) {
    String shape = settings.contains("\"shape\"") ? "" : "\"shape\": [2], ";
    assertThatThrownBy(() -> read("{" + shape + settings + "}"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(named);
  }

  @Test
  void overridesReplaceWhatTheFileSays() throws Exception {
    String file =
        """
        {"preconditioning": "epsilon", "shape": [2], "sigma_max": 7, "timestep_scale": 3,
         "schedule": {"prediction_type": "epsilon", "beta_end": 0.03}}
        """;
    NetworkSettings asWritten = read(file);
    NetworkSettings other = read(file, Map.of("shape", List.of(3), "timestep_scale", 1));
    assertThat(other.shape()).isEqualTo(TensorShape.of(3));
    assertThat(other.timestepScale()).isEqualTo(1);
    assertThat(other.schedule()).isEqualTo(asWritten.schedule());
    // What belongs to the file's preconditioning goes with it; the timesteps stay.
    NetworkSettings v = read(file, Map.of("preconditioning", "v_prediction"));
    assertThat(v.schedule()).isEqualTo(asWritten.schedule());
    assertThat(v.timestepScale()).isEqualTo(1);
    assertThat(v.sigmaRange().max()).isGreaterThan(7);
    NetworkSettings denoiser = read(file, Map.of("preconditioning", "denoiser"));
    assertThat(denoiser.schedule()).isNull();
    assertThat(denoiser.sigmaRange()).isEqualTo(SigmaRange.ALL);
  }

  @Test
  void settingsThatDifferInAnythingHaveDifferentNames() throws Exception {
    String file =
        """
        {"preconditioning": "epsilon", "shape": [2], "classes": 2, "null_label": 2,
         "schedule": {}}
        """;
    List<Map<String, ?>> changes =
        List.of(
            Map.of(),
            Map.of("guidance", 1.5),
            Map.of("null_label", 1),
            Map.of("classes", 3),
            Map.of("schedule", Map.of("beta_end", .0200001)),
            Map.of("timestep_scale", 1.001),
            Map.of("round_timesteps", true),
            Map.of("sigma_min", .02));
    List<String> names = changes.stream().map(change -> read(file, change).toString()).toList();
    assertThat(names).doesNotHaveDuplicates();
  }

  @Test
  void overridesHaveOneTextForOneContentAndRefuseWhatTheyDoNotKnow() {
    assertThat(Overrides.of(Map.of("shape", List.of(3), "guidance", 2, "classes", 1)).json())
        .isEqualTo("{\"classes\":1,\"guidance\":2,\"shape\":[3]}");
    assertThatThrownBy(() -> Overrides.of(Map.of("sigma-data", 1)))
        .hasMessageContaining("sigma-data")
        .hasMessageContaining("sigma_data");
  }

  private static NetworkSettings read(String json) {
    return read(json, Map.of());
  }

  private static NetworkSettings read(String json, Map<String, ?> overrides) {
    try {
      return NetworkSettings.of(new ObjectMapper().readTree(json), Overrides.of(overrides));
    } catch (JsonProcessingException e) {
      throw new AssertionError(e);
    }
  }
}
