package io.diffuscope.cli;

/** The monitor cannot go on. */
final class MonitorFailedException extends Exception {
  private static final long serialVersionUID = 1;

  MonitorFailedException(String message, Throwable cause) {
    super(message, cause);
  }
}
