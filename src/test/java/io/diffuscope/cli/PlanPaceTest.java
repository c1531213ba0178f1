package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.diffuscope.cli.PlanPace.PlanSettling;
import io.diffuscope.run.Pace;
import io.diffuscope.sampling.EvaluationCost;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What a plan says of the pace must not contradict itself, whatever the policy and the training.
 */
class PlanPaceTest {
  private static final EvaluationCost COST = EvaluationCost.ofDevice(0.2, 4, 0.2);

  record Case(Pace pace, int interval) {}

  static List<Case> combinations() {
    List<Case> cases = new ArrayList<>();
    for (Pace.Policy policy : Pace.Policy.values()) {
      for (Double budget : new @Nullable Double[] {null, 0.1, 0.5}) {
        for (int interval : new int[] {2, 30, 3600}) {
          cases.add(
              new Case(new Pace(policy, 5, 1000, budget == null ? 1.15 : 1, budget), interval));
        }
      }
    }
    return cases;
  }

  @ParameterizedTest
  @MethodSource("combinations")
  void everyLineAgreesWithTheOthers(Case c) throws Exception {
    PlanReport report = report(c.pace, c.interval);
    JsonNode pace = new ObjectMapper().readTree(report.format(PlanReport.Format.JSON)).get("pace");
    String text = own(report);
    String verdict = line(text, "keeps up");
    Double budget = c.pace.budget();
    boolean keepsUp = pace.get("keeps_up").asBoolean();
    boolean latest = c.pace.policy() == Pace.Policy.LATEST;

    assertThat(verdict).startsWith(keepsUp ? "yes" : "no");
    assertThat(line(text, "expected lag").contains("longer after")).isEqualTo(!keepsUp);
    if (budget != null) {
      assertThat(pace.get("device_in_use").asDouble()).isLessThanOrEqualTo(budget + 1e-9);
      assertThat(verdict).doesNotContain("--sampling-growth");
    } else {
      assertThat(verdict).doesNotContain("--budget");
    }
    if (latest) {
      assertThat(keepsUp).isTrue();
      assertThat(verdict).doesNotContain("--policy");
      // The one that waits is replaced by the next, so it waits no longer than for that.
      assertThat(pace.get("waiting_and_evaluation").asDouble())
          .isLessThanOrEqualTo(
              budget == null ? 2 * COST.sampled() : c.interval + COST.sampled() + 1e-9);
    }
    assertThat(pace.has("lag_of_the_last_one")).isEqualTo(latest && budget != null);
    int sum = 0;
    for (JsonNode part : pace.get("of_the_next_100_checkpoints")) {
      sum += part.asInt();
    }
    assertThat(sum).isEqualTo(100);
  }

  /** An evaluation of 4.4 s at 10 % comes every 44 s. */
  @Test
  void aBudgetIsKeptAlsoInAShortTraining() throws Exception {
    String text = own(report(new Pace(Pace.Policy.LATEST, 1, 1000, 1, 0.1), 2));

    assertThat(line(text, "policy")).contains("latest", "within 10.0 %");
    assertThat(line(text, "device in use")).startsWith("10.0 %");
    assertThat(line(text, "waiting and evaluation"))
        .startsWith("4.40 s, at most")
        .contains("found, as diffuscope_lag_seconds counts");
    assertThat(line(text, "lag of the last one")).startsWith("44.0 s, at most");
  }

  @Test
  void whatHelpsIsNotWhatIsGivenAlready() throws Exception {
    assertThat(line(own(report(new Pace(Pace.Policy.ALL, 1, 1000, 1, 0.1), 2)), "keeps up"))
        .contains("22.0 times the time there is within the budget", "larger --budget");
    assertThat(line(own(report(new Pace(Pace.Policy.EVERY, 2, 1000, 1.15, null), 2)), "keeps up"))
        .startsWith("yes");
    assertThat(line(own(report(new Pace(Pace.Policy.EVERY, 2, 1000, 1, null), 1)), "keeps up"))
        .contains("larger --every", "larger --sampling-growth");
  }

  private static PlanReport report(Pace pace, int interval) {
    PlanReport report = new PlanReport();
    new PlanPace(report, pace, null, COST, new PlanSettling(null, 0))
        .add(FoundRuns.NONE, Duration.ofSeconds(interval));
    return report;
  }

  /** The section on what was asked for. */
  private static String own(PlanReport report) {
    return report.format(PlanReport.Format.TEXT).split("\n\n", 2)[0];
  }

  private static String line(String text, String name) {
    return text.lines()
        .map(String::strip)
        .filter(line -> line.startsWith(name + "  "))
        .map(line -> line.substring(name.length()).strip())
        .findFirst()
        .orElseThrow();
  }
}
