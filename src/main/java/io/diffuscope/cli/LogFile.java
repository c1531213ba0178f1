package io.diffuscope.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.slf4j.LoggerFactory;

/**
 * The log file of a monitor. {@code logback.xml} reads the property when the first logger is made,
 * so this comes before anything that logs.
 */
final class LogFile {
  private static final String PROPERTY = "diffuscope.log.file";

  private LogFile() {}

  /**
   * Logs into the data directory, unless the user named another file. Where it cannot be written,
   * the terminal has the log alone.
   */
  static void in(Path dataDirectory) {
    Path file = dataDirectory.resolve("diffuscope.log");
    if (System.getProperty(PROPERTY) == null && isWritable(file)) {
      System.setProperty(PROPERTY, file.toString());
    }
  }

  private static boolean isWritable(Path file) {
    try {
      Files.createDirectories(file.getParent());
      Files.newByteChannel(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND).close();
      return true;
    } catch (IOException e) {
      LoggerFactory.getLogger(LogFile.class)
          .warn("{} cannot be written ({}): the terminal has the log alone", file, e.toString());
      return false;
    }
  }
}
