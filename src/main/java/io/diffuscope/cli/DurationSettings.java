package io.diffuscope.cli;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import io.diffuscope.cli.SettingsReader.InvalidSettingException;
import java.time.Duration;
import java.util.Map;

/**
 * Durations of a configuration. Each has a unit: HOCON takes a number alone for milliseconds, and
 * nobody who writes {@code idle-timeout = 30} means those.
 */
final class DurationSettings {
  /** The options that set such a key, for people who gave one. */
  private static final Map<String, String> OPTIONS =
      Map.of("end.idle-timeout", "--idle-timeout", "end.drain-timeout", "--drain-timeout");

  private static final String VALUE = "value";

  private final Config config;

  /**
   * Those of a configuration.
   *
   * @param config in which keys are looked up
   */
  DurationSettings(Config config) {
    this.config = config;
  }

  /**
   * A duration.
   *
   * @throws InvalidSettingException if it has no unit, or is no duration
   */
  Duration of(String key) {
    String option = OPTIONS.get(key);
    return parse(config, key, option == null ? "diffuscope." + key : option);
  }

  /**
   * The value of an option that no key stands for.
   *
   * @throws InvalidSettingException if it has no unit, or is no duration
   */
  static Duration ofOption(String option, String text) {
    return parse(ConfigFactory.parseMap(Map.of(VALUE, text)), VALUE, option);
  }

  private static Duration parse(Config config, String key, String name) {
    String text = config.getString(key).strip();
    if (text.matches("[-+]?[0-9]*[.]?[0-9]+")) {
      throw new InvalidSettingException(
          "%s is \"%s\", a time without its unit: write %ss, %sm or %sh"
              .formatted(name, text, text, text, text),
          null);
    }
    try {
      return config.getDuration(key);
    } catch (ConfigException e) {
      throw new InvalidSettingException(
          "%s is \"%s\": give a time with its unit, such as 90s, 5m or '5 minutes'"
              .formatted(name, text),
          e);
    }
  }
}
