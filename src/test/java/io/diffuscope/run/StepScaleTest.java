package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.diffuscope.checkpoint.StepUnit;
import org.junit.jupiter.api.Test;

class StepScaleTest {
  @Test
  void stepsBecomeTrainingImagesWhereTheNumbersForItAreKnown() {
    assertThat(new StepScale(StepUnit.KIMG, null, null).images(2_500)).isEqualTo(2_500_000L);
    assertThat(new StepScale(StepUnit.UPDATES, 256L, 50_000L).images(10)).isEqualTo(2_560L);
    assertThat(new StepScale(StepUnit.EPOCHS, 256L, 50_000L).images(3)).isEqualTo(150_000L);
    assertThat(StepScale.UPDATES.images(10)).isNull();
    assertThat(new StepScale(StepUnit.EPOCHS, 256L, null).images(3)).isNull();
    assertThat(new StepScale(null, 256L, null).images(0)).isZero();
  }

  @Test
  void aStepBeyondAllMeaningHasNoNumberOfImages() {
    assertThat(new StepScale(StepUnit.KIMG, null, null).images(Long.MAX_VALUE)).isNull();
    assertThat(new StepScale(StepUnit.KIMG, null, null).images(Long.MAX_VALUE / 1_000))
        .isEqualTo(Long.MAX_VALUE / 1_000 * 1_000);
    assertThat(new StepScale(StepUnit.KIMG, null, null).images(Long.MAX_VALUE / 1_000 + 1))
        .isNull();
  }

  @Test
  void aPersonsWordStandsAndTheLayoutFillsAGap() {
    StepScale open = new StepScale(null, 8L, null);
    assertThat(open.unitOrUpdates()).isEqualTo(StepUnit.UPDATES);
    assertThat(open.recognised(StepUnit.KIMG)).isEqualTo(new StepScale(StepUnit.KIMG, 8L, null));
    assertThat(open.recognised(null)).isEqualTo(open);
    assertThat(StepScale.UPDATES.recognised(StepUnit.KIMG)).isEqualTo(StepScale.UPDATES);
    assertThat(open.withTrainSize(9)).isEqualTo(new StepScale(null, 8L, 9L));
  }
}
