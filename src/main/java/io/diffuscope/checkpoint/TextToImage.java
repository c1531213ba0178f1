package io.diffuscope.checkpoint;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Recognises weights that need a text encoder, which are not supported yet. A network with
 * cross-attention alone is let through: it can be exported inside a module that feeds it constants.
 */
final class TextToImage {
  private static final JsonFactory JSON = new JsonFactory();
  private static final long LONGEST = 1 << 20;

  private TextToImage() {}

  /**
   * Fails for weights that lie in a text-to-image pipeline.
   *
   * @throws BadInputException UNSUPPORTED
   */
  static void refuse(Path weights) throws BadInputException {
    String encoder = encoder(weights);
    if (encoder != null) {
      throw new BadInputException(weights, Reason.UNSUPPORTED, sentence(encoder));
    }
  }

  /** What to say of weights that need a text encoder; null for all others. */
  static @Nullable String sentence(Path weights) {
    String encoder = encoder(weights);
    return encoder == null ? null : sentence(encoder);
  }

  private static String sentence(String encoder) {
    return "belongs to a text-to-image pipeline (%s): these are not supported yet; unconditional and class-conditional networks are"
        .formatted(encoder);
  }

  private static @Nullable String encoder(Path weights) {
    Path folder = weights.toAbsolutePath().getParent();
    Path checkpoint = folder == null ? null : folder.getParent();
    if (folder == null || checkpoint == null) {
      return null;
    }
    Path index = checkpoint.resolve("model_index.json");
    for (Map.Entry<String, Boolean> component : fields(index).entrySet()) {
      if (component.getKey().startsWith("text_encoder") && component.getValue()) {
        return "%s names %s".formatted(index.getFileName(), component.getKey());
      }
    }
    boolean attends =
        fields(folder.resolve("config.json")).getOrDefault("cross_attention_dim", false);
    return attends && Files.isDirectory(checkpoint.resolve("text_encoder"))
        ? "text_encoder beside a network with cross-attention"
        : null;
  }

  /** Fields of the outermost object, and whether they hold anything but nulls. */
  private static Map<String, Boolean> fields(Path file) {
    Map<String, Boolean> fields = new LinkedHashMap<>();
    try {
      if (Files.size(file) > LONGEST) {
        return Map.of();
      }
      try (JsonParser parser = JSON.createParser(Files.readAllBytes(file))) {
        if (parser.nextToken() != JsonToken.START_OBJECT) {
          return Map.of();
        }
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          String name = parser.currentName();
          fields.put(name, holdsSomething(parser));
        }
      }
    } catch (IOException e) {
      // Absent, not written to its end yet, or no JSON: whatever it names is not known.
      return Map.of();
    }
    return fields;
  }

  private static boolean holdsSomething(JsonParser parser) throws IOException {
    JsonToken token = parser.nextToken();
    if (token == JsonToken.START_ARRAY) {
      boolean something = false;
      int depth = 1;
      while (depth > 0) {
        token = parser.nextToken();
        if (token == null) {
          return something;
        }
        depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
        something |= token.isScalarValue() && token != JsonToken.VALUE_NULL;
      }
      return something;
    }
    parser.skipChildren();
    return token != null && token != JsonToken.VALUE_NULL;
  }
}
