package io.diffuscope.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.Config;
import io.diffuscope.tensorfile.BadInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ConfigurationTest {
  @TempDir private Path folder = Path.of("");

  @Test
  void optionsWinOverTheFileAndTheFileOverTheDefaults() throws Exception {
    Path file =
        write(
            """
            diffuscope {
              web.port = 1111
              samples = 77
              checkpoints.poll-interval = 5 seconds
            }
            """);

    Config config = Configuration.load(file, Map.of("diffuscope.web.port", 2222));

    assertThat(config.getInt("diffuscope.web.port")).isEqualTo(2222);
    assertThat(config.getInt("diffuscope.samples")).isEqualTo(77);
    assertThat(config.getDuration("diffuscope.checkpoints.poll-interval"))
        .isEqualTo(Duration.ofSeconds(5));
    assertThat(config.getInt("diffuscope.ode.steps")).isEqualTo(18);
    assertThat(config.getString("akka.loglevel")).isEqualTo("INFO");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "diffuscope.web.prot = 1",
        "diffuscope.sample = 5",
        "diffuscope { flags.memorisation.looks = 3 }",
      })
  void aKeyThatNobodyKnowsIsRefusedByName(String text) throws Exception {
    Path file = write(text);
    String key = text.replaceAll("diffuscope \\{ | }| =.*", "");
    assertThatThrownBy(() -> Configuration.load(file, Map.of()))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining(file.toString())
        .hasMessageContaining(key);
  }

  @Test
  void everyKeyOfTheDefaultsMayBeInAFileAndAkkasToo() throws Exception {
    Path file =
        write(
            """
            diffuscope { train = a.npy, run = null, device.threads = 3, network.shape = [1, 8, 8] }
            diffuscope.sampler-dispatcher.throughput = 1
            akka.loglevel = DEBUG
            """);

    Config config = Configuration.load(file, Map.of());

    assertThat(config.getString("diffuscope.train")).isEqualTo("a.npy");
    assertThat(config.getString("akka.loglevel")).isEqualTo("DEBUG");
  }

  @Test
  void aFileThatIsMissingOrMalformedIsNamedWithItsLine() throws Exception {
    Path missing = folder.resolve("none.conf");
    assertThatThrownBy(() -> Configuration.load(missing, Map.of()))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("none.conf")
        .hasMessageContaining("no such configuration file");

    Path malformed = write("diffuscope {\n  web.port = \n");
    assertThatThrownBy(() -> Configuration.load(malformed, Map.of()))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining(malformed.toString());

    Path unresolved = write("diffuscope.train = ${nowhere.to.be.found}");
    assertThatThrownBy(() -> Configuration.load(unresolved, Map.of()))
        .isInstanceOf(BadInputException.class)
        .hasMessageContaining("nowhere.to.be.found");
  }

  private Path write(String text) throws Exception {
    return Files.writeString(folder.resolve("test.conf"), text);
  }
}
