package io.diffuscope.web;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.diffuscope.checkpoint.Announcement;
import java.io.IOException;
import java.util.Set;
import java.util.TreeSet;

/**
 * The body of an announcement, {@code {"path": "...", "step": 1200}}. A key that is not known is
 * refused: a misspelt step would be lost in silence.
 */
final class AnnouncementBody {
  private static final Set<String> KEYS = Set.of("path", "step");
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private AnnouncementBody() {}

  /**
   * Reads a body.
   *
   * @throws IllegalArgumentException with one sentence that says what is wrong
   */
  static Announcement read(byte[] body) {
    JsonNode tree = tree(body);
    if (!tree.isObject()) {
      throw new IllegalArgumentException(
          "the body is no JSON object: send {\"path\": \"/absolute/path\", \"step\": 1200}");
    }
    Set<String> unknown = new TreeSet<>();
    tree.fieldNames().forEachRemaining(unknown::add);
    unknown.removeAll(KEYS);
    if (!unknown.isEmpty()) {
      throw new IllegalArgumentException(
          "the body has the unknown key \"%s\"; known are path and step"
              .formatted(unknown.iterator().next()));
    }
    JsonNode path = tree.path("path");
    if (!path.isTextual()) {
      throw new IllegalArgumentException(
          "the body has no text under \"path\": give the absolute path of the checkpoint");
    }
    JsonNode step = tree.path("step");
    boolean isAbsent = step.isMissingNode() || step.isNull();
    if (!isAbsent && !(step.isIntegralNumber() && step.canConvertToLong())) {
      throw new IllegalArgumentException("the step must be a whole number, or left out");
    }
    return new Announcement(path.textValue(), isAbsent ? null : step.longValue());
  }

  private static JsonNode tree(byte[] body) {
    try {
      return JSON.readTree(body);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("the body is no JSON: " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw new IllegalArgumentException("the body is no JSON: it is no text", e);
    }
  }
}
