package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.diffuscope.run.PaceForecast.Training;
import org.junit.jupiter.api.Test;

/** Cases that can be followed by hand. */
class PaceForecastTest {
  private static final Training HUNDRED = new Training(1000, 1000, 10, 100);

  @Test
  void everythingIsSampledInTime() {
    PaceForecast forecast = PaceForecast.of(Pace.all(1000), HUNDRED, 4, 1);

    assertThat(forecast).isEqualTo(new PaceForecast(100, 0, 0, 4, 4, 0.4));
    assertThat(forecast.keepsUp(HUNDRED, 4)).isTrue();
  }

  /** 100 evaluations of 25 s: the last was written at 990 s and is done at 2,500 s. */
  @Test
  void theLagOfAllGrows() {
    PaceForecast forecast = PaceForecast.of(Pace.all(1000), HUNDRED, 25, 1);

    assertThat(forecast).isEqualTo(new PaceForecast(100, 0, 0, 1510, 1510, 1));
    assertThat(forecast.keepsUp(HUNDRED, 25)).isFalse();
  }

  @Test
  void whatWaitsBeyondTheBoundIsSkipped() {
    PaceForecast forecast = PaceForecast.of(Pace.all(3), HUNDRED, 25, 1);

    assertThat(forecast.sampled() + forecast.skipped()).isEqualTo(100);
    assertThat(forecast.skipped()).isBetween(50, 60);
    // The last one waits for two others, and for the rest of one before them.
    assertThat(forecast.worstLag()).isEqualTo(10 + 3 * 25);
  }

  /** The first is seen at 0 and done at 25; then those of 20, 50, 70, ... until 990 s. */
  @Test
  void latestSkipsWhatIsOvertaken() {
    Pace latest = new Pace(Pace.Policy.LATEST, 1, 1000, 1, null);

    PaceForecast forecast = PaceForecast.of(latest, HUNDRED, 25, 1);

    assertThat(forecast.sampled()).isEqualTo(41);
    assertThat(forecast.skipped()).isEqualTo(59);
    // The last one, which nothing overtakes, waits for that of 970 s until 1,000 s.
    assertThat(forecast.worstLag()).isEqualTo(10 + 25);
    assertThat(forecast.keepsUp(HUNDRED, 25)).isTrue();
  }

  /** Of steps 1, 2, ..., 100: 1, 2, 4, 8, 16, 32, 64. */
  @Test
  void samplingGrowsThinner() {
    Pace doubling = new Pace(Pace.Policy.ALL, 1, 1000, 2, null);

    PaceForecast forecast = PaceForecast.of(doubling, new Training(1, 1, 10, 100), 5, 1);

    assertThat(forecast.sampled()).isEqualTo(7);
    assertThat(forecast.lossesOnly()).isEqualTo(93);
    assertThat(forecast.worstLag()).isEqualTo(5);
    assertThat(forecast.busy()).isCloseTo((7 * 5 + 93) / 1000.0, within(1e-12));
  }

  @Test
  void everyTakesTheFirstOfEachStretch() {
    Pace every = new Pace(Pace.Policy.EVERY, 4000, 1000, 1, null);

    PaceForecast forecast = PaceForecast.of(every, HUNDRED, 4, 1);

    // 1000 and then 4000, 8000, ..., 100000
    assertThat(forecast.sampled()).isEqualTo(26);
    assertThat(forecast.skipped()).isEqualTo(74);
  }

  /** 4 s of each 40 s. */
  @Test
  void aBudgetSpacesEvaluations() {
    Pace budget = new Pace(Pace.Policy.LATEST, 1, 1000, 1.15, 0.1);

    PaceForecast forecast = PaceForecast.of(budget, HUNDRED, 4, 1);

    assertThat(forecast.sampled()).isEqualTo(26);
    assertThat(forecast.lossesOnly()).isZero();
    assertThat(forecast.skipped()).isEqualTo(74);
    assertThat(forecast.busy()).isBetween(0.09, 0.105);
  }
}
