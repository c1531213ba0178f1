package io.diffuscope.cli;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.checkpoint.StructuralCheck;
import io.diffuscope.sampling.ProbeDevice;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.WeightFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The weights that a plan is timed with.
 *
 * @param checkpoint whose weights are in the network; null for the template's own
 * @param checking seconds of opening the file and checking its structure
 * @param loading seconds of loading the weights, when the file is in the system's memory
 * @param bytes of all files of the weights
 * @param unread one sentence for each younger checkpoint that could not be read
 */
record PlanWeights(
    @Nullable Checkpoint checkpoint,
    double checking,
    double loading,
    long bytes,
    List<String> unread) {
  /** A run keeps few that are being written; more than these are broken for another reason. */
  private static final int MOST_TRIED = 5;

  /** What cannot be used by waiting: watching would refuse each of them. */
  private static final Set<Reason> LASTING = Set.of(Reason.MISMATCH, Reason.UNSUPPORTED);

  /**
   * Loads the newest checkpoint that can be read, which may not be the newest of all: that one may
   * just be being written, or rotated away.
   *
   * @param newestFirst the checkpoints that were found
   * @throws BadInputException where none can be read, and the newest does not belong to the network
   */
  static PlanWeights load(ProbeDevice device, List<Checkpoint> newestFirst)
      throws BadInputException {
    List<String> unread = new ArrayList<>();
    BadInputException lasting = null;
    for (Checkpoint checkpoint : newestFirst.subList(0, Math.min(MOST_TRIED, newestFirst.size()))) {
      try {
        return load(device, checkpoint, unread);
      } catch (BadInputException e) {
        lasting = lasting == null && LASTING.contains(e.reason()) ? e : lasting;
        unread.add("%s was passed over: %s".formatted(checkpoint.name(), e.getMessage()));
      }
    }
    if (lasting != null) {
      throw lasting;
    }
    return new PlanWeights(null, 0, 0, 0, List.copyOf(unread));
  }

  /** The second time counts, when the file is in the system's memory, as after it was written. */
  private static PlanWeights load(ProbeDevice device, Checkpoint checkpoint, List<String> unread)
      throws BadInputException {
    Path file = checkpoint.weights().file();
    try {
      StructuralCheck.weights().check(file);
      device.useCheckpoint(checkpoint.identity(), checkpoint.weights());
      long start = System.nanoTime();
      StructuralCheck.weights().check(file);
      long checked = System.nanoTime();
      device.useCheckpoint(checkpoint.identity() + " again", checkpoint.weights());
      long loaded = System.nanoTime();
      long bytes = 0;
      for (Path part : WeightFiles.filesOf(file)) {
        bytes += Files.size(part);
      }
      return new PlanWeights(
          checkpoint,
          (checked - start) * 1e-9,
          (loaded - checked) * 1e-9,
          bytes,
          List.copyOf(unread));
    } catch (BadInputException e) {
      throw e;
    } catch (IOException e) {
      throw BadInputException.of(file, e);
    }
  }
}
