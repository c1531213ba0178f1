package io.diffuscope.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigParseOptions;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Loads the configuration: options over file over the defaults of {@code reference.conf}.
 *
 * <p>A key that no default knows is refused, because a misspelt one would be ignored in silence.
 */
public final class Configuration {
  private static final String ROOT = "diffuscope";

  /** Objects whose keys are not settings: those of other programs, and names of signals. */
  private static final List<String> FOREIGN =
      List.of(ROOT + ".sampler-dispatcher.", ROOT + ".network.schedule.", ROOT + ".signals.");

  private Configuration() {}

  /**
   * The whole configuration, Akka's included.
   *
   * @param file HOCON, or null
   * @param options values by full key, such as {@code diffuscope.web.port}
   */
  public static Config load(@Nullable Path file, Map<String, ?> options) throws BadInputException {
    Config overrides = ConfigFactory.parseMap(options, "command line");
    Config own = file == null ? ConfigFactory.empty() : parse(file);
    try {
      return ConfigFactory.defaultOverrides()
          .withFallback(overrides)
          .withFallback(own)
          .withFallback(ConfigFactory.defaultReferenceUnresolved())
          .resolve();
    } catch (ConfigException e) {
      throw bad(file, e);
    }
  }

  private static Config parse(Path file) throws BadInputException {
    if (!Files.isRegularFile(file)) {
      throw new BadInputException(file, Reason.VANISHED, "no such configuration file");
    }
    Config config;
    try {
      config =
          ConfigFactory.parseFile(
              file.toFile(), ConfigParseOptions.defaults().setAllowMissing(false));
    } catch (ConfigException e) {
      throw bad(file, e);
    }
    refuseUnknownKeys(file, config);
    return config;
  }

  private static void refuseUnknownKeys(Path file, Config config) throws BadInputException {
    Config known = ConfigFactory.defaultReferenceUnresolved();
    TreeSet<String> unknown = new TreeSet<>();
    if (config.hasPath(ROOT)) {
      config
          .getConfig(ROOT)
          .entrySet()
          .forEach(
              entry -> {
                String key = ROOT + "." + entry.getKey();
                if (!known.hasPathOrNull(key) && FOREIGN.stream().noneMatch(key::startsWith)) {
                  unknown.add(key);
                }
              });
    }
    if (!unknown.isEmpty()) {
      throw new BadInputException(
          file,
          Reason.UNSUPPORTED,
          "unknown keys %s: see reference.conf for all keys".formatted(unknown));
    }
  }

  private static BadInputException bad(@Nullable Path file, ConfigException e) {
    return new BadInputException(
        file == null ? "configuration" : file.toString(),
        Reason.MALFORMED,
        String.valueOf(e.getMessage()),
        e);
  }
}
