package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diffuscope.cli.SettingsReader.InvalidSettingException;
import io.diffuscope.config.Configuration;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Where the token comes from, and what announcements alone need. */
class AnnounceSettingsTest {
  private static final String TOKEN = "0123456789abcdef";
  private static final Map<String, String> VARIABLE = Map.of(WebToken.VARIABLE, TOKEN + "-env");

  @TempDir private Path folder = Path.of("");

  @Test
  void aSettingGoesBeforeAFileBeforeTheEnvironment() throws Exception {
    Path file = Files.writeString(folder.resolve("token"), TOKEN + "\n");
    Path bad = Files.writeString(folder.resolve("bad"), "short");

    assertThat(WebToken.read(TOKEN, null, VARIABLE).token()).isNotNull();
    assertThat(WebToken.read(null, file, VARIABLE).token()).isNotNull();
    assertThat(WebToken.read(null, null, VARIABLE).token()).isNotNull();
    assertThat(WebToken.read(null, null, Map.of()).token()).isNull();
    assertThat(WebToken.read(null, null, Map.of(WebToken.VARIABLE, "")).token()).isNull();
    // Each is read where it is the one that counts, and named where it is wrong.
    assertThatThrownBy(() -> WebToken.read("short", null, VARIABLE))
        .isInstanceOf(InvalidSettingException.class)
        .hasMessageStartingWith("diffuscope.web.token: ");
    assertThatThrownBy(() -> WebToken.read(null, bad, VARIABLE))
        .isInstanceOf(InvalidSettingException.class)
        .hasMessageStartingWith(bad + ": ");
    assertThatThrownBy(() -> WebToken.read(null, null, Map.of(WebToken.VARIABLE, "short")))
        .isInstanceOf(InvalidSettingException.class)
        .hasMessageContaining(WebToken.VARIABLE);
    assertThatThrownBy(() -> WebToken.read(TOKEN, file, Map.of()))
        .hasMessageContaining("give one of them");
    assertThatThrownBy(() -> WebToken.read(null, folder.resolve("none"), Map.of()))
        .hasMessageContaining("token-file")
        .hasMessageContaining("umask 077");
  }

  @Test
  @DisabledOnOs(value = OS.WINDOWS, disabledReason = "permissions of POSIX")
  void aFileThatMoreThanItsOwnerCanReadIsWarnedOf() throws Exception {
    Path file = Files.writeString(folder.resolve("token"), TOKEN);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
    assertThat(WebToken.read(null, file, Map.of()).warning()).contains("chmod go-r " + file);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    assertThat(WebToken.read(null, file, Map.of()).warning()).isNull();
  }

  @Test
  void announcementsAloneNeedARunAndAToken() throws Exception {
    Map<String, Object> options = new HashMap<>();
    options.put("diffuscope.announce.roots", List.of(folder.toString()));
    assertThatThrownBy(() -> reader(options).checkpointsUnlessAnnounced())
        .isInstanceOf(InvalidSettingException.class)
        .hasMessageContaining("--run NAME");
    options.put("diffuscope.run", "r");
    Path file = Files.writeString(folder.resolve("token"), TOKEN);
    options.put("diffuscope.web.token-file", file.toString());
    assertThat(reader(options).checkpointsUnlessAnnounced()).isNull();
    assertThat(reader(options).announceRoots().isEmpty()).isFalse();
    assertThat(reader(options).web().token()).isNotNull();

    options.put("diffuscope.end.once", true);
    assertThatThrownBy(() -> reader(options).checkpointsUnlessAnnounced())
        .hasMessageContaining("end.once");
    options.put("diffuscope.checkpoints.directory", folder.toString());
    assertThat(reader(options).checkpointsUnlessAnnounced()).isNotNull();
  }

  @Test
  void withoutARootTheDirectoryIsMissing() {
    assertThatThrownBy(() -> reader(Map.of()).checkpointsUnlessAnnounced())
        .isInstanceOf(InvalidSettingException.class)
        .hasMessageContaining("diffuscope watch DIR");
    assertThatThrownBy(
            () -> reader(Map.of("diffuscope.announce.roots", List.of(""))).announceRoots())
        .isInstanceOf(InvalidSettingException.class);
  }

  private static SettingsReader reader(Map<String, Object> options) throws Exception {
    return new SettingsReader(Configuration.load(null, options));
  }
}
