package io.diffuscope.sampling;

import ai.djl.ndarray.NDManager;
import io.diffuscope.data.DataSet;
import io.diffuscope.feature.FeatureMap;
import io.diffuscope.model.DevicePoints;
import io.diffuscope.tensorfile.BadInputException;
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
    return new ChainedTask<SetFeatures, DescribedSets>(
        SetFeatures.find(probe, map, manager),
        found -> {
          DataSet unit = new UnitFeatures(found.train());
          return Task.done(
              new DescribedSets(
                  unit,
                  DevicePoints.load(manager, unit, probe.spec().residentBytes()),
                  found.holdout()));
        });
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
