package io.diffuscope.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.diffuscope.model.Preconditioning.Coefficients;
import java.io.InputStream;
import java.util.EnumSet;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every preconditioning around the network that is optimal for Gaussian data, which is known in
 * closed form: the result must be the posterior mean. What goes in, what comes out and the labels
 * are computed by {@code src/test/python/make_preconditioning_fixtures.py} from the definition of
 * what such a network is trained for.
 */
class PreconditioningTest {
  static Stream<JsonNode> cases() throws Exception {
    try (InputStream in =
        Objects.requireNonNull(
            PreconditioningTest.class.getResourceAsStream("preconditioning.json"))) {
      JsonNode cases = new ObjectMapper().readTree(in).get("cases");
      return StreamSupport.stream(cases.spliterator(), false);
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void makesTheOptimalNetworkThePosteriorMean(JsonNode example) {
    NetworkSettings settings =
        NetworkSettings.of(example.get("settings"), NetworkSettings.Overrides.NONE);
    double sigma = example.get("sigma").asDouble();
    assertThat(settings.sigmaRange().contains(sigma)).isTrue();

    Coefficients c = settings.preconditioning().at(sigma, settings);

    double label = example.get("noise_label").asDouble();
    assertThat(c.noise()).isCloseTo(label, within(1e-9 * (1 + Math.abs(label))));
    JsonNode x = example.get("x");
    for (int i = 0; i < x.size(); i++) {
      double input = example.get("input").get(i).asDouble();
      assertThat(c.in() * x.get(i).asDouble())
          .isCloseTo(input, within(1e-12 * (1 + Math.abs(input))));
      double denoised =
          c.skip() * x.get(i).asDouble() + c.out() * example.get("output").get(i).asDouble();
      // Differences of numbers as large as x lose as many digits.
      assertThat(denoised)
          .isCloseTo(example.get("denoised").get(i).asDouble(), within(1e-12 * (1 + sigma)));
    }
  }

  @Test
  void everyPreconditioningIsAmongTheCases() throws Exception {
    Set<Preconditioning> seen = EnumSet.noneOf(Preconditioning.class);
    cases()
        .map(example -> example.get("settings").get("preconditioning").asText())
        .map(Preconditioning::of)
        .forEach(seen::add);
    assertThat(seen).containsExactlyInAnyOrder(Preconditioning.values());
  }
}
