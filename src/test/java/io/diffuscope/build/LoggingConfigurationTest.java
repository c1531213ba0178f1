package io.diffuscope.build;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.joran.JoranConfigurator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.util.LogbackMDCAdapter;
import ch.qos.logback.core.Appender;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.joran.spi.JoranException;
import ch.qos.logback.core.rolling.RollingFileAppender;
import ch.qos.logback.core.status.Status;
import java.net.URL;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The shipped logback.xml, read as the distribution reads it. */
class LoggingConfigurationTest {

  private final LoggerContext context = new LoggerContext();

  @AfterEach
  void stop() {
    context.stop();
  }

  @Test
  void logsToStandardErrorOnly() throws Exception {
    configure(Map.of());

    assertThat(appenders())
        .singleElement()
        .isInstanceOfSatisfying(
            ConsoleAppender.class,
            console -> assertThat(console.getTarget()).isEqualTo("System.err"));
  }

  @Test
  void librariesSpeakFromWarningsOn() throws Exception {
    configure(Map.of());

    assertThat(context.getLogger("io.diffuscope.run.TrainingRun").getEffectiveLevel())
        .isEqualTo(Level.INFO);
    assertThat(context.getLogger("akka.actor.ActorSystemImpl").getEffectiveLevel())
        .isEqualTo(Level.WARN);
    assertThat(context.getLogger("ai.djl.pytorch.engine.PtEngine").getEffectiveLevel())
        .isEqualTo(Level.WARN);
  }

  @Test
  void ownLevelCanBeSet() throws Exception {
    configure(Map.of("diffuscope.log.level", "DEBUG"));

    assertThat(context.getLogger("io.diffuscope.cli").getEffectiveLevel()).isEqualTo(Level.DEBUG);
    assertThat(context.getLogger("akka").getEffectiveLevel()).isEqualTo(Level.WARN);
  }

  @Test
  void aNamedFileReceivesTheLog(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("diffuscope.log");

    configure(Map.of("diffuscope.log.file", file.toString()));
    context.getLogger("io.diffuscope.cli").info("attached to {}", "run-7");

    assertThat(appenders()).hasAtLeastOneElementOfType(RollingFileAppender.class);
    assertThat(file).content().contains("INFO").contains("attached to run-7");
  }

  private void configure(Map<String, String> properties) throws JoranException {
    context.setMDCAdapter(new LogbackMDCAdapter());
    properties.forEach(context::putProperty);
    JoranConfigurator configurator = new JoranConfigurator();
    configurator.setContext(context);
    URL shipped = Objects.requireNonNull(getClass().getResource("/logback.xml"));
    configurator.doConfigure(shipped);
    assertThat(context.getStatusManager().getCopyOfStatusList())
        .filteredOn(status -> status.getEffectiveLevel() >= Status.WARN)
        .isEmpty();
  }

  private List<Appender<ILoggingEvent>> appenders() {
    List<Appender<ILoggingEvent>> appenders = new ArrayList<>();
    context
        .getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME)
        .iteratorForAppenders()
        .forEachRemaining(appenders::add);
    return appenders;
  }
}
