package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DurationTextTest {
  @ParameterizedTest
  @CsvSource({
    "PT0S, 0 s",
    "PT0.25S, 250 ms",
    "PT90S, 1 min 30 s",
    "PT1H, 1 h",
    "PT1H0M5S, 1 h 5 s",
    "P2DT3H4M, 2 d 3 h",
  })
  void theLargestTwoUnits(Duration duration, String text) {
    assertThat(DurationText.of(duration)).isEqualTo(text);
  }
}
