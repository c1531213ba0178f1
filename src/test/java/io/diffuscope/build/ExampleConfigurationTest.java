package io.diffuscope.build;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The example in the distribution's conf/ speaks of settings that exist. */
class ExampleConfigurationTest {

  @Test
  void setsOnlyWhatReferenceConfKnows() {
    Config example =
        ConfigFactory.parseFile(Path.of("src/main/dist/conf/diffuscope.conf").toFile());
    Config reference = ConfigFactory.parseResources("reference.conf");

    assertThat(example.entrySet())
        .isNotEmpty()
        .extracting(Map.Entry::getKey)
        .allMatch(reference::hasPathOrNull, "is in reference.conf");
  }
}
