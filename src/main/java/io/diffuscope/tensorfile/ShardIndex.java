package io.diffuscope.tensorfile;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.io.JsonEOFException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The index of weights in several files, as Hugging Face's libraries write it: JSON whose {@code
 * weight_map} gives for each tensor the name of a file beside it. The files are safetensors or
 * those of {@code torch.save}.
 *
 * @param shards the names of the tensors by the file that holds them
 */
record ShardIndex(Map<String, Set<String>> shards) {
  private static final int MAX_BYTES = 64 << 20;
  private static final int MAX_SHARDS = 10_000;
  private static final int MAX_TENSORS = 500_000;
  private static final String WEIGHT_MAP = "weight_map";
  private static final JsonFactory JSON =
      JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  /**
   * Reads an index.
   *
   * @throws BadInputException TRUNCATED, MALFORMED, UNSUPPORTED (too large), CHANGED or UNREADABLE
   */
  static ShardIndex read(ByteSource source) throws BadInputException {
    if (source.size() > MAX_BYTES) {
      throw new BadInputException(
          source.name(),
          Reason.UNSUPPORTED,
          "is JSON of " + source.size() + " bytes, more than an index of weights has",
          null);
    }
    ByteBuffer bytes = ByteBuffer.allocate((int) source.size());
    source.read(0, bytes);
    Map<String, Set<String>> shards = null;
    // The reader refuses invalid UTF-8; Jackson by itself would guess the encoding.
    try (Reader text =
            new InputStreamReader(
                new ByteArrayInputStream(bytes.array()), StandardCharsets.UTF_8.newDecoder());
        JsonParser json = JSON.createParser(text)) {
      expect(source, json.nextToken(), JsonToken.START_OBJECT);
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        String field = json.currentName();
        JsonToken value = json.nextToken();
        if (field.equals(WEIGHT_MAP)) {
          expect(source, value, JsonToken.START_OBJECT);
          shards = weightMap(source, json);
        } else {
          json.skipChildren();
        }
      }
      expect(source, json.currentToken(), JsonToken.END_OBJECT);
      if (json.nextToken() != null) {
        throw malformed(source, "something follows its JSON object", null);
      }
    } catch (BadInputException known) {
      throw known;
    } catch (JsonProcessingException failure) {
      if (!endsThere(failure, source.size())) {
        throw malformed(source, "its JSON is not valid", failure);
      }
      throw new BadInputException(
          source.name(),
          Reason.TRUNCATED,
          "ends within its JSON; wait for its writer or copy it again",
          failure);
    } catch (IOException failure) {
      throw malformed(source, "its text is not valid", failure);
    }
    if (shards == null) {
      throw malformed(source, "it has no weight_map", null);
    }
    if (shards.isEmpty()) {
      throw new BadInputException(
          source.name(), Reason.EMPTY, "lists no tensors; save the weights again", null);
    }
    return new ShardIndex(shards);
  }

  /** Whether the parser had come to the end of the text when it failed. */
  private static boolean endsThere(JsonProcessingException failure, long size) {
    return failure instanceof JsonEOFException
        || (failure.getLocation() != null && failure.getLocation().getCharOffset() >= size);
  }

  private static Map<String, Set<String>> weightMap(ByteSource source, JsonParser json)
      throws IOException {
    Map<String, Set<String>> shards = new LinkedHashMap<>();
    int tensors = 0;
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String tensor = json.currentName();
      if (++tensors > MAX_TENSORS) {
        throw new BadInputException(
            source.name(),
            Reason.UNSUPPORTED,
            "lists more than " + MAX_TENSORS + " tensors; no network has as many",
            null);
      }
      expect(source, json.nextToken(), JsonToken.VALUE_STRING);
      String file = json.getText();
      checkName(source, file);
      shards.computeIfAbsent(file, name -> new TreeSet<>()).add(tensor);
      if (shards.size() > MAX_SHARDS) {
        throw new BadInputException(
            source.name(),
            Reason.UNSUPPORTED,
            "lists more than " + MAX_SHARDS + " files; save the weights in fewer",
            null);
      }
    }
    return shards;
  }

  /**
   * Refuses what is no plain name of a file in the same folder: an index from elsewhere must not
   * make a program read other files.
   *
   * @throws BadInputException MALFORMED
   */
  static void checkName(ByteSource source, String file) throws BadInputException {
    if (file.isEmpty()
        || file.equals(".")
        || file.equals("..")
        || file.chars().anyMatch(c -> c == '/' || c == '\\' || c == ':' || c < ' ')) {
      throw malformed(
          source, Text.quote(file) + " is not the name of a file in the same folder", null);
    }
  }

  /**
   * The index and its files; there may be more of them in the folder.
   *
   * @param index where the index is
   */
  List<Path> files(Path index) throws BadInputException {
    List<Path> files = new ArrayList<>();
    files.add(index);
    for (String shard : shards.keySet()) {
      files.add(index.resolveSibling(FileFailures.path(shard)));
    }
    return files;
  }

  /**
   * Fails unless a file has the tensors that the index says.
   *
   * @throws BadInputException MALFORMED
   */
  void checkAgreement(ByteSource source, String shard, Set<String> found) throws BadInputException {
    Set<String> listed = shards.getOrDefault(shard, Set.of());
    if (!listed.equals(found)) {
      Set<String> missing = new TreeSet<>(listed);
      missing.removeAll(found);
      Set<String> extra = new TreeSet<>(found);
      extra.removeAll(listed);
      throw malformed(
          source,
          "it does not agree with "
              + Text.quote(shard)
              + ", which "
              + (missing.isEmpty() ? "also has " : "lacks ")
              + Text.list(missing.isEmpty() ? extra : missing),
          null);
    }
  }

  private static void expect(ByteSource source, @Nullable JsonToken token, JsonToken due)
      throws BadInputException {
    if (token != due) {
      throw malformed(source, "its JSON is not as it must be", null);
    }
  }

  private static BadInputException malformed(
      ByteSource source, String cause, @Nullable Throwable failure) {
    return new BadInputException(
        source.name(),
        Reason.MALFORMED,
        "not a valid index of weights (" + cause + "); save the weights again",
        failure);
  }
}
