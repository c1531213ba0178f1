package io.diffuscope.publish;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.checkpoint.StepUnit;
import io.diffuscope.detect.Flag;
import java.util.List;
import org.junit.jupiter.api.Test;

class HistorySummaryTest {
  @Test
  void tellsHowFarARunWasAndWhichFlagsAreRaised() {
    HistorySummary summary =
        HistorySummary.of(
            List.of(
                RunEvents.started("r"),
                RunEvents.found("r", 10L),
                RunEvents.completed("r", 10L, true),
                RunEvents.flag("r", Flag.EARLY_MEMORIZATION, true, 10),
                RunEvents.completed("r", 20L, true),
                RunEvents.flag("r", Flag.MEMORIZATION, true, 20),
                RunEvents.flag("r", Flag.EARLY_MEMORIZATION, false, 20),
                RunEvents.completed("r", null, false)));
    assertThat(summary).isEqualTo(new HistorySummary(3, 0, 20L, List.of("memorization (step 20)")));
    assertThat(summary.sentence(StepUnit.UPDATES))
        .startsWith(
            "goes on: 3 checkpoints evaluated before, last step 20; flags raised: memorization"
                + " (step 20);");
  }

  @Test
  void aRunThatSawNothingSaysSo() {
    assertThat(HistorySummary.of(List.of(RunEvents.found("r", 1L))).sentence(StepUnit.UPDATES))
        .startsWith(
            "goes on: 0 checkpoints evaluated before; 1 found before waits; flags raised: none;");
  }

  @Test
  void tellsHowManyWaitAlsoOneWhoseEvaluationWasInterrupted() {
    HistorySummary summary =
        HistorySummary.of(
            List.of(
                RunEvents.found("r", 1L),
                RunEvents.found("r", 2L),
                RunEvents.found("r", 3L),
                RunEvents.evaluating("r", 1L),
                RunEvents.completed("r", 1L, true),
                RunEvents.evaluating("r", 2L)));
    assertThat(summary.sentence(StepUnit.UPDATES))
        .startsWith("goes on: 1 checkpoint evaluated before, last step 1; 2 found before wait; ");
  }

  @Test
  void stepsHaveTheRunsUnit() {
    HistorySummary summary = new HistorySummary(2, 0, 2500L, List.of("memorization (step 2500)"));

    assertThat(summary.sentence(StepUnit.KIMG))
        .contains("last kimg 2500", "memorization (kimg 2500)")
        .doesNotContain("step");
  }
}
