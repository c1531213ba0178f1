package io.diffuscope.run;

import java.io.IOException;

/** The journal of a data directory cannot be used: the message says why, and what to do. */
public final class RunStoreException extends IOException {
  private static final long serialVersionUID = 1;

  RunStoreException(String message, Throwable cause) {
    super(message, cause);
  }

  RunStoreException(String message) {
    super(message);
  }
}
