package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * {@code evaluate} against a computation that shares nothing with it but the files: {@code
 * src/test/python/cross_check.py}, whose output is committed and which runs once more where Python
 * has PyTorch.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "the launcher is a POSIX shell script")
class EvaluateCrossCheckIT {
  private static final double TOLERANCE = 1e-3;
  private static final String PYTHON = "/usr/bin/python3";
  private static final String SCRIPT = "src/test/python/cross_check.py";
  private static final ObjectMapper JSON = new ObjectMapper();

  /** The contract, in this order. */
  private static final List<String> FIELDS =
      List.of(
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
          "samples");

  private static final Set<String> STATISTICS =
      Set.of(
          "rms",
          "mean",
          "mean_square",
          "max_pair_share",
          "change",
          "same_point",
          "ruler",
          "share",
          "share_half",
          "share_quarter",
          "control",
          "excess",
          "excess_decision_lower",
          "excess_decision_upper",
          "p_value",
          "z",
          "effective_neighbours",
          "gap",
          "train_loss",
          "holdout_loss",
          "kernel_distance",
          "precision",
          "density",
          "coverage");

  /** What is measured. */
  private enum Case {
    /** Every signal; the teacher is a mixture with unequal weights, variances and residuals. */
    SETS("--holdout holdout.npy --teacher mixture.npz", 200),
    /** Another grid, no hold-out set, the mixture fitted to the digits. */
    TEACHER("--teacher digits-mixture.npz --ode-steps 10", 200),
    /** Samples that leave some hold-out points uncovered, in blocks of which the last is small. */
    FEW("--holdout holdout.npy --samples 40 --batch-size 16", 40);

    private final String options;
    private final int samples;

    Case(String options, int samples) {
      this.options = options;
      this.samples = samples;
    }

    String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** What tells an estimate from all others of a checkpoint. */
  private record Key(String signal, String reference, String statistic, String sigma) {
    static Key of(JsonNode row) {
      return new Key(
          row.get("signal").asText(),
          row.get("reference").asText(),
          row.get("statistic").asText(),
          row.get("sigma").asText());
    }

    /** Counts of samples: one on the boundary may fall to either side. */
    boolean isShareOfSamples() {
      return (signal.equals("nearest_ratio") && !statistic.equals("control"))
          || statistic.equals("same_point");
    }
  }

  private CrossCheckFiles files = new CrossCheckFiles(Path.of(""));
  private final Map<Case, Outcome> outcomes = new EnumMap<>(Case.class);

  @BeforeAll
  void evaluate(@TempDir Path folder) throws Exception {
    files = CrossCheckFiles.unpack(folder);
    for (Case each : Case.values()) {
      List<String> arguments = new ArrayList<>(List.of("evaluate"));
      arguments.addAll(commonArguments(each));
      arguments.addAll(
          List.of("--format", "jsonl", "--data-dir", files.path("state"), "--run", "cross-check"));
      outcomes.put(each, Outcome.ofLauncher(arguments.toArray(String[]::new)));
    }
  }

  private List<String> commonArguments(Case which) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                files.checkpoint().toString(),
                "--template",
                files.template(),
                "--train",
                files.train(),
                "--noise",
                files.noise()));
    for (String option : which.options.split(" ", -1)) {
      arguments.add(option.contains(".") ? files.path(option) : option);
    }
    return arguments;
  }

  private Outcome outcome(Case which) {
    return Objects.requireNonNull(outcomes.get(which));
  }

  private List<JsonNode> rows(Case which) throws IOException {
    List<JsonNode> rows = new ArrayList<>();
    for (String line : outcome(which).output().lines().toList()) {
      rows.add(JSON.readTree(line));
    }
    return rows;
  }

  @ParameterizedTest
  @EnumSource
  void agreesWithTheComputationOutsideJava(Case which) throws Exception {
    assertThat(outcome(which).exit()).as(outcome(which).errors()).isZero();

    compare(which, CrossCheckFiles.expected(which.label()));
  }

  @ParameterizedTest
  @EnumSource
  void agreesWithTheComputationOutsideJavaRunNow(Case which) throws Exception {
    boolean there =
        Path.of(PYTHON).toFile().canExecute()
            && Outcome.ofProcess(List.of(PYTHON, "-c", "import numpy, torch")).exit() == 0;
    if (System.getenv("CI") != null) {
      assertThat(there).as("PyTorch for %s, which .ci/run installs", PYTHON).isTrue();
    }
    assumeTrue(there, "no PyTorch for " + PYTHON + ": the committed output stands in for it");
    List<String> command = new ArrayList<>(List.of(PYTHON, SCRIPT));
    command.addAll(commonArguments(which));

    Outcome python = Outcome.ofProcess(command);

    assertThat(python.exit()).as(python.errors()).isZero();
    compare(which, JSON.readTree(python.output()));
  }

  private void compare(Case which, JsonNode computed) throws IOException {
    Map<Key, JsonNode> expected = byKey(computed.get("estimates"));
    Map<Key, JsonNode> actual = byKey(rows(which));
    assertThat(actual.keySet()).containsExactlyInAnyOrderElementsOf(expected.keySet());
    expected.forEach(
        (key, estimate) -> {
          JsonNode row = Objects.requireNonNull(actual.get(key));
          if (key.statistic().equals("p_value")) {
            // Both are Monte-Carlo values; below its resolution the script only says "small".
            assertThat(Math.log10(row.get("value").asDouble()))
                .as("%s", key)
                .isLessThan(Math.log10(estimate.get("value").asDouble()) + 0.5);
            return;
          }
          for (String field : List.of("value", "standard_error", "lower", "upper")) {
            if (estimate.has(field)) {
              double theirs = estimate.get(field).asDouble();
              double allowed = TOLERANCE * Math.abs(theirs);
              if (key.isShareOfSamples()) {
                allowed = Math.max(allowed, 1.001 / which.samples);
              }
              assertThat(row.get(field).asDouble())
                  .as("%s of %s", field, key)
                  .isCloseTo(theirs, within(Math.max(allowed, 1e-12)));
            }
          }
        });
  }

  private static Map<Key, JsonNode> byKey(Iterable<JsonNode> rows) {
    Map<Key, JsonNode> map = new LinkedHashMap<>();
    rows.forEach(
        row -> assertThat(map.put(Key.of(row), row)).as("a second %s", Key.of(row)).isNull());
    return map;
  }

  /** Without this, agreement could mean that nothing happened. */
  @Test
  void theFixturesMoveEveryNumber() throws Exception {
    Map<Key, JsonNode> actual = byKey(rows(Case.SETS));

    double copies = value(actual, "nearest_ratio", "train", "share");
    assertThat(copies).isBetween(0.1, 0.9);
    assertThat(value(actual, "nearest_ratio", "train", "share_half")).isGreaterThan(copies);
    assertThat(value(actual, "nearest_ratio", "train", "share_quarter")).isLessThan(copies);
    assertThat(value(actual, "pfd", "train", "same_point")).isBetween(0.1, 0.9);
    assertThat(value(actual, "train_affinity", "null", "share")).isBetween(0.6, 0.999);
    assertThat(outcome(Case.SETS).errors())
        .contains("duplicates within the training set: 4 of its")
        .contains("duplicates across the sets: 1 hold-out points");
  }

  /** Many samples cover every hold-out point, and few lie within a ball each. */
  @Test
  void theFixturesMoveFidelity() throws Exception {
    Map<Key, JsonNode> many = byKey(rows(Case.SETS));
    Map<Key, JsonNode> few = byKey(rows(Case.FEW));

    assertThat(value(many, "fidelity", "holdout", "precision")).isBetween(0.5, 0.99);
    assertThat(value(few, "fidelity", "holdout", "coverage")).isBetween(0.2, 0.9);
    assertThat(value(many, "fidelity", "holdout", "density")).isBetween(0.5, 2.0);
  }

  private static double value(
      Map<Key, JsonNode> rows, String signal, String reference, String statistic) {
    JsonNode row = rows.get(new Key(signal, reference, statistic, "null"));
    return Objects.requireNonNull(row, statistic).get("value").asDouble();
  }

  @ParameterizedTest
  @EnumSource
  void everyLineIsOfTheForm(Case which) throws Exception {
    List<JsonNode> rows = rows(which);

    assertThat(rows).isNotEmpty();
    assertThat(rows.stream().map(row -> row.get("probe").asText()).distinct()).hasSize(1);
    for (JsonNode row : rows) {
      String text = row.toString();
      List<String> fields = new ArrayList<>();
      row.fieldNames().forEachRemaining(fields::add);
      assertThat(fields).isEqualTo(FIELDS);
      assertThat(row.get("run").asText()).isEqualTo("cross-check");
      assertThat(row.get("step").isIntegralNumber()).as(text).isTrue();
      assertThat(row.get("step").asLong()).isEqualTo(10_000);
      assertThat(row.get("checkpoint").asText()).isEqualTo(files.checkpoint().toString());
      assertThat(row.get("probe").asText()).matches("[0-9a-f]{16}");
      assertThat(row.get("signal").asText())
          .isIn("pfd", "nearest_ratio", "train_affinity", "denoising_gap", "fidelity");
      assertThat(row.get("statistic").asText()).isIn(STATISTICS);
      boolean perLevel = row.get("signal").asText().equals("denoising_gap");
      assertThat(row.get("sigma").getNodeType())
          .as(text)
          .isEqualTo(perLevel ? JsonNodeType.NUMBER : JsonNodeType.NULL);
      boolean hasReference =
          Set.of("pfd", "nearest_ratio", "fidelity").contains(row.get("signal").asText());
      assertThat(row.get("reference").isNull()).as(text).isEqualTo(!hasReference);
      if (hasReference) {
        assertThat(row.get("reference").asText()).isIn("train", "holdout", "teacher");
      }
      assertThat(row.get("value").isNumber()).as(text).isTrue();
      boolean exact = row.get("standard_error").isNull();
      assertThat(List.of(row.get("lower").isNull(), row.get("upper").isNull()))
          .as(text)
          .containsOnly(exact);
      if (!exact) {
        double value = row.get("value").asDouble();
        assertThat(row.get("lower").asDouble()).as(text).isLessThanOrEqualTo(value);
        assertThat(row.get("upper").asDouble()).as(text).isGreaterThanOrEqualTo(value);
      }
      assertThat(row.get("samples").isIntegralNumber()).as(text).isTrue();
    }
    assertThat(rows.stream().filter(row -> row.get("signal").asText().equals("pfd")))
        .allMatch(row -> row.get("samples").asInt() == which.samples);
  }

  @Test
  void numbersOnlyOnStandardOutputAndNotesBesideThem() {
    assertThat(outcome(Case.TEACHER).output().lines()).allMatch(line -> line.startsWith("{"));
    assertThat(outcome(Case.TEACHER).errors()).contains("no hold-out set");
  }
}
