package io.diffuscope.cli;

import io.diffuscope.run.FailureReason;

/** Exit codes of all commands, as documented in README. */
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

  private ExitCode() {}

  /** For an evaluation that failed: whether an input is at fault, so that a person can mend it. */
  static int ofFailure(String reason) {
    return FailureReason.isBadInput(reason) ? BAD_INPUT : FAILURE;
  }
}
