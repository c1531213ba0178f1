package io.diffuscope.run;

import io.diffuscope.sampling.Reference;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Squared distances, noise by noise, of the checkpoints judged last: what the next one is compared
 * with in pairs. Several are kept, because a training that is resumed goes back; but only up to a
 * number of bytes, beyond which the first checkpoint after a resumption is compared with none.
 *
 * <p>Not thread-safe: it belongs to one run.
 */
final class PairedDistances {
  private final long mostBytes;
  private final NavigableMap<Long, Map<Reference, double[]>> byStep = new TreeMap<>();
  private Map<Reference, double[]> latest = Map.of();
  private long bytes;

  /**
   * Empty.
   *
   * @param mostBytes memory for all checkpoints but the latest, which is always kept
   */
  PairedDistances(long mostBytes) {
    this.mostBytes = mostBytes;
  }

  /**
   * What a checkpoint is compared with: the last one judged before it; where there is none, the one
   * measured before.
   *
   * @param judgedBefore step of the last one judged before it, or null
   */
  Map<Reference, double[]> before(@Nullable Long judgedBefore) {
    return judgedBefore == null ? latest : byStep.getOrDefault(judgedBefore, Map.of());
  }

  /** Keeps what was measured; {@code judgedStep} is null for what the detectors did not see. */
  void put(@Nullable Long judgedStep, Map<Reference, double[]> distances) {
    latest = distances;
    if (judgedStep == null) {
      return;
    }
    byStep.put(judgedStep, distances);
    bytes += sizeOf(distances);
    while (bytes > mostBytes && byStep.size() > 1) {
      bytes -= sizeOf(byStep.pollFirstEntry().getValue());
    }
  }

  /** Forgets what an attempt from this step on supersedes. */
  void resumeFrom(long step) {
    latest = Map.of();
    NavigableMap<Long, Map<Reference, double[]>> superseded = byStep.tailMap(step, true);
    superseded.values().forEach(distances -> bytes -= sizeOf(distances));
    superseded.clear();
  }

  private static long sizeOf(Map<Reference, double[]> distances) {
    return distances.values().stream().mapToLong(d -> (long) d.length * Double.BYTES).sum();
  }
}
