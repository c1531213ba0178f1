package io.diffuscope.checkpoint;

import org.jspecify.annotations.Nullable;

/** No hold can be taken, and that is no fault of the checkpoint: it is read where it lies. */
final class HoldRefusedException extends Exception {
  private static final long serialVersionUID = 1;

  private final Hold.Obstacle obstacle;

  HoldRefusedException(Hold.Obstacle obstacle, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.obstacle = obstacle;
  }

  Hold.Obstacle obstacle() {
    return obstacle;
  }
}
