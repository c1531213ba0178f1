package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.sampling.GeometrySummary;
import io.diffuscope.sampling.Probe;
import io.diffuscope.sampling.ProbeFiles;
import io.diffuscope.sampling.Reference;
import io.diffuscope.sampling.ReferenceChoice;
import io.diffuscope.signal.Signal;
import io.diffuscope.signal.SignalSchedule;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is not due makes neither work nor estimates. */
class EvaluationPlanTest {
  private static final GeometrySummary GEOMETRY = GeometrySummary.ofPoints(24, 20);
  private static final Checkpoint CHECKPOINT = Checkpoint.ofFile("a", "/run/a", 1L);

  @TempDir private Path folder = Path.of("");
  private Probe probe;

  @BeforeEach
  void open() throws Exception {
    probe = Probe.open(new ProbeFiles(folder).smallSpec());
  }

  @AfterEach
  void close() {
    probe.close();
  }

  @Test
  void withoutASwitchEverythingThatIsPossibleIsMeasured() {
    EvaluationPlan plan = plan(Map.of());
    assertThat(kinds(plan)).containsExactly("DenoisingBlock", "SampleBlock");
    assertThat(names(plan))
        .containsOnly("ProbabilityFlowDistance", "NearestRatio", "AffinityToTrain", "DenoisingGap");
    assertThat(kinds(plan.lossesOnly())).containsExactly("DenoisingBlock");
    assertThat(names(plan.lossesOnly())).containsOnly("DenoisingGap");
  }

  @Test
  void samplesAreDrawnForAnyOneSignalOfThem() {
    Map<String, String> off = Map.of("pfd", "off", "nearest_ratio", "off", "denoising_gap", "off");
    assertThat(kinds(plan(off))).containsExactly("SampleBlock");
    assertThat(names(plan(off))).containsExactly("AffinityToTrain");
    assertThat(plan(off).measuresLosses()).isFalse();
  }

  @Test
  void whereNoSignalIsDueThereIsNoWork() {
    EvaluationPlan plan =
        plan(
            Map.of(
                "pfd", "every 2",
                "nearest_ratio", "every 3",
                "train_affinity", "off",
                "denoising_gap", "every 2"));
    assertThat(names(plan.at(0)))
        .containsOnly("ProbabilityFlowDistance", "NearestRatio", "DenoisingGap");
    assertThat(plan.at(1).units(CHECKPOINT)).isEmpty();
    assertThat(plan.at(1).signals(Map.of())).isEmpty();
    assertThat(names(plan.at(2))).containsOnly("ProbabilityFlowDistance", "DenoisingGap");
    assertThat(names(plan.at(3))).containsExactly("NearestRatio");
    assertThat(kinds(plan.at(3))).containsExactly("SampleBlock");
    assertThat(kinds(plan.at(4).lossesOnly())).containsExactly("DenoisingBlock");
    assertThat(plan.at(5).lossesOnly().units(CHECKPOINT)).isEmpty();
    assertThat(plan.measuresLosses()).as("at some checkpoints").isTrue();
  }

  @Test
  void whatIsSwitchedOnAndCannotBeMeasuredMakesNoWork() {
    EvaluationPlan plan =
        plan(
            Map.of(
                "pfd", "off",
                "nearest_ratio", "off",
                "train_affinity", "off",
                "denoising_gap", "off",
                "authenticity", "on",
                "raw_spikiness", "on"));
    assertThat(plan.units(CHECKPOINT)).isEmpty();
    assertThat(RunNotes.standings(probe, GEOMETRY, plan.schedule()))
        .filteredOn(standing -> standing.entry().signal().equals("authenticity"))
        .allMatch(s -> !s.measured() && s.why().contains("--descriptor"))
        .hasSize(1);
    assertThat(RunNotes.of(probe, GEOMETRY, plan.schedule()))
        .contains(
            "switched off (signals): pfd, nearest_ratio, train_affinity, denoising_gap",
            "early_memorization raises nothing without train_affinity",
            "memorization raises nothing without nearest_ratio");
  }

  @Test
  void withoutWhatComparesWithThemNoReferenceFlowIsSolved() throws Exception {
    assertThat(probe.references()).containsExactly(Reference.TRAIN, Reference.HOLDOUT);
    try (Probe without = Probe.open(probe.spec().withReferences(ReferenceChoice.NONE))) {
      assertThat(without.references()).isEmpty();
      assertThat(without.referencesTooDear()).isEmpty();
      assertThat(without.id()).as("no number moves").isEqualTo(probe.id());
    }
  }

  @Test
  void anEmpiricalFlowTakesTwoProductsACallWithTheWholeSet() {
    // 40 samples, 11 calls of 6 Heun steps, 24 points of 64 elements: 2 x 2 operations each.
    assertThat(probe.operationsOfFlow(Reference.TRAIN)).isEqualTo(40.0 * 11 * 4 * 24 * 64);
  }

  private EvaluationPlan plan(Map<String, String> words) {
    return EvaluationPlan.of(probe, GEOMETRY, 3, SignalSchedule.of(words));
  }

  private static List<String> kinds(EvaluationPlan plan) {
    return plan.units(CHECKPOINT).stream()
        .map(unit -> unit.getClass().getSimpleName())
        .distinct()
        .sorted()
        .toList();
  }

  private static List<String> names(EvaluationPlan plan) {
    return plan.signals(Map.of()).stream().map(Signal::getClass).map(Class::getSimpleName).toList();
  }
}
