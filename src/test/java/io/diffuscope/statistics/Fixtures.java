package io.diffuscope.statistics;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Objects;

/** What src/test/python/make_statistics_fixtures.py wrote. */
final class Fixtures {
  private static final ObjectMapper JSON = new ObjectMapper();

  private Fixtures() {}

  static JsonNode read(String name) {
    try (InputStream in = Fixtures.class.getResourceAsStream(name)) {
      return JSON.readTree(Objects.requireNonNull(in, name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static double[] vector(JsonNode node) {
    return JSON.convertValue(node, double[].class);
  }

  static double[][] matrix(JsonNode node) {
    return JSON.convertValue(node, double[][].class);
  }

  static int[] integers(JsonNode node) {
    return JSON.convertValue(node, int[].class);
  }
}
