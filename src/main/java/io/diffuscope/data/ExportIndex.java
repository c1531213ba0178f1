package io.diffuscope.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.ElementType;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What {@code index.json} says of a folder that {@code export_data} wrote.
 *
 * @param shape shape of one point
 * @param type type of the points' elements
 * @param labelled whether every point has a class
 * @param shards the files with the points, in order
 */
record ExportIndex(TensorShape shape, ElementType type, boolean labelled, List<Shard> shards) {
  static final String FILE = "index.json";
  static final String FORMAT = "diffuscope-data";

  static final int VERSION = 1;
  private static final int MOST_BYTES = 1 << 24;
  private static final int MOST_SHARDS = 100_000;
  private static final int MOST_DIMENSIONS = 64;

  /** One file beside the index: nothing that a path could be made of. */
  private static final Pattern SHARD_NAME =
      Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}\\.safetensors");

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  /**
   * One file of points.
   *
   * @param file its name, without a folder
   * @param count number of points in it, at least 1
   */
  record Shard(String file, long count) {}

  /**
   * Reads and checks the index of a folder; of the shards nothing but their names.
   *
   * @throws BadInputException VANISHED (there is none), UNREADABLE, MALFORMED, EMPTY, or
   *     UNSUPPORTED (a version or a type of element that is not known)
   */
  static ExportIndex read(Path folder) throws BadInputException {
    Path file = folder.resolve(FILE);
    byte[] json;
    try (InputStream in = Files.newInputStream(file)) {
      json = in.readNBytes(MOST_BYTES + 1);
    } catch (NoSuchFileException e) {
      throw new BadInputException(
          folder.toString(),
          Reason.VANISHED,
          "a directory without PNG or JPEG images, and without "
              + FILE
              + ": write the training program's own data set there with export_data, and wait until"
              + " it has finished",
          e);
    } catch (IOException e) {
      throw new BadInputException(
          file.toString(), Reason.UNREADABLE, "cannot be read (" + e + "); check the disk", e);
    }
    if (json.length > MOST_BYTES) {
      throw malformed(file, "is longer than " + MOST_BYTES + " bytes", null);
    }
    try {
      return of(file, JSON.readTree(json));
    } catch (JsonProcessingException e) {
      throw malformed(file, "is not valid JSON", e);
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw malformed(file, String.valueOf(e.getMessage()), e);
    } catch (BadInputException e) {
      throw e;
    } catch (IOException impossible) {
      throw new IllegalStateException("a byte array cannot fail to be read", impossible);
    }
  }

  private static ExportIndex of(Path file, JsonNode root) throws BadInputException {
    if (!FORMAT.equals(root.path("format").textValue())) {
      throw new IllegalArgumentException("is not an index of " + FORMAT);
    }
    if (number(root, "version") != VERSION) {
      throw new BadInputException(
          file,
          Reason.UNSUPPORTED,
          "is of version %d, but %d is known here: write it with the export_data of this version"
              .formatted(number(root, "version"), VERSION));
    }
    List<Shard> shards = new ArrayList<>();
    Set<String> names = new HashSet<>();
    long total = 0;
    for (JsonNode node : array(root, "shards", MOST_SHARDS)) {
      String name = node.path("file").asText();
      if (!SHARD_NAME.matcher(name).matches() || !names.add(name)) {
        throw new IllegalArgumentException(
            "shard %d is no name of a file in the folder, or is named twice"
                .formatted(shards.size()));
      }
      long count = number(node, "count");
      if (count < 1) {
        throw new IllegalArgumentException("shard " + name + " has no points");
      }
      total = Math.addExact(total, count);
      shards.add(new Shard(name, count));
    }
    if (total != number(root, "count")) {
      throw new IllegalArgumentException(
          "says count %d but has shards of %d points".formatted(number(root, "count"), total));
    }
    if (total == 0) {
      throw new BadInputException(file, Reason.EMPTY, "has no points; export some");
    }
    JsonNode labels = root.path("labels");
    if (!labels.isBoolean()) {
      throw new IllegalArgumentException("labels must be true or false");
    }
    List<Long> shape = new ArrayList<>();
    for (JsonNode size : array(root, "shape", MOST_DIMENSIONS)) {
      shape.add(integer(size, "shape"));
    }
    TensorShape point = new TensorShape(shape);
    // Fails where the product overflows.
    Math.multiplyExact(point.elements(), total);
    return new ExportIndex(
        point, type(file, root.path("dtype").asText()), labels.booleanValue(), List.copyOf(shards));
  }

  private static ElementType type(Path file, String name) throws BadInputException {
    return switch (name.toLowerCase(Locale.ROOT)) {
      case "f32", "float32" -> ElementType.F32;
      case "f16", "float16" -> ElementType.F16;
      case "u8", "uint8" -> ElementType.U8;
      default ->
          throw new BadInputException(
              file,
              Reason.UNSUPPORTED,
              "has points of a type that is not known; known are F32, F16 and U8");
    };
  }

  private static JsonNode array(JsonNode node, String key, int most) {
    JsonNode array = node.path(key);
    if (!array.isArray() || array.size() > most) {
      throw new IllegalArgumentException(
          "%s must be a list of at most %d entries".formatted(key, most));
    }
    return array;
  }

  private static long number(JsonNode node, String key) {
    return integer(node.path(key), key);
  }

  private static long integer(JsonNode node, String key) {
    if (!node.isIntegralNumber() || !node.canConvertToLong() || node.longValue() < 0) {
      throw new IllegalArgumentException(key + " must be a whole number, not below 0");
    }
    return node.longValue();
  }

  private static BadInputException malformed(Path file, String cause, @Nullable Throwable failure) {
    return new BadInputException(
        file.toString(),
        Reason.MALFORMED,
        cause + "; write the folder again with export_data",
        failure);
  }
}
