package io.diffuscope.cli;

import java.io.IOException;

/** The port or the data directory cannot be had; the message says what to do. */
final class CannotServeException extends IOException {
  private static final long serialVersionUID = 1;

  CannotServeException(String message, Throwable cause) {
    super(message, cause);
  }

  CannotServeException(String message) {
    super(message);
  }
}
