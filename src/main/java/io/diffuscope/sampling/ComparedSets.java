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
 */
record ComparedSets(DataSet train, DevicePoints trainPoints, @Nullable DataSet holdout) {
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
    if (map.isIdentity()) {
      return Task.done(new ComparedSets(probe.train(), points, probe.holdout()));
    }
    Task<DataSet> train = features(probe, map, manager, probe.train(), "training set");
    return new ChainedTask<DataSet, ComparedSets>(
        train, found -> withHoldout(probe, map, manager, found));
  }

  private static Task<ComparedSets> withHoldout(
      Probe probe, FeatureMap map, NDManager manager, DataSet train) throws BadInputException {
    DataSet set = probe.holdout();
    if (set == null) {
      return Task.done(load(probe, manager, train, null));
    }
    return new ChainedTask<DataSet, ComparedSets>(
        features(probe, map, manager, set, "hold-out set"),
        holdout -> Task.done(load(probe, manager, train, holdout)));
  }

  /** The features of a set, from the cache or found anew. */
  static Task<DataSet> features(
      Probe probe, FeatureMap map, NDManager manager, DataSet set, String role)
      throws BadInputException {
    return new FeatureTask(
        manager,
        set,
        role,
        map,
        DescribedSets.folder(probe, set, map),
        FeatureTask.Limits.standard());
  }

  private static ComparedSets load(
      Probe probe, NDManager manager, DataSet train, @Nullable DataSet holdout)
      throws BadInputException {
    DevicePoints points =
        DevicePoints.load(
            manager,
            train,
            DevicePoints.meanOf(train),
            DevicePoints.blockRows(train),
            probe.spec().residentBytes());
    return new ComparedSets(train, points, holdout);
  }

  /**
   * Queries that are searched for at a time: a block of points as they are, and of features, which
   * may be large, as many as fit.
   */
  static int queryRows(FeatureMap map, int batchSize) {
    long bytes = (long) map.dimension() * Float.BYTES;
    return map.isIdentity() ? batchSize : (int) Math.clamp(GROUP_BYTES / bytes, 1L, batchSize);
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
