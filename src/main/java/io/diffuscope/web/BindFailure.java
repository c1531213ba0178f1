package io.diffuscope.web;

import java.io.IOException;
import java.net.BindException;
import java.net.UnknownHostException;
import java.nio.channels.UnresolvedAddressException;
import java.util.Locale;

/** The server cannot listen where it was told to; the message says why and what to do. */
public final class BindFailure extends IOException {
  private static final long serialVersionUID = 1;

  private BindFailure(String message, Throwable cause) {
    super(message, cause);
  }

  static BindFailure of(WebSettings settings, Throwable failure) {
    String reason = reason(failure);
    String lower = reason.toLowerCase(Locale.ROOT);
    String message;
    if (lower.contains("in use")) {
      message =
          "port %d on %s is in use: choose another with --port or 0 for any free one"
              .formatted(settings.port(), settings.host());
    } else if (lower.contains("permission denied")) {
      message =
          "port %d on %s needs privileges: choose one above 1023 with --port or 0 for any free one"
              .formatted(settings.port(), settings.host());
    } else if (lower.contains("unresolved") || lower.contains("cannot assign")) {
      message =
          "%s is not an address of this machine: choose another host, or 127.0.0.1 for this machine alone"
              .formatted(settings.host());
    } else {
      message =
          "cannot listen on port %d of %s: %s".formatted(settings.port(), settings.host(), reason);
    }
    return new BindFailure(message, failure);
  }

  private static String reason(Throwable failure) {
    String reason = String.valueOf(failure.getMessage());
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof UnresolvedAddressException || cause instanceof UnknownHostException) {
        return "unresolved address";
      }
      if (cause instanceof BindException) {
        reason = String.valueOf(cause.getMessage());
      }
    }
    return reason;
  }
}
