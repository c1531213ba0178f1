package io.diffuscope.model;

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.Platform;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps one native warning from the terminal.
 *
 * <p>When a parameter is set for the first time the engine's bridge trips libtorch's warning about
 * {@code AutoNonVariableTypeMode}, which speaks of "silent wrong results" to the users of a call
 * that neither they nor we make. No setting reaches it: it is written to the process' standard
 * error by native code, once. So that stream points to nowhere while the first graph is loaded; a
 * failure still comes back as an exception.
 */
final class EngineChatter {
  private static final Logger log = LoggerFactory.getLogger(EngineChatter.class);
  private static final AtomicBoolean heard = new AtomicBoolean();
  private static final int STANDARD_ERROR = 2;
  private static final int WRITE_ONLY = 1;

  private EngineChatter() {}

  /** The few calls of the C library that are needed; names as in POSIX. */
  interface Descriptors extends Library {
    int dup(int descriptor);

    int dup2(int from, int to);

    int open(String path, int flags);

    int close(int descriptor);
  }

  /** Runs a call; the process' first one with standard error pointing to nowhere. */
  static void withoutFirstWarning(Runnable call) {
    if (heard.getAndSet(true) || Platform.isWindows()) {
      call.run();
      return;
    }
    Descriptors c;
    try {
      c = Native.load(Platform.C_LIBRARY_NAME, Descriptors.class);
    } catch (UnsatisfiedLinkError e) {
      log.debug("standard error cannot be redirected", e);
      call.run();
      return;
    }
    int saved = c.dup(STANDARD_ERROR);
    int nowhere = c.open("/dev/null", WRITE_ONLY);
    if (saved < 0 || nowhere < 0) {
      call.run();
      return;
    }
    try {
      c.dup2(nowhere, STANDARD_ERROR);
      call.run();
    } finally {
      c.dup2(saved, STANDARD_ERROR);
      c.close(saved);
      c.close(nowhere);
    }
  }
}
