package io.diffuscope.demo;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class TrainingProgressTest {
  @Test
  void aLineIsReadBack() {
    TrainingProgress progress = new TrainingProgress(440, 8000, 0.625, 301.5);
    assertThat(progress.toLine())
        .isEqualTo("{\"step\":440,\"steps\":8000,\"loss\":0.625,\"steps_per_second\":301.5}");
    assertThat(TrainingProgress.parse(progress.toLine())).contains(progress);
  }

  @Test
  void otherLinesAreNotProgress() {
    assertThat(TrainingProgress.parse("WARN something")).isEmpty();
    assertThat(TrainingProgress.parse("{\"step\":")).isEmpty();
    assertThat(TrainingProgress.parse("{\"unknown\":1}")).isEmpty();
    assertThat(TrainingProgress.parse("")).isEmpty();
  }
}
