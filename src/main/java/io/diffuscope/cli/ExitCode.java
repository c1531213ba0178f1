package io.diffuscope.cli;

import io.diffuscope.run.FailureReason;
import java.util.LinkedHashMap;
import java.util.Map;

/** Exit codes of all commands; the help, README and the manual have what they mean from here. */
final class ExitCode {
  static final int OK = 0;

  /** Something failed that no input explains. */
  static final int FAILURE = 1;

  /** Options that make no sense; picocli's own code too. */
  static final int USAGE = 2;

  /** A file that cannot be used: missing, malformed, of the wrong shape. */
  static final int BAD_INPUT = 3;

  /** The port or the data directory is taken, or cannot be used. */
  static final int CANNOT_SERVE = 4;

  /** Of the launcher, which looks for Java. */
  static final int UNAVAILABLE = 69;

  /** What a shell makes of an end by a signal: 128 and its number. */
  static final int INTERRUPTED = 130;

  static final int TERMINATED = 143;

  private ExitCode() {}

  /** Each with what it means, in order. */
  static Map<Integer, String> meanings() {
    Map<Integer, String> meanings = new LinkedHashMap<>();
    meanings.put(OK, "done");
    meanings.put(FAILURE, "failed for a reason that no input explains");
    meanings.put(USAGE, "options that make no sense");
    meanings.put(
        BAD_INPUT,
        "a file cannot be used: missing, malformed, of the wrong shape; with --once also: the"
            + " directory cannot be listed, or what is there does not match");
    meanings.put(CANNOT_SERVE, "the port or the data directory cannot be had");
    meanings.put(UNAVAILABLE, "no suitable Java, or an incomplete installation");
    meanings.put(INTERRUPTED, "interrupted (Ctrl-C)");
    meanings.put(TERMINATED, "ended by SIGTERM");
    return meanings;
  }

  /** For an evaluation that failed: whether an input is at fault, so that a person can mend it. */
  static int ofFailure(String reason) {
    return FailureReason.isBadInput(reason) ? BAD_INPUT : FAILURE;
  }
}
