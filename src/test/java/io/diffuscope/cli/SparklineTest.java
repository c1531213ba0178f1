package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class SparklineTest {
  @Test
  void runsFromTheLowestToTheHighest() {
    assertThat(Sparkline.of(List.of(0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0))).isEqualTo("▁▂▃▄▅▆▇█");
    assertThat(Sparkline.of(List.of(-3.0, 11.0, -3.0))).isEqualTo("▁█▁");
  }

  @Test
  void ordersOfMagnitudeAreEvenlySpacedOnALogarithmicScale() {
    List<Double> powers = List.of(1e-0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7);
    assertThat(Sparkline.ofLogarithms(powers)).isEqualTo("█▇▆▅▄▃▂▁");
    assertThat(Sparkline.ofLogarithms(List.of(1.0, 0.0, Double.NaN))).isEqualTo("█▁ ");
  }

  @Test
  void aFlatCurveStaysAtTheBottom() {
    assertThat(Sparkline.of(List.of(2.0, 2.0))).isEqualTo("▁▁");
    assertThat(Sparkline.of(List.of())).isEmpty();
  }

  @Test
  void aValueThatIsNoNumberIsAGapAndSpoilsNoOther() {
    assertThat(Sparkline.of(List.of(0.0, Double.NaN, 1.0))).isEqualTo("▁ █");
    assertThat(Sparkline.of(List.of(Double.NaN))).isEqualTo(" ");
  }
}
