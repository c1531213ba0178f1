package io.diffuscope.detect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class SettingsTest {
  @Test
  void defaults() {
    assertThat(DetectorSettings.DEFAULT.earlyMemorization())
        .isEqualTo(new EarlyMemorizationSettings(.01, .2, 3.09, 2, .1));
    assertThat(DetectorSettings.DEFAULT.memorization())
        .isEqualTo(new MemorizationSettings(.01, .005, 2));
  }

  @Test
  void nonsenseIsRefusedWithNameValueAndRange() {
    assertRefused(
        () -> new EarlyMemorizationSettings(0, .2, 3, 2, .1),
        "early memorization: alpha is 0; it must be within 0 and 1");
    assertRefused(() -> new EarlyMemorizationSettings(Double.NaN, .2, 3, 2, .1), "alpha is NaN");
    assertRefused(() -> new EarlyMemorizationSettings(.01, 1, 3, 2, .1), "margin is 1");
    assertRefused(() -> new EarlyMemorizationSettings(.01, .2, -3, 2, .1), "decision z is -3");
    assertRefused(() -> new EarlyMemorizationSettings(.01, .2, 3, 0, .1), "looks is 0");
    assertRefused(() -> new EarlyMemorizationSettings(.01, .2, 3, 2, .25), "clear level is 0.25");
    assertRefused(() -> new MemorizationSettings(-.1, .005, 2), "threshold is -0.1");
    assertRefused(() -> new MemorizationSettings(.01, .02, 2), "clear level is 0.02");
    assertRefused(() -> new MemorizationSettings(.01, .005, -1), "looks is -1");
  }

  private static void assertRefused(Runnable construction, String message) {
    assertThatThrownBy(construction::run)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(message);
  }

  @Test
  void numbersForPeople() {
    assertThat(Numbers.text(0)).isEqualTo("0");
    assertThat(Numbers.text(.31250001)).isEqualTo("0.313");
    assertThat(Numbers.text(-2)).isEqualTo("-2");
    assertThat(Numbers.text(1234.56)).isEqualTo("1235");
    assertThat(Numbers.text(100)).isEqualTo("100");
    assertThat(Numbers.text(.02)).isEqualTo("0.02");
    assertThat(Numbers.text(.0123456)).isEqualTo("0.0123");
    assertThat(Numbers.text(1.2345e-9)).isEqualTo("1.2e-09");
    assertThat(Numbers.text(Double.NaN)).isEqualTo("NaN");
  }
}
