package io.diffuscope.tensorfile;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The header of a safetensors file: an unsigned 64-bit length, then JSON of that length with the
 * type, shape and byte range of every tensor.
 *
 * <p>The rules are those of the format's reference implementation (huggingface/safetensors, {@code
 * tensor.rs}): at most 100 MB, begins with a brace, no duplicate names, ranges that agree with type
 * and shape and follow each other without hole or overlap up to the last byte of the file.
 *
 * @param tensors in the order of their data
 * @param metadata the string map {@code __metadata__}
 */
record SafetensorsHeader(Map<String, Entry> tensors, Map<String, String> metadata) {
  /** A tensor and the position of its first byte in the file. */
  record Entry(TensorInfo info, long position) {}

  static final String METADATA = "__metadata__";

  private static final long MAX_LENGTH = 100_000_000;
  private static final int MAX_TENSORS = 500_000;
  private static final int MAX_RANK = 64;
  private static final JsonFactory JSON =
      JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  static SafetensorsHeader read(ByteSource source) throws BadInputException {
    if (source.size() < Long.BYTES) {
      throw new BadInputException(
          source.name(),
          Reason.TRUNCATED,
          "has " + source.size() + " bytes, too few for a safetensors file; wait for its writer",
          null);
    }
    ByteBuffer prefix = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    source.read(0, prefix);
    long length = prefix.getLong(0);
    if (length < 2 || length > MAX_LENGTH) {
      throw malformed(
          source, "a header of " + Long.toUnsignedString(length) + " bytes is not possible", null);
    }
    if (length > source.size() - Long.BYTES) {
      throw new BadInputException(
          source.name(),
          Reason.TRUNCATED,
          "ends within its header ("
              + source.size()
              + " bytes of "
              + (Long.BYTES + length)
              + "); wait for its writer or copy it again",
          null);
    }
    ByteBuffer json = ByteBuffer.allocate((int) length);
    source.read(Long.BYTES, json);
    if (json.get(0) != '{') {
      throw malformed(source, "its header is not a JSON object", null);
    }
    return new Parser(source, Long.BYTES + length).parse(json.array());
  }

  /**
   * The tensor of a name.
   *
   * @throws BadInputException MISMATCH when there is none
   */
  Entry tensor(String name, ByteSource source) throws BadInputException {
    Entry entry = tensors.get(name);
    if (entry == null) {
      throw new BadInputException(
          source.name(),
          Reason.MISMATCH,
          "has no tensor " + Text.quote(name) + "; it has " + Text.list(tensors.keySet()),
          null);
    }
    return entry;
  }

  private static BadInputException malformed(
      ByteSource source, String cause, @Nullable Throwable failure) {
    return new BadInputException(
        source.name(),
        Reason.MALFORMED,
        "not a valid safetensors file (" + cause + "); write it again with the safetensors library",
        failure);
  }

  /** A tensor with its range in the data section, before the ranges are compared. */
  private record Range(TensorInfo info, long begin, long end) {}

  private static final class Parser {
    private final ByteSource source;
    private final long dataStart;
    private final List<Range> ranges = new ArrayList<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();

    Parser(ByteSource source, long dataStart) {
      this.source = source;
      this.dataStart = dataStart;
    }

    SafetensorsHeader parse(byte[] header) throws BadInputException {
      // The reader refuses invalid UTF-8; Jackson by itself would guess the encoding.
      try (Reader text =
              new InputStreamReader(
                  new ByteArrayInputStream(header), StandardCharsets.UTF_8.newDecoder());
          JsonParser json = JSON.createParser(text)) {
        json.nextToken();
        while (json.nextToken() == JsonToken.FIELD_NAME) {
          String name = json.currentName();
          expect(json.nextToken(), JsonToken.START_OBJECT, name);
          if (name.equals(METADATA)) {
            metadata(json);
          } else {
            tensor(name, json);
          }
        }
        if (json.nextToken() != null) {
          throw malformed(source, "something follows the JSON object of its header", null);
        }
      } catch (BadInputException known) {
        throw known;
      } catch (IOException failure) {
        throw malformed(source, "its header is not valid JSON: " + firstLine(failure), failure);
      }
      return new SafetensorsHeader(
          Collections.unmodifiableMap(entries()), Collections.unmodifiableMap(metadata));
    }

    private void metadata(JsonParser json) throws IOException {
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        String key = json.currentName();
        expect(json.nextToken(), JsonToken.VALUE_STRING, METADATA);
        metadata.put(key, json.getText());
      }
    }

    private void tensor(String name, JsonParser json) throws IOException {
      String code = null;
      List<Long> shape = null;
      List<Long> offsets = null;
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        String field = json.currentName();
        JsonToken value = json.nextToken();
        switch (field) {
          case "dtype" -> {
            expect(value, JsonToken.VALUE_STRING, name);
            code = json.getText();
          }
          case "shape" -> shape = sizes(name, json);
          case "data_offsets" -> offsets = sizes(name, json);
          default -> json.skipChildren();
        }
      }
      if (code == null || shape == null || offsets == null || offsets.size() != 2) {
        throw malformed(
            source, "tensor " + quote(name) + " lacks dtype, shape or two data_offsets", null);
      }
      if (ranges.size() == MAX_TENSORS) {
        throw new BadInputException(
            source.name(),
            Reason.UNSUPPORTED,
            "has more than " + MAX_TENSORS + " tensors; split it",
            null);
      }
      ranges.add(range(name, code, new TensorShape(shape), offsets.get(0), offsets.get(1)));
    }

    private Range range(String name, String code, TensorShape shape, long begin, long end)
        throws BadInputException {
      ElementType type =
          ElementType.ofSafetensors(code)
              .orElseThrow(
                  () ->
                      new BadInputException(
                          source.name(),
                          Reason.UNSUPPORTED,
                          "tensor "
                              + quote(name)
                              + " has the unknown type "
                              + quote(code)
                              + "; convert it to F32",
                          null));
      if (end < begin || bytes(name, type, shape) != end - begin) {
        throw malformed(
            source,
            "tensor "
                + quote(name)
                + " of "
                + type
                + " "
                + shape
                + " cannot fill the bytes "
                + begin
                + " to "
                + end,
            null);
      }
      return new Range(new TensorInfo(name, type, shape), begin, end);
    }

    private long bytes(String name, ElementType type, TensorShape shape) throws BadInputException {
      try {
        long bits = type.bitsOf(shape);
        // A number of bytes that no range can have, when a packed type does not end on a byte.
        return bits % Byte.SIZE == 0 ? bits / Byte.SIZE : -1;
      } catch (ArithmeticException overflow) {
        throw malformed(source, "tensor " + quote(name) + " is too large: " + shape, overflow);
      }
    }

    private List<Long> sizes(String name, JsonParser json) throws IOException {
      expect(json.currentToken(), JsonToken.START_ARRAY, name);
      List<Long> sizes = new ArrayList<>();
      while (json.nextToken() != JsonToken.END_ARRAY) {
        expect(json.currentToken(), JsonToken.VALUE_NUMBER_INT, name);
        long size = json.getLongValue();
        if (size < 0 || sizes.size() == MAX_RANK) {
          throw malformed(
              source, "tensor " + quote(name) + " has a negative size or too many", null);
        }
        sizes.add(size);
      }
      return sizes;
    }

    private Map<String, Entry> entries() throws BadInputException {
      ranges.sort(Comparator.comparingLong(Range::begin).thenComparingLong(Range::end));
      Map<String, Entry> entries = new LinkedHashMap<>();
      long next = 0;
      for (Range range : ranges) {
        if (range.begin != next) {
          throw malformed(
              source,
              "tensor "
                  + quote(range.info.name())
                  + " begins at byte "
                  + range.begin
                  + " of the data where "
                  + next
                  + " was due",
              null);
        }
        next = range.end;
        entries.put(range.info.name(), new Entry(range.info, dataStart + range.begin));
      }
      long present = source.size() - dataStart;
      if (present < next) {
        throw new BadInputException(
            source.name(),
            Reason.TRUNCATED,
            "has "
                + present
                + " of the "
                + next
                + " bytes of data that its header announces; wait for its writer or copy it again",
            null);
      }
      if (present > next) {
        throw malformed(
            source, (present - next) + " bytes follow the data that its header announces", null);
      }
      return entries;
    }

    private void expect(@Nullable JsonToken token, JsonToken due, String where)
        throws BadInputException {
      if (token != due) {
        throw malformed(
            source, "the header's entry " + quote(where) + " is not as it must be", null);
      }
    }

    private static String firstLine(IOException failure) {
      String message = failure.getMessage();
      return message == null
          ? failure.getClass().getSimpleName()
          : message.lines().findFirst().orElse("");
    }

    /** Names come from the file: they may be of any length and hold line breaks. */
    private static String quote(String name) {
      return Text.quote(name);
    }
  }
}
