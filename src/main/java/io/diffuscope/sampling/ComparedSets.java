package io.diffuscope.sampling;

import ai.djl.ndarray.NDManager;
import io.diffuscope.data.DataSet;
import io.diffuscope.feature.FeatureMap;
import io.diffuscope.model.DevicePoints;
import io.diffuscope.tensorfile.BadInputException;
import org.jspecify.annotations.Nullable;

/**
 * The sets as samples are compared with them: their features, which are the sets themselves under
 * the identity.
 *
 * @param train features of the training set
 * @param trainPoints the same on the device
 * @param holdout features of the hold-out set; null without one
 * @param orbit what counts as the same point
 */
record ComparedSets(
    DataSet train, DevicePoints trainPoints, @Nullable DataSet holdout, Orbit orbit) {
  /** Device memory that the features of one group of queries occupy. */
  private static final long GROUP_BYTES = 128L << 20;

  /**
   * Finds the features of a probe's sets.
   *
   * @param points the training set in the model's own space, on the device
   */
  static Task<ComparedSets> find(
      Probe probe, FeatureMap map, NDManager manager, DevicePoints points)
      throws BadInputException {
    Orbit orbit = orbit(probe, map);
    if (map.isIdentity()) {
      return Task.done(new ComparedSets(probe.train(), points, probe.holdout(), orbit));
    }
    return new ChainedTask<SetFeatures, ComparedSets>(
        SetFeatures.find(probe, map, manager),
        found ->
            Task.done(
                new ComparedSets(
                    found.train(),
                    DevicePoints.load(manager, found.train(), probe.spec().residentBytes()),
                    found.holdout(),
                    orbit)));
  }

  /** The orbits of what a map makes. */
  static Orbit orbit(Probe probe, FeatureMap map) throws BadInputException {
    return map.isIdentity()
        ? probe.pointOrbit()
        : Orbit.of(
            probe.spec().neighbours().augment(), map.shape(), String.valueOf(probe.comparedBy()));
  }

  /** Queries that are searched for at a time: of large points as many as fit. */
  static int queryRows(FeatureMap map, int batchSize) {
    long bytes = (long) map.dimension() * Float.BYTES;
    return (int) Math.clamp(GROUP_BYTES / bytes, 1L, batchSize);
  }

  /** Closes what does not belong to the probe. */
  void close(Probe probe) {
    if (train != probe.train()) {
      train.close();
      if (holdout != null) {
        holdout.close();
      }
    }
  }
}
