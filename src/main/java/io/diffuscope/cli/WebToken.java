package io.diffuscope.cli;

import io.diffuscope.cli.SettingsReader.InvalidSettingException;
import io.diffuscope.web.BearerToken;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Collections;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The token for announcements: from the setting, the file that a setting names, or the environment,
 * in this order. It is never taken from the command line, which every user of the machine can read.
 *
 * @param token null where none is given
 * @param warning one sentence where the token is less secret than it should be; null elsewhere
 */
record WebToken(@Nullable BearerToken token, @Nullable String warning) {
  /** The variable that the Python side reads, too. */
  static final String VARIABLE = "DIFFUSCOPE_TOKEN";

  private static final int LONGEST_FILE = 4_096;

  /**
   * Reads it.
   *
   * @param setting {@code web.token}
   * @param file {@code web.token-file}
   */
  static WebToken read(
      @Nullable String setting, @Nullable Path file, Map<String, String> environment) {
    if (setting != null && file != null) {
      throw new InvalidSettingException(
          "diffuscope.web has token and token-file: give one of them", null);
    }
    if (setting != null) {
      return new WebToken(token(setting, "diffuscope.web.token"), null);
    }
    if (file != null) {
      return new WebToken(token(content(file), file.toString()), warning(file));
    }
    String variable = environment.get(VARIABLE);
    return variable == null || variable.isEmpty()
        ? new WebToken(null, null)
        : new WebToken(token(variable, "the environment variable " + VARIABLE), null);
  }

  private static BearerToken token(String text, String where) {
    try {
      return BearerToken.of(text);
    } catch (IllegalArgumentException e) {
      throw new InvalidSettingException("%s: %s".formatted(where, e.getMessage()), e);
    }
  }

  private static String content(Path file) {
    try (InputStream stream = Files.newInputStream(file)) {
      return new String(stream.readNBytes(LONGEST_FILE), StandardCharsets.UTF_8).strip();
    } catch (IOException e) {
      throw new InvalidSettingException(
          "diffuscope.web.token-file: %s cannot be read (%s); make it with: (umask 077; openssl rand -hex 32 > %s)"
              .formatted(file, e, file),
          e);
    }
  }

  private static final Set<PosixFilePermission> READ_BY_MORE =
      Set.of(PosixFilePermission.GROUP_READ, PosixFilePermission.OTHERS_READ);

  private static @Nullable String warning(Path file) {
    PosixFileAttributeView view = Files.getFileAttributeView(file, PosixFileAttributeView.class);
    try {
      return view != null
              && !Collections.disjoint(view.readAttributes().permissions(), READ_BY_MORE)
          ? "%s holds a token and can be read by more than its owner: chmod go-r %s"
              .formatted(file, file)
          : null;
    } catch (IOException e) {
      return null; // it was just read; who else may is told where it can be known
    }
  }
}
