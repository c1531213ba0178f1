package io.diffuscope.run;

import java.io.IOException;

/** A journal holds what no program of ours wrote: the message says where, and what to do. */
public final class JournalDamagedException extends IOException {
  private static final long serialVersionUID = 1;

  public JournalDamagedException(String message, Throwable cause) {
    super(message, cause);
  }
}
