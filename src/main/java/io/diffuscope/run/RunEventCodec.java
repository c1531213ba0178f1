package io.diffuscope.run;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.cfg.MapperBuilder;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.dataformat.cbor.databind.CBORMapper;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;

/**
 * The form in which events are kept: a <b>manifest</b>, which is the event's name and the version
 * of its form, and bytes of CBOR. For people and other programs the same as one line of JSON.
 *
 * <pre>{@code
 * RunEvent again = RunEventCodec.decode(RunEventCodec.manifest(event), RunEventCodec.encode(event));
 * }</pre>
 *
 * <p>Names are those of the records in {@link RunEvent}; nothing else is ever made of what is read.
 * A component that is added may be absent in what was written before (it is null, or zero), and one
 * that is not known is passed over. Any other change of a record is a new version of its form.
 */
public final class RunEventCodec {
  /** The version of every form so far; written into each manifest. */
  private static final int VERSION = 1;

  private static final Pattern MANIFEST = Pattern.compile("([A-Za-z]+)/(\\d{1,9})");

  /** Estimates repeat the names of their components: compressed they take a tenth. */
  private static final int COMPRESSED_FROM = 4096;

  /** No event is larger; what says that it is was not written by this program. */
  private static final int MOST_BYTES = 256 << 20;

  private static final ObjectMapper CBOR = configured(CBORMapper.builder());
  private static final ObjectMapper JSON = configured(JsonMapper.builder());

  private static final Map<String, Class<?>> EVENTS =
      Stream.of(RunEvent.class.getPermittedSubclasses())
          .collect(Collectors.toUnmodifiableMap(Class::getSimpleName, Function.identity()));

  private RunEventCodec() {}

  private static ObjectMapper configured(MapperBuilder<?, ?> mapper) {
    return mapper
        .addModule(new JavaTimeModule())
        .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
        .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
        .disable(DeserializationFeature.ADJUST_DATES_TO_CONTEXT_TIME_ZONE)
        .build();
  }

  /** Name and version of an event's form. */
  public static String manifest(RunEvent event) {
    return "%s/%d".formatted(name(event), VERSION);
  }

  private static String name(RunEvent event) {
    return event.getClass().getSimpleName();
  }

  /** The event's bytes. */
  public static byte[] encode(RunEvent event) {
    try {
      byte[] plain = CBOR.writeValueAsBytes(event);
      return plain.length < COMPRESSED_FROM ? plain : compressed(plain);
    } catch (IOException e) {
      throw new IllegalStateException("no form for " + event.getClass(), e);
    }
  }

  private static byte[] compressed(byte[] plain) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(bytes)) {
      gzip.write(plain);
    }
    return bytes.toByteArray();
  }

  /**
   * An event from its form.
   *
   * @throws UnknownEventException if this version of the program does not know its name, or the
   *     version of its form
   * @throws IOException if the bytes are damaged
   */
  public static RunEvent decode(String manifest, byte[] bytes) throws IOException {
    Matcher form = MANIFEST.matcher(manifest);
    Class<?> type = form.matches() ? EVENTS.get(form.group(1)) : null;
    if (type == null || Integer.parseInt(form.group(2)) > VERSION) {
      throw new UnknownEventException(manifest);
    }
    Object event = CBOR.readValue(isCompressed(bytes) ? plain(bytes) : bytes, type);
    if (event instanceof RunEvent known) {
      return known;
    }
    throw new IOException("no event in the bytes of " + manifest);
  }

  /** No object in CBOR begins as gzip does. */
  private static boolean isCompressed(byte[] bytes) {
    return bytes.length > 2 && bytes[0] == 0x1f && bytes[1] == (byte) 0x8b;
  }

  private static byte[] plain(byte[] bytes) throws IOException {
    try (InputStream gzip = new GZIPInputStream(new ByteArrayInputStream(bytes))) {
      byte[] plain = gzip.readNBytes(MOST_BYTES);
      if (gzip.read() >= 0) {
        throw new IOException("larger than any event");
      }
      return plain;
    }
  }

  /** The event as one line of JSON: {@code {"EvaluationStarted":{"run":"7", ...}}}. */
  public static String toJson(RunEvent event) {
    try {
      return JSON.writeValueAsString(Map.of(name(event), event));
    } catch (IOException e) {
      throw new IllegalStateException("no form for " + event.getClass(), e);
    }
  }

  /**
   * An event from its line of JSON.
   *
   * @throws UnknownEventException if this version of the program does not know its name
   * @throws IOException if it is no event
   */
  public static RunEvent fromJson(String line) throws IOException {
    JsonNode entry = JSON.readTree(line);
    if (entry == null || !entry.isObject() || entry.size() != 1) {
      throw new IOException("no event: " + line.substring(0, Math.min(60, line.length())));
    }
    String name = entry.fieldNames().next();
    Class<?> type = EVENTS.get(name);
    if (type == null) {
      throw new UnknownEventException(name);
    }
    if (JSON.treeToValue(entry.get(name), type) instanceof RunEvent event) {
      return event;
    }
    throw new IOException("no event of " + name);
  }
}
