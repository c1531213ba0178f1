package io.diffuscope.cli;

import io.diffuscope.data.ImagePreparation;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;

/**
 * How far the images of a folder or archive are decoded: a bar on a terminal, and a line from time
 * to time elsewhere.
 */
final class DecodingProgress implements ImagePreparation.Progress {
  private static final Duration BETWEEN_LINES = Duration.ofSeconds(10);

  private final StatusLine status;
  private final InstantSource clock;
  private Instant told = Instant.MIN;

  DecodingProgress(StatusLine status) {
    this(status, InstantSource.system());
  }

  /** By a clock of its own. */
  DecodingProgress(StatusLine status, InstantSource clock) {
    this.status = status;
    this.clock = clock;
  }

  @Override
  public void decoded(String what, long done, long total) {
    if (status.isMoving()) {
      if (done == total) {
        status.clear();
      } else {
        status.progress("decoding " + what, done, total);
      }
      return;
    }
    Instant now = clock.instant();
    if (done == total || told.equals(Instant.MIN) || !now.isBefore(told.plus(BETWEEN_LINES))) {
      told = now;
      status.print("decoding %s: %d of %d".formatted(what, done, total));
    }
  }
}
