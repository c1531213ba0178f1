package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.diffuscope.publish.RunEvents;
import io.diffuscope.run.RunEvent;
import io.diffuscope.sampling.Reference;
import io.diffuscope.signal.SignalEstimate;
import io.diffuscope.signal.Statistic;
import io.diffuscope.statistics.Estimate;
import java.util.List;
import java.util.Locale;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class EstimateRowsTest {
  private static final SignalEstimate EXACT =
      RunEvents.affinity(Statistic.P_VALUE, Estimate.exact(1.25e-7, 1000));

  @Test
  void aJsonObjectALineHasTheFieldsOfTheContractInOrder() throws Exception {
    String text =
        EstimateRows.format(
            event(100L, RunEvents.pfd(Reference.TRAIN, 3), EXACT, RunEvents.gap(.3, .25)),
            EstimateRows.Format.JSONL);

    List<JsonNode> rows = read(text);
    assertThat(rows).hasSize(3);
    assertThat(rows)
        .allSatisfy(
            row ->
                assertThat(names(row))
                    .containsExactly(
                        "run",
                        "step",
                        "checkpoint",
                        "probe",
                        "signal",
                        "reference",
                        "statistic",
                        "sigma",
                        "value",
                        "standard_error",
                        "lower",
                        "upper",
                        "samples"));
    JsonNode pfd = rows.get(0);
    assertThat(pfd.get("run").asText()).isEqualTo("r");
    assertThat(pfd.get("step").isIntegralNumber()).isTrue();
    assertThat(pfd.get("step").asLong()).isEqualTo(100);
    assertThat(pfd.get("checkpoint").asText()).isEqualTo("/checkpoints/step-100.safetensors");
    assertThat(pfd.get("signal").asText()).isEqualTo("pfd");
    assertThat(pfd.get("reference").asText()).isEqualTo("train");
    assertThat(pfd.get("statistic").asText()).isEqualTo("rms");
    assertThat(pfd.get("sigma").isNull()).isTrue();
    assertThat(pfd.get("value").asDouble()).isEqualTo(3);
    assertThat(pfd.get("lower").asDouble()).isEqualTo(2.5);
    assertThat(pfd.get("samples").asLong()).isEqualTo(1000);
    assertThat(rows.get(2).get("sigma").asDouble()).isEqualTo(.3);
    assertThat(rows.get(2).get("reference").isNull()).isTrue();
  }

  @Test
  void whatDoesNotApplyIsNullAndNoNumberLosesDigits() throws Exception {
    double third = 1.0 / 3;
    SignalEstimate infinite =
        RunEvents.affinity(
            Statistic.Z, new Estimate(third, Double.POSITIVE_INFINITY, Double.NaN, 1, 7));

    List<JsonNode> rows =
        read(EstimateRows.format(event(null, EXACT, infinite), EstimateRows.Format.JSONL));

    assertThat(rows.get(0).get("step").isNull()).isTrue();
    assertThat(rows.get(0).get("value").asDouble()).isEqualTo(1.25e-7);
    assertThat(rows.get(0).get("standard_error").isNull()).isTrue();
    assertThat(rows.get(1).get("value").asDouble()).isEqualTo(third);
    assertThat(rows.get(1).get("standard_error").isNull()).isTrue();
    assertThat(rows.get(1).get("lower").isNull()).isTrue();
  }

  @Test
  void theTableHasOneAlignedRowForEachEstimateInAnyLocale() {
    Locale before = Locale.getDefault();
    try {
      Locale.setDefault(Locale.GERMANY);
      String table =
          EstimateRows.format(
              event(100L, RunEvents.pfd(Reference.TRAIN, 3.14159265), EXACT),
              EstimateRows.Format.TABLE);

      List<String> lines = table.lines().toList();
      assertThat(lines).hasSize(4);
      assertThat(lines.get(0)).isEqualTo("step-100.safetensors, step 100, probe probe-1");
      assertThat(lines.get(2))
          .contains("pfd", "train", "rms", "3.1416", "0.25", "[2.6416, 3.6416]");
      assertThat(lines.get(3)).contains("p_value", "1.2500e-07").doesNotContain("NaN");
      assertThat(lines.subList(1, 4))
          .extracting(String::length)
          .containsOnly(lines.get(1).length());
      double value = Double.parseDouble(lines.get(2).split("\\s+", -1)[4]);
      assertThat(value).isCloseTo(Math.PI, within(1e-4));
    } finally {
      Locale.setDefault(before);
    }
  }

  private static RunEvent.EvaluationCompleted event(
      @Nullable Long step, SignalEstimate... estimates) {
    return (RunEvent.EvaluationCompleted) RunEvents.completed("r", step, true, estimates);
  }

  private static List<JsonNode> read(String lines) throws Exception {
    ObjectMapper mapper = new ObjectMapper();
    List<JsonNode> rows = new java.util.ArrayList<>();
    for (String line : lines.lines().toList()) {
      rows.add(mapper.readTree(line));
    }
    return rows;
  }

  private static List<String> names(JsonNode row) {
    Iterable<String> names = row::fieldNames;
    return StreamSupport.stream(names.spliterator(), false).toList();
  }
}
