package io.diffuscope.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class IcrTest {
  @Test
  void agreesWithNumpy() {
    JsonNode fixture = Fixtures.read("distances.json");
    double[][] first = Fixtures.matrix(fixture.get("views").get(0));
    double[][] second = Fixtures.matrix(fixture.get("views").get(1));

    assertThat(Icr.of(first, second, fixture.get("ridge").doubleValue()).value())
        .isCloseTo(fixture.get("icr").doubleValue(), within(1e-10));
  }

  /** Variances 4, 1, 0 of the image's part against 1, .25, .5 of the rest: 1 / (1 + 8/3). */
  @Test
  void closedForm() {
    double coverage =
        Coverage.of(
            500,
            1 / (1 + 8 / 3.0),
            seed -> {
              Views views = views(seed, 1000);
              return Icr.of(views.first(), views.second(), 1e-9);
            });
    assertThat(coverage).isBetween(.9, .98);
  }

  private record Views(double[][] first, double[][] second) {}

  private static Views views(int seed, int images) {
    double[] signal = {2, 1, 0};
    double[] rest = {1, .5, Math.sqrt(.5)};
    SplittableRandom random = new SplittableRandom(seed);
    Views views = new Views(new double[images][3], new double[images][3]);
    for (int i = 0; i < images; i++) {
      for (int f = 0; f < 3; f++) {
        double own = 100 + signal[f] * random.nextGaussian();
        views.first()[i][f] = own + rest[f] * random.nextGaussian();
        views.second()[i][f] = own + rest[f] * random.nextGaussian();
      }
    }
    return views;
  }

  @Test
  void theRidgeAnswersForFewImages() {
    Views views = views(1, 3);
    Estimate found = Icr.of(views.first(), views.second(), Icr.DEFAULT_RIDGE);

    assertThat(found.value()).isBetween(0.0, 1.0);
    assertThat(found.standardError()).isNaN();
  }

  @Test
  void refusesWhatHasNoIcr() {
    double[][] same = views(1, 40).first();
    assertThatThrownBy(() -> Icr.of(same, same, 1e-3)).hasMessageContaining("views that differ");
    assertThatThrownBy(() -> Icr.of(same, same, 0)).hasMessageContaining("ridge must be positive");
    assertThatThrownBy(() -> Icr.of(same, new double[3][3], 1)).hasMessageContaining("40 and 3");
  }

  @Test
  void scaling() {
    assertThat(Scaling.of(1 << 14, 1 << 20)).isCloseTo(4, within(1e-12));
    assertThat(Scaling.of(50_000, 55_733_891)).isCloseTo(2.7436, within(1e-3));
    assertThatThrownBy(() -> Scaling.of(0, 5)).hasMessageContaining("got 0 and 5");
  }
}
