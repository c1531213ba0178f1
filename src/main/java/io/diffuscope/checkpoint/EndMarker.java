package io.diffuscope.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.Collection;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A file in the checkpoint directory that the job writes when it is done.
 *
 * <p>One that an earlier attempt of the job left behind must not end the next one: a marker does
 * not count while there is a checkpoint that is younger than it by more than the settle timeout,
 * which is the time that a checkpoint may take to be written after the job called itself done.
 *
 * <p>Not thread-safe: one belongs to one subscription.
 */
final class EndMarker {
  private static final Logger log = LoggerFactory.getLogger(EndMarker.class);

  private final @Nullable Path file;
  private final Duration slack;
  private boolean told;
  private boolean ignored;

  /**
   * The marker of a directory.
   *
   * @param name null: there is none
   */
  EndMarker(Path directory, @Nullable String name, Duration slack) {
    this.file = name == null ? null : directory.resolve(name);
    this.slack = slack;
  }

  /** That the training is over, told once: after a listing of these candidates. */
  Optional<Sighting> look(Collection<Candidate> candidates) {
    Path marker = file;
    if (marker == null || told) {
      return Optional.empty();
    }
    long written;
    try {
      BasicFileAttributes attributes = Files.readAttributes(marker, BasicFileAttributes.class);
      if (attributes.isDirectory()) {
        return Optional.empty();
      }
      written = FileVersion.of(marker, attributes).modifiedNanos();
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      log.debug("{} cannot be looked at", marker, e);
      return Optional.empty();
    }
    for (Candidate candidate : candidates) {
      if (candidate.version().modifiedNanos() - slack.toNanos() > written) {
        if (!ignored) {
          ignored = true;
          log.info(
              "{} is older than {}: it is from an earlier attempt, and ends nothing",
              marker,
              candidate.path());
        }
        return Optional.empty();
      }
    }
    told = true;
    return Optional.of(
        new Sighting.TrainingOver("the end marker %s is there".formatted(marker.getFileName())));
  }
}
