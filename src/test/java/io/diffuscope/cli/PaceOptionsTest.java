package io.diffuscope.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diffuscope.cli.SettingsReader.InvalidSettingException;
import io.diffuscope.config.Configuration;
import io.diffuscope.run.Pace;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Options of pace over a file's, where one key of the file rules out another. */
class PaceOptionsTest {
  @TempDir private Path folder = Path.of("");

  @Command
  private static final class Holder {
    @Mixin private PaceOptions pace = new PaceOptions();
  }

  @Test
  void anOptionTakesThePlaceOfTheFiles() throws Exception {
    String file = "policy = every, every = 500, sampling-growth = 1.3";
    assertThat(pace(file)).isEqualTo(new Pace(Pace.Policy.EVERY, 500, 1_000, 1.3, null));
    assertThat(pace(file, "--policy", "latest").policy()).isEqualTo(Pace.Policy.LATEST);
    assertThat(pace(file, "--every", "20").every()).isEqualTo(20);
    assertThat(pace(file, "--budget", "10%"))
        .isEqualTo(new Pace(Pace.Policy.EVERY, 500, 1_000, 1, .1));
    assertThat(pace("budget = 10%", "--sampling-growth", "1.4"))
        .isEqualTo(new Pace(Pace.Policy.LATEST, 1, 1_000, 1.4, null));
    assertThat(pace("", "--every", "20").policy()).as("implied").isEqualTo(Pace.Policy.EVERY);
  }

  @Test
  void optionsThatRuleEachOtherOutAreRefused() {
    assertThatThrownBy(() -> pace("", "--every", "20", "--policy", "all"))
        .isInstanceOf(InvalidSettingException.class)
        .hasMessageContaining("needs the policy every, not all");
    assertThatThrownBy(() -> pace("", "--policy", "every"))
        .isInstanceOf(InvalidSettingException.class)
        .hasMessageContaining("--every STEPS");
    assertThatThrownBy(() -> pace("", "--budget", "10%", "--sampling-growth", "1.2"))
        .isInstanceOf(InvalidSettingException.class)
        .hasMessageContaining("not both");
  }

  private Pace pace(String checkpoints, String... options) throws Exception {
    Path file =
        Files.writeString(
            folder.resolve("diffuscope.conf"),
            "diffuscope { template = net.pt, train = train.npy, checkpoints { %s } }"
                .formatted(checkpoints));
    Holder holder = new Holder();
    new CommandLine(holder).parseArgs(options);
    Map<String, Object> overrides = new HashMap<>();
    holder.pace.addTo(overrides);
    return new SettingsReader(Configuration.load(file, overrides)).run("r").pace();
  }
}
