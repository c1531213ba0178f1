package io.diffuscope.cli;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.checkpoint.Hold;
import io.diffuscope.checkpoint.HoldSettings;
import io.diffuscope.checkpoint.Holds;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.Locations;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How a checkpoint would be held while it is evaluated, tried on one.
 *
 * @param seconds of making the hold; 0 without one
 * @param how in a few words
 */
record PlanHold(double seconds, String how) {
  /** Larger files are copied by nobody who only asks for a plan. */
  private static final long MOST_TRIED = 1L << 30;

  /**
   * Holds the checkpoint for a moment, in a folder of its own beside where a monitor holds them.
   *
   * @param dataDirectory of the monitor; it may not exist yet
   */
  static PlanHold of(PlanWeights weights, HoldSettings settings, Path dataDirectory) {
    Checkpoint checkpoint = weights.checkpoint();
    if (settings.mode() == HoldSettings.Mode.OFF) {
      return new PlanHold(0, "off: checkpoints are read where they lie (holds.mode)");
    }
    if (checkpoint == null) {
      return new PlanHold(0, "not timed without a checkpoint");
    }
    if (Locations.isElsewhere(checkpoint.weights().path())) {
      return new PlanHold(0, "none: objects of a bucket are not held");
    }
    if (weights.bytes() > settings.maxBytes()) {
      return new PlanHold(
          0, "none: a checkpoint is larger than holds.max-bytes, so it is read where it lies");
    }
    if (weights.bytes() > MOST_TRIED) {
      return new PlanHold(
          weights.loading(),
          "a copy would take about as long as reading the weights; a hard link takes no time");
    }
    try {
      return tried(checkpoint, settings, dataDirectory);
    } catch (BadInputException e) {
      return new PlanHold(0, "not timed: " + e.getMessage());
    } catch (IOException e) {
      return new PlanHold(0, "not timed: %s cannot be written (%s)".formatted(dataDirectory, e));
    }
  }

  private static PlanHold tried(Checkpoint checkpoint, HoldSettings settings, Path dataDirectory)
      throws IOException {
    Path parent = Files.createDirectories(DataDirectory.cache(dataDirectory));
    Path folder = Files.createTempDirectory(parent, "plan");
    try (Holds holds = Holds.open(folder, settings, Set.of())) {
      long start = System.nanoTime();
      try (Hold hold = holds.request(checkpoint).take()) {
        double seconds = (System.nanoTime() - start) * 1e-9;
        Hold.InPlace inPlace = hold.inPlace();
        return inPlace == null
            ? new PlanHold(seconds, how(checkpoint, hold.checkpoint()))
            : new PlanHold(seconds, "none: " + inPlace.message());
      }
    } finally {
      Files.deleteIfExists(folder);
    }
  }

  private static String how(Checkpoint found, Checkpoint held) throws IOException {
    @Nullable Path copy = held.held() == null ? null : held.readFrom().file();
    if (copy == null) {
      return "none: the checkpoint is read where it lies";
    }
    return Files.isSameFile(copy, found.weights().file())
        ? "a hard link, which takes no space"
        : "a copy of the weights";
  }
}
