package io.diffuscope.run;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import org.slf4j.LoggerFactory;

/** Keeps a logger silent while a test provokes the failure that it would tell. */
final class Quiet {
  private Quiet() {}

  /** What may throw. */
  interface Action {
    void run() throws Exception;
  }

  static void during(String loggerName, Action action) throws Exception {
    Logger logger = (Logger) LoggerFactory.getLogger(loggerName);
    logger.setLevel(Level.OFF);
    try {
      action.run();
    } finally {
      logger.setLevel(null);
    }
  }
}
