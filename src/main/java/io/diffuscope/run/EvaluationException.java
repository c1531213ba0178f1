package io.diffuscope.run;

/**
 * An evaluation, or the preparation of a run, that cannot be finished: the reason is a metric
 * label, the message is for people.
 */
public final class EvaluationException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final String reason;

  public EvaluationException(String reason, String message) {
    super(message);
    this.reason = reason;
  }

  public String reason() {
    return reason;
  }
}
