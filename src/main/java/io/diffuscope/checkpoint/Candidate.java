package io.diffuscope.checkpoint;

import io.diffuscope.tensorfile.WeightsLocation;
import java.nio.file.Path;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What a layout takes for a checkpoint in one listing.
 *
 * @param key stands for it in later listings, also when other weights of it are chosen meanwhile
 * @param path the file or directory that people would name
 * @param step of its name; null where the name has none
 * @param weights what would be read; null while it is not there
 * @param version of the weights
 * @param obstacle why it cannot be read yet; null where nothing is in the way
 * @param choice how the weights were chosen; empty where there was nothing to choose
 */
record Candidate(
    Path key,
    Path path,
    @Nullable Long step,
    @Nullable WeightsLocation weights,
    ContentVersion version,
    @Nullable Obstacle obstacle,
    String choice) {

  /** A candidate that is one file, with nothing in the way. */
  static Candidate ofFile(Path file, @Nullable Long step, FileVersion version) {
    return new Candidate(
        file, file, step, WeightsLocation.of(file), ContentVersion.of(version), null, "");
  }

  Candidate withoutMarker() {
    return obstacle == null || obstacle.kind() != Obstacle.Kind.MARKER
        ? this
        : new Candidate(key, path, step, weights, version, null, choice);
  }

  Candidate withStep(@Nullable Long newStep) {
    return new Candidate(key, path, newStep, weights, version, obstacle, choice);
  }

  /**
   * The checkpoint. Its identity holds the versions of all its files also where the name carries a
   * step, because a restarted training writes the same names again.
   *
   * @throws IllegalStateException while there are no weights
   */
  Checkpoint checkpoint() {
    if (weights == null) {
      throw new IllegalStateException(path + " has no weights yet");
    }
    return new Checkpoint(
        identity(path, version, weights),
        path.toString(),
        step,
        weights,
        Instant.EPOCH.plusNanos(version.modifiedNanos()));
  }

  static String identity(Path path, ContentVersion version, WeightsLocation weights) {
    String part = weights.part();
    return "%s@%s%s".formatted(path, version.text(), part == null ? "" : "#" + part);
  }
}
