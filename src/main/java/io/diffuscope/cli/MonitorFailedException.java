package io.diffuscope.cli;

import io.diffuscope.run.EvaluationException;
import io.diffuscope.run.FailureReason;

/** The monitor cannot go on. */
final class MonitorFailedException extends Exception {
  private static final long serialVersionUID = 1;

  MonitorFailedException(String message, Throwable cause) {
    super(message, cause);
  }

  /** What a shell is told: whether an input is at fault. */
  int exitCode() {
    return getCause() instanceof EvaluationException e && FailureReason.isBadInput(e.reason())
        ? ExitCode.BAD_INPUT
        : ExitCode.FAILURE;
  }
}
