package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.checkpoint.StepUnit;
import org.junit.jupiter.api.Test;

class StepTextTest {
  @Test
  void aSentenceSaysWhatTheRunCounts() {
    String sentence = "pfd to the hold-out fell from 3.2 at step 100 to 2.1 at step 2500";

    assertThat(StepText.in(StepUnit.UPDATES, sentence)).isEqualTo(sentence);
    assertThat(StepText.in(StepUnit.KIMG, sentence))
        .isEqualTo("pfd to the hold-out fell from 3.2 at kimg 100 to 2.1 at kimg 2500");
    assertThat(StepText.in(StepUnit.EPOCHS, "step 3 was written again: a timestep 4"))
        .isEqualTo("epoch 3 was written again: a timestep 4");
    assertThat(StepText.of(StepUnit.EPOCHS, 7)).isEqualTo("epoch 7");
  }
}
