package io.diffuscope.checkpoint;

import akka.NotUsed;
import akka.stream.javadsl.Source;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Where a run's checkpoints come from: a directory, a bucket, announcements over HTTP.
 *
 * <p>A source polls or listens on threads of its own and never asks a run to wait. It keeps going
 * through failures: a {@link Sighting.Problem} says that it cannot see checkpoints now, a {@link
 * Sighting.Recovered} that it can again.
 */
@FunctionalInterface
public interface CheckpointSource {
  /** The sightings; each materialization starts afresh. When it completes, nothing more comes. */
  Source<Sighting, NotUsed> sightings();

  /**
   * How long it may say nothing before it is probable that what it looks at hangs; null: as long as
   * it likes.
   */
  default @Nullable Duration longestSilence() {
    return null;
  }
}
