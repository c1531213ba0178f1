package io.diffuscope.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class CheckpointScheduleTest {
  @Test
  void stepsGrowByTheRatioAndEndWithTheLast() {
    // 50 * 1.17^k: 50, 58.5, 68.4, 80.1, 93.7, 109.6
    assertThat(CheckpointSchedule.geometric(50, 1.17, 100).steps())
        .containsExactly(50L, 59L, 68L, 80L, 94L, 100L);
    assertThat(CheckpointSchedule.geometric(50, 1.17, 94).steps())
        .containsExactly(50L, 59L, 68L, 80L, 94L);
  }

  @Test
  void theDemoWritesThirtyFourCheckpoints() {
    CheckpointSchedule schedule =
        CheckpointSchedule.geometric(CheckpointSchedule.FIRST, CheckpointSchedule.RATIO, 8000);
    // ln(8000 / 50) / ln 1.17 = 32.3: k = 0, ..., 32 and the last step.
    assertThat(schedule.steps()).hasSize(34).isSorted().doesNotHaveDuplicates();
    assertThat(schedule.last()).isEqualTo(8000);
  }

  @Test
  void aSmallRatioRepeatsNoStep() {
    List<Long> steps = CheckpointSchedule.geometric(1, 1.01, 300).steps();
    assertThat(steps).isSorted().doesNotHaveDuplicates().startsWith(1L, 2L, 3L).endsWith(300L);
  }

  @Test
  void aShortTrainingHasItsLastStepOnly() {
    assertThat(CheckpointSchedule.geometric(50, 1.17, 20).steps()).containsExactly(20L);
  }

  @Test
  void impossibleSchedulesAreRefused() {
    assertThatThrownBy(() -> CheckpointSchedule.geometric(50, 1.0, 100))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> CheckpointSchedule.geometric(50, Double.NaN, 100))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> CheckpointSchedule.geometric(50, 1.17, 0))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void namesSortAsTheirSteps() {
    assertThat(CheckpointSchedule.fileName(50)).isEqualTo("step-000050.safetensors");
    assertThat(CheckpointSchedule.fileName(1_234_567)).isEqualTo("step-1234567.safetensors");
  }
}
