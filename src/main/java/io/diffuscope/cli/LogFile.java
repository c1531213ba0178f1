package io.diffuscope.cli;

import java.nio.file.Path;

/**
 * The log file of a monitor. {@code logback.xml} reads the property when the first logger is made,
 * so this comes before anything that logs.
 */
final class LogFile {
  private static final String PROPERTY = "diffuscope.log.file";

  private LogFile() {}

  /** Logs into the data directory, unless the user named another file. */
  static void in(Path dataDirectory) {
    if (System.getProperty(PROPERTY) == null) {
      System.setProperty(PROPERTY, dataDirectory.resolve("diffuscope.log").toString());
    }
  }
}
