package io.diffuscope.sampling;

import ai.djl.ndarray.NDManager;
import io.diffuscope.data.DataSet;
import io.diffuscope.feature.FeatureMap;
import io.diffuscope.model.DevicePoints;
import io.diffuscope.tensorfile.BadInputException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The sets as a descriptor sees them.
 *
 * @param train features of the training set, of length 1
 * @param trainPoints the same on the device
 * @param holdout features of the hold-out set, as the descriptor gives them; null without one
 */
record DescribedSets(DataSet train, DevicePoints trainPoints, @Nullable DataSet holdout)
    implements AutoCloseable {
  /** Finds the features, on disk or anew, a few images a piece. */
  static Task<DescribedSets> find(Probe probe, FeatureMap map, NDManager manager)
      throws BadInputException {
    DataSet holdout = probe.holdout();
    return new ChainedTask<DataSet, DescribedSets>(
        ComparedSets.features(probe, map, manager, probe.train(), "training set"),
        train ->
            holdout == null
                ? Task.done(load(probe, manager, train, null))
                : new ChainedTask<DataSet, DescribedSets>(
                    ComparedSets.features(probe, map, manager, holdout, "hold-out set"),
                    heldOut -> Task.done(load(probe, manager, train, heldOut))));
  }

  private static DescribedSets load(
      Probe probe, NDManager manager, DataSet train, @Nullable DataSet holdout)
      throws BadInputException {
    DataSet unit = new UnitFeatures(train);
    DevicePoints points =
        DevicePoints.load(
            manager,
            unit,
            DevicePoints.meanOf(unit),
            DevicePoints.blockRows(unit),
            probe.spec().residentBytes());
    return new DescribedSets(unit, points, holdout);
  }

  /** Folder of a set's features in the cache. */
  static Path folder(Probe probe, DataSet set, FeatureMap map) throws BadInputException {
    return Path.of(probe.spec().cacheDirectory(), "features")
        .resolve(probe.featureKey(set, map.key(), map.rows()));
  }

  @Override
  public void close() {
    trainPoints.close();
    train.close();
    if (holdout != null) {
      holdout.close();
    }
  }
}
