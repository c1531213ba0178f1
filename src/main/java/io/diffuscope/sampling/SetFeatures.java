package io.diffuscope.sampling;

import ai.djl.ndarray.NDManager;
import io.diffuscope.data.DataSet;
import io.diffuscope.feature.FeatureMap;
import io.diffuscope.tensorfile.BadInputException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Features of a probe's sets under a map, kept on disk.
 *
 * @param holdout null without a hold-out set
 */
record SetFeatures(DataSet train, @Nullable DataSet holdout) {
  /** Finds the features, on disk or anew, a few points a piece. */
  static Task<SetFeatures> find(Probe probe, FeatureMap map, NDManager manager)
      throws BadInputException {
    DataSet holdout = probe.holdout();
    return new ChainedTask<DataSet, SetFeatures>(
        of(probe, map, manager, probe.train(), "training set"),
        train ->
            holdout == null
                ? Task.done(new SetFeatures(train, null))
                : new ChainedTask<DataSet, SetFeatures>(
                    of(probe, map, manager, holdout, "hold-out set"),
                    heldOut -> Task.done(new SetFeatures(train, heldOut))));
  }

  private static Task<DataSet> of(
      Probe probe, FeatureMap map, NDManager manager, DataSet set, String role)
      throws BadInputException {
    return new FeatureTask(
        manager, set, role, map, folder(probe, set, map), FeatureTask.Limits.standard());
  }

  /** Folder of a set's features in the cache. */
  static Path folder(Probe probe, DataSet set, FeatureMap map) throws BadInputException {
    return Path.of(probe.spec().cacheDirectory(), "features")
        .resolve(probe.featureKey(set, map.key(), map.rows()));
  }
}
