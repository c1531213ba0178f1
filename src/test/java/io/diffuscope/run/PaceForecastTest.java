package io.diffuscope.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.diffuscope.run.PaceForecast.Training;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Cases that can be followed by hand. */
class PaceForecastTest {
  private static final Training HUNDRED = new Training(1000, 1000, 10, 100);

  @Test
  void everythingIsSampledInTime() {
    PaceForecast forecast = forecast(Pace.all(1000), HUNDRED, 4, 1);

    assertThat(forecast).isEqualTo(new PaceForecast(100, 0, 0, 0, 4, 0.4, 0.4, true));
  }

  /** 100 evaluations of 25 s: the last was written at 990 s and is done at 2,500 s. */
  @Test
  void theLagOfAllGrows() {
    PaceForecast forecast = forecast(Pace.all(1000), HUNDRED, 25, 1);

    assertThat(forecast).isEqualTo(new PaceForecast(100, 0, 0, 0, 1510, 1, 2.5, false));
  }

  @Test
  void whatWaitsBeyondTheBoundIsSkipped() {
    PaceForecast forecast = forecast(Pace.all(3), HUNDRED, 25, 1);

    assertThat(forecast.sampled() + forecast.skipped()).isEqualTo(100);
    assertThat(forecast.lost()).isEqualTo(forecast.skipped());
    assertThat(forecast.keepsUp()).isFalse();
    assertThat(forecast.skipped()).isBetween(50, 60);
    // The last one waits for two others, and for the rest of one before them.
    assertThat(forecast.worstLag()).isEqualTo(10 + 3 * 25);
  }

  /** The first is seen at 0 and done at 25; then those of 20, 50, 70, ... until 990 s. */
  @Test
  void latestSkipsWhatIsOvertaken() {
    Pace latest = new Pace(Pace.Policy.LATEST, 1, 1000, 1, null);

    PaceForecast forecast = forecast(latest, HUNDRED, 25, 1);

    assertThat(forecast.sampled()).isEqualTo(41);
    assertThat(forecast.skipped()).isEqualTo(59);
    // The last one, which nothing overtakes, waits for that of 970 s until 1,000 s.
    assertThat(forecast.worstLag()).isEqualTo(10 + 25);
    assertThat(forecast.keepsUp()).isTrue();
  }

  /** Of steps 1, 2, ..., 100: 1, 2, 4, 8, 16, 32, 64. */
  @Test
  void samplingGrowsThinner() {
    Pace doubling = new Pace(Pace.Policy.ALL, 1, 1000, 2, null);

    PaceForecast forecast = forecast(doubling, new Training(1, 1, 10, 100), 5, 1);

    assertThat(forecast.sampled()).isEqualTo(7);
    assertThat(forecast.lossesOnly()).isEqualTo(93);
    assertThat(forecast.worstLag()).isEqualTo(5);
    assertThat(forecast.busy()).isCloseTo((7 * 5 + 93) / 1000.0, within(1e-12));
  }

  @Test
  void everyTakesTheFirstOfEachStretch() {
    Pace every = new Pace(Pace.Policy.EVERY, 4000, 1000, 1, null);

    PaceForecast forecast = forecast(every, HUNDRED, 4, 1);

    // 1000 and then 4000, 8000, ..., 100000
    assertThat(forecast.sampled()).isEqualTo(26);
    assertThat(forecast.skipped()).isEqualTo(74);
  }

  /** 4 s of each 40 s. */
  @Test
  void aBudgetSpacesEvaluations() {
    Pace budget = new Pace(Pace.Policy.LATEST, 1, 1000, 1.15, 0.1);

    PaceForecast forecast = forecast(budget, HUNDRED, 4, 1);

    assertThat(forecast.sampled()).isEqualTo(26);
    assertThat(forecast.lossesOnly()).isZero();
    assertThat(forecast.skipped()).isEqualTo(74);
    assertThat(forecast.busy()).isBetween(0.09, 0.105);
  }

  /** Seconds of a sampling, growth, budget, and whether all keeps up with one every 10 s. */
  @ParameterizedTest
  @CsvSource({
    "10,    1,    ,    true",
    // 0.1 s too much: after 100 checkpoints it is only 10 s late, and later and later
    "10.1,  1,    ,    false",
    // sampling outgrows the time there is, but the losses between do not
    "50,    2,    ,    true",
    "1,     1,    0.1, true",
    "1.01,  1,    0.1, false",
  })
  void allKeepsUpWhereTheLagDoesNotGrow(
      double sampledSeconds, double growth, @Nullable Double budget, boolean keepsUp) {
    Pace all = new Pace(Pace.Policy.ALL, 1, 1_000_000, growth, budget);
    PaceForecast forecast = forecast(all, HUNDRED, sampledSeconds, 1);

    assertThat(forecast.keepsUp()).isEqualTo(keepsUp);
    // A queue with one server, by Lindley's recursion: ten thousand checkpoints tell.
    double wait = 0;
    double half = 0;
    double lastSampled = 0;
    for (int i = 0; i < 10_000; i++) {
      double step = 1000.0 * (i + 1);
      boolean whole = budget != null || growth == 1 || step >= growth * lastSampled;
      lastSampled = whole ? step : lastSampled;
      double work = (whole ? sampledSeconds : 1) / (budget == null ? 1 : budget);
      half = i == 5000 ? wait : half;
      wait = Math.max(0, wait + work - 10);
    }
    assertThat(wait <= half + 1e-6).isEqualTo(keepsUp);
  }

  /** One of each 4,000 steps is one every 40 s. */
  @Test
  void everyKeepsUpByWhatItAsksFor() {
    assertThat(forecast(new Pace(Pace.Policy.EVERY, 4000, 1000, 1, null), HUNDRED, 39, 1).keepsUp())
        .isTrue();
    assertThat(forecast(new Pace(Pace.Policy.EVERY, 4000, 1000, 1, null), HUNDRED, 41, 1).keepsUp())
        .isFalse();
  }

  @Test
  void runsShareTheDevice() {
    PaceForecast one = PaceForecast.of(Pace.all(1000), List.of(HUNDRED), 4, 1);
    PaceForecast three = PaceForecast.of(Pace.all(1000), List.of(HUNDRED, HUNDRED, HUNDRED), 4, 1);

    assertThat(one.keepsUp()).isTrue();
    assertThat(three.keepsUp()).isFalse();
    assertThat(three.sampled()).isEqualTo(300);
    assertThat(three.demand()).isCloseTo(3 * one.demand(), within(1e-12));
    // The last of 300 is done at 1,200 s and was written at 990 s.
    assertThat(three.worstLag()).isCloseTo(210, within(1e-9));
  }

  /** All write at once: the last of them waits for the two others. */
  @Test
  void latestTakesTheRunsInTurn() {
    Pace latest = new Pace(Pace.Policy.LATEST, 1, 1000, 1, null);

    PaceForecast three = PaceForecast.of(latest, List.of(HUNDRED, HUNDRED, HUNDRED), 3, 1);

    assertThat(three.sampled()).isEqualTo(300);
    assertThat(three.worstLag()).isCloseTo(9, within(1e-9));
    assertThat(three.busy()).isCloseTo(0.9, within(1e-9));
  }

  private static PaceForecast forecast(
      Pace pace, Training training, double sampledSeconds, double lossesSeconds) {
    return PaceForecast.of(pace, List.of(training), sampledSeconds, lossesSeconds);
  }
}
