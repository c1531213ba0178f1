package io.diffuscope.feature;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.diffuscope.feature.Preprocessing.Channels;
import io.diffuscope.feature.Preprocessing.Resize;
import io.diffuscope.model.SettingsObject;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A preprocessing as keys: in the configuration, where they replace those of a preset or of the
 * extra file {@code diffuscope.json} in the descriptor's archive.
 *
 * @param json an object with some of {@link #KEYS}, as text, so that it can travel
 */
public record PreprocessingKeys(String json) {
  /** No key at all. */
  public static final PreprocessingKeys NONE = new PreprocessingKeys("{}");

  private static final String WHAT = "descriptor";
  private static final String PRESET = "preset";

  /** The keys of {@code diffuscope.json} that the configuration can override. */
  public static final List<String> KEYS =
      List.of(
          "round_to_8_bit",
          "resize",
          "size",
          "interpolation",
          "crop",
          "mean",
          "std",
          "channels",
          "l2_norm");

  /** Checks that it is an object. */
  public PreprocessingKeys {
    SettingsObject.parse(json, WHAT);
  }

  /** Values by key; null values are as good as absent. */
  public static PreprocessingKeys of(Map<String, ?> values) {
    return new PreprocessingKeys(SettingsObject.text(values, WHAT));
  }

  /**
   * The preprocessing of a descriptor.
   *
   * @param preset the user's choice, which replaces what the file says; null: what the file says
   * @param file the archive's {@code diffuscope.json}
   * @throws IllegalArgumentException saying which key is missing or cannot be used
   */
  Preprocessing over(@Nullable String preset, JsonNode file) {
    if (!file.isObject()) {
      throw new IllegalArgumentException("its diffuscope.json is no object");
    }
    ObjectNode merged = new ObjectMapper().createObjectNode();
    if (preset == null) {
      merged.setAll((ObjectNode) file);
    } else {
      merged.put(PRESET, preset);
    }
    SettingsObject.parse(json, WHAT)
        .properties()
        .forEach(
            entry -> {
              if (!entry.getValue().isNull()) {
                merged.set(entry.getKey(), entry.getValue());
              }
            });
    return read(new SettingsObject(merged));
  }

  private static Preprocessing read(SettingsObject given) {
    TreeSet<String> unknown = given.keys();
    unknown.remove(PRESET);
    KEYS.forEach(unknown::remove);
    if (!unknown.isEmpty()) {
      throw new IllegalArgumentException(
          "settings %s of a descriptor are not known; known are preset and %s"
              .formatted(unknown, KEYS));
    }
    String preset = given.text(PRESET);
    Preprocessing base = preset == null ? null : Preset.of(preset).preprocessing();
    Integer size = given.integer("size");
    Resize resize =
        word(given, "resize", Resize.class, base == null ? Resize.SQUARE : base.resize());
    if (base == null && size == null && resize != Resize.NONE) {
      throw missing("size");
    }
    Integer crop = given.integer("crop");
    Boolean unitLength = given.truth("l2_norm");
    Boolean round = given.truth("round_to_8_bit");
    return new Preprocessing(
        round == null ? base == null || base.roundToBytes() : round,
        resize,
        size == null ? (base == null ? 0 : base.size()) : size,
        word(
            given,
            "interpolation",
            Interpolation.class,
            base == null ? Interpolation.BILINEAR : base.interpolation()),
        crop == null && base != null ? base.crop() : crop,
        three(given, "mean", base == null ? null : base.mean()),
        three(given, "std", base == null ? null : base.std()),
        word(given, "channels", Channels.class, base == null ? Channels.RGB : base.channels()),
        unitLength == null ? base != null && base.unitLength() : unitLength);
  }

  private static List<Double> three(
      SettingsObject given, String key, @Nullable List<Double> absent) {
    List<Double> found = given.numbers(key);
    if (found == null && absent == null) {
      throw missing(key);
    }
    return found == null ? Objects.requireNonNull(absent) : found;
  }

  private static IllegalArgumentException missing(String key) {
    return new IllegalArgumentException(
        "its preprocessing is not known: %s is missing; name a preset (--descriptor-preset), set diffuscope.descriptor.%s, or export the descriptor with a diffuscope.json"
            .formatted(key, key));
  }

  private static <E extends Enum<E>> E word(
      SettingsObject given, String key, Class<E> type, E absent) {
    String word = given.text(key);
    if (word == null) {
      return absent;
    }
    return Arrays.stream(type.getEnumConstants())
        .filter(constant -> constant.name().toLowerCase(Locale.ROOT).equals(word))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "%s must be one of %s, not %s"
                        .formatted(
                            key,
                            Arrays.toString(type.getEnumConstants()).toLowerCase(Locale.ROOT),
                            word)));
  }
}
