package io.diffuscope.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.diffuscope.tensorfile.TensorShape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Typed reading of a JSON object's keys. What is absent or null is null; numbers may be given as
 * text, as they are on a command line. Errors name the key.
 */
public record SettingsObject(JsonNode node) {
  /**
   * Values by key as the text of an object, so that they can travel; equal values give equal texts.
   *
   * @param what the settings are of, for messages: "network"
   */
  public static String text(Map<String, ?> values, String what) {
    ObjectMapper sorted =
        JsonMapper.builder().enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS).build();
    try {
      return sorted.writeValueAsString(values);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("settings of the %s cannot be read".formatted(what), e);
    }
  }

  /**
   * The object of a text.
   *
   * @param what the settings are of, for messages
   * @throws IllegalArgumentException if it is no object
   */
  public static ObjectNode parse(String json, String what) {
    String wrong = "settings of the %s are no JSON object".formatted(what);
    try {
      if (new ObjectMapper().readTree(json) instanceof ObjectNode object) {
        return object;
      }
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(wrong, e);
    }
    throw new IllegalArgumentException(wrong + ": " + json);
  }

  /** Whether a key is there, with something else than null. */
  public boolean has(String key) {
    return !node.path(key).isMissingNode() && !node.path(key).isNull();
  }

  /** The keys there are. */
  public TreeSet<String> keys() {
    TreeSet<String> keys = new TreeSet<>();
    node.fieldNames().forEachRemaining(keys::add);
    return keys;
  }

  /** A value as text. */
  public @Nullable String text(String key) {
    return has(key) ? node.get(key).asText() : null;
  }

  /** A number. */
  public @Nullable Double number(String key) {
    return has(key) ? Double.valueOf(number(key, node.get(key))) : null;
  }

  /** A number, or another where there is none. */
  public double number(String key, double absent) {
    Double given = number(key);
    return given == null ? absent : given;
  }

  /** A whole number. */
  public @Nullable Integer integer(String key) {
    Double given = number(key);
    if (given == null) {
      return null;
    }
    if (given != Math.rint(given) || Math.abs(given) > Integer.MAX_VALUE) {
      throw new IllegalArgumentException("%s must be a whole number, not %s".formatted(key, given));
    }
    return given.intValue();
  }

  /** True or false. */
  public @Nullable Boolean truth(String key) {
    String given = text(key);
    return switch (given) {
      case null -> null;
      case "true" -> Boolean.TRUE;
      case "false" -> Boolean.FALSE;
      default ->
          throw new IllegalArgumentException(
              "%s must be true or false, not %s".formatted(key, node.get(key)));
    };
  }

  /** A list of numbers. */
  public @Nullable List<Double> numbers(String key) {
    if (!has(key)) {
      return null;
    }
    JsonNode array = node.get(key);
    if (!array.isArray()) {
      throw new IllegalArgumentException("%s must be a list of numbers".formatted(key));
    }
    List<Double> values = new ArrayList<>();
    array.forEach(element -> values.add(number(key, element)));
    return values;
  }

  /** A list of whole numbers above 0. */
  public @Nullable TensorShape shape(String key) {
    List<Double> dimensions = numbers(key);
    if (dimensions == null) {
      return null;
    }
    if (dimensions.stream().anyMatch(size -> size != Math.rint(size) || size < 1 || size > 1e9)) {
      throw new IllegalArgumentException(
          "%s must hold whole numbers above 0, not %s".formatted(key, node.get(key)));
    }
    return TensorShape.of(dimensions.stream().mapToLong(Double::longValue).toArray());
  }

  /** Settings within the settings. */
  public @Nullable SettingsObject object(String key) {
    if (!has(key)) {
      return null;
    }
    if (!node.get(key).isObject()) {
      throw new IllegalArgumentException("%s must be an object of settings".formatted(key));
    }
    return new SettingsObject(node.get(key));
  }

  private static double number(String key, JsonNode value) {
    if (value.isNumber()) {
      return value.asDouble();
    }
    try {
      return Double.parseDouble(value.isTextual() ? value.asText() : "");
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("%s must be a number, not %s".formatted(key, value), e);
    }
  }
}
