package io.diffuscope.run;

import io.diffuscope.checkpoint.Checkpoint;
import io.diffuscope.sampling.Reference;
import java.io.IOException;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Squared distances, noise by noise, of the checkpoints judged last: what the next one is compared
 * with in pairs. Several are kept, because a training that is resumed goes back; but only up to a
 * number of bytes, beyond which the first checkpoint after a resumption is compared with none. They
 * are kept in the run's store as well, so that a program that is started again gives the same
 * numbers as one that never stopped.
 *
 * <p>Not thread-safe: it belongs to one run. It may block.
 */
final class PairedDistances {
  /** For going back: 670 checkpoints of 1000 samples against three references. */
  static final long MOST_BYTES = 16 << 20;

  private static final Logger log = LoggerFactory.getLogger(PairedDistances.class);

  private final RunStore store;
  private final SeriesId series;
  private final long mostBytes;
  private final NavigableMap<Long, Map<Reference, double[]>> byStep = new TreeMap<>();
  private Map<Reference, double[]> latest = Map.of();
  private long bytes;

  /**
   * Those of a series.
   *
   * @param mostBytes memory for all checkpoints but the latest, which is always kept
   */
  PairedDistances(RunStore store, SeriesId series, long mostBytes) {
    this.store = store;
    this.series = series;
    this.mostBytes = mostBytes;
  }

  /**
   * What a checkpoint is compared with.
   *
   * @param judgedBefore the last one judged before it; null: there is none, and it is compared with
   *     the one measured before
   */
  Map<Reference, double[]> before(@Nullable Checkpoint judgedBefore) {
    Long step = judgedBefore == null ? null : judgedBefore.step();
    if (judgedBefore == null || step == null) {
      return latest;
    }
    Map<Reference, double[]> known = byStep.get(step);
    return known == null ? stored(judgedBefore.identity()) : known;
  }

  private Map<Reference, double[]> stored(String identity) {
    try {
      return store.distances(series, identity);
    } catch (IOException e) {
      log.warn("{} is compared with nothing in pairs: {}", identity, e.getMessage());
      return Map.of();
    }
  }

  /** Goes on from what was measured last in another process; null: from nothing. */
  void goOnFrom(@Nullable String identity) {
    latest = identity == null ? Map.of() : stored(identity);
  }

  /** Keeps what was measured for good; called before the result is recorded. */
  void store(String identity, Map<Reference, double[]> distances) {
    try {
      store.keepDistances(series, identity, distances);
    } catch (IOException e) {
      log.warn(
          "after a restart nothing is compared with {} in pairs: {}", identity, e.getMessage());
    }
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
