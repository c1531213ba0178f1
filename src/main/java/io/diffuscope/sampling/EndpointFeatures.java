package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.diffuscope.feature.FeatureMap;
import io.diffuscope.tensorfile.BadInputException;
import java.util.HashMap;
import java.util.Map;

/** Features of reference flows' endpoints, kept for the next checkpoint as far as they fit. */
final class EndpointFeatures {
  /** Some rows of a block of a reference's flow. */
  private record Part(Reference reference, int block, int from) {}

  private final FeatureMap map;
  private final String source;
  private final NDManager manager;
  private final long mostBytes;
  private final Map<Part, NDArray> features = new HashMap<>();
  private long bytes;

  /**
   * Nothing kept yet.
   *
   * @param source file of the map, for messages
   * @param manager owns what is kept
   * @param mostBytes device memory that it may occupy
   */
  EndpointFeatures(FeatureMap map, String source, NDManager manager, long mostBytes) {
    this.map = map;
    this.source = source;
    this.manager = manager;
    this.mostBytes = mostBytes;
  }

  /**
   * Features of some endpoints. They may be kept: they are not to be changed, and what is computed
   * from them has another array on its left side.
   *
   * @param endpoints of the whole block, float32 {@code [rows, d]}
   * @param owner owns them if they are not kept
   * @return float32 {@code [count, dimension]}
   */
  NDArray of(
      Reference reference, int block, NDArray endpoints, int from, int count, NDManager owner)
      throws BadInputException {
    if (map.isIdentity()) {
      return BlockMeasurement.slice(endpoints, from, count, owner);
    }
    Part part = new Part(reference, block, from);
    NDArray known = features.get(part);
    if (known == null) {
      try (NDManager scratch = owner.newSubManager()) {
        NDArray rows = endpoints.get("%d:%d".formatted(from, from + count));
        rows.attach(scratch);
        known = map.apply(rows);
        Samples.requireUsable(
            known, map, source, "for endpoints of the flow of the " + reference.label());
        long size = known.size() * Float.BYTES;
        boolean keep = bytes + size <= mostBytes;
        known.attach(keep ? manager : owner);
        if (keep) {
          features.put(part, known);
          bytes += size;
        }
      }
    }
    return known;
  }
}
