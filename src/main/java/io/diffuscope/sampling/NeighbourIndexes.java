package io.diffuscope.sampling;

import ai.djl.ndarray.NDManager;
import io.diffuscope.data.ContentHash;
import io.diffuscope.data.DataSet;
import io.diffuscope.model.DevicePoints;
import io.diffuscope.tensorfile.BadInputException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The indices of a probe's sets, from the cache or built; none under the exact search. */
final class NeighbourIndexes {
  private static final Logger log = LoggerFactory.getLogger(NeighbourIndexes.class);

  /** Another version of what is stored has another word. */
  private static final String FORMAT = "neighbour-index-1";

  private final Probe probe;
  private final NDManager manager;
  private final NeighbourIndexStore store;
  private final Map<String, NeighbourIndex> found = new HashMap<>();

  NeighbourIndexes(Probe probe, NDManager manager) {
    this.probe = probe;
    this.manager = manager;
    this.store = new NeighbourIndexStore(Path.of(probe.spec().cacheDirectory()));
  }

  /** Finds the indices of both sets, after which comes what was known before. */
  Task<SetGeometry> find(ComparedSets sets, SetGeometry geometry) throws BadInputException {
    double[] centre = sets.trainPoints().centre();
    DataSet holdout = comparedHoldout(sets, geometry);
    return new ChainedTask<>(
        index(sets.train(), "training set", centre),
        train ->
            holdout == null
                ? Task.done(geometry)
                : new ChainedTask<>(
                    index(holdout, "hold-out set", centre), other -> Task.done(geometry)));
  }

  /** The hold-out points that samples are compared with; null where there are too few. */
  static @Nullable DataSet comparedHoldout(ComparedSets sets, SetGeometry geometry) {
    DataSet holdout = sets.holdout();
    int[] rows = geometry.comparedHoldout();
    return holdout == null || rows == null || rows.length < 2 ? null : RowSubset.of(holdout, rows);
  }

  private Task<Boolean> index(DataSet set, String role, double[] centre) throws BadInputException {
    if (!probe.spec().neighbours().isIndexed(set.size())) {
      return Task.done(false);
    }
    String key = key(set);
    int size = Math.toIntExact(set.size());
    if (found.containsKey(key)) {
      return Task.done(true);
    }
    long taken =
        found.values().stream()
            .mapToLong(other -> NeighbourIndex.bytes(other.vectors().length, centre.length))
            .sum();
    NeighbourIndexTask.requireMemory(
        set, centre.length, Runtime.getRuntime().maxMemory() / 2 - taken);
    Optional<NeighbourIndex> stored = store.find(key, size, centre.length);
    if (stored.isPresent()) {
      found.put(key, stored.get());
      return Task.done(true);
    }
    Task<NeighbourIndex> build =
        new AnnouncedTask<>(
            new NeighbourIndexTask(manager, set, role, centre, probe.spec().seed()),
            "indexing the %s (%d points), once for this set".formatted(role, size),
            log::info,
            System::nanoTime);
    return new ChainedTask<>(
        build,
        index -> {
          store.put(key, index);
          found.put(key, index);
          return Task.done(true);
        });
  }

  private String key(DataSet set) throws BadInputException {
    // The centre is the training set's.
    return ContentHash.of(
        FORMAT, set.contentKey(), probe.train().contentKey(), Long.toString(probe.spec().seed()));
  }

  /** Searches a set through its index, or all of it where it has none. */
  PointSearch search(DataSet set, DevicePoints points, Orbit orbit) throws BadInputException {
    NeighbourSearch exact = new NeighbourSearch(points, orbit);
    NeighbourIndex index = found.isEmpty() ? null : found.get(key(set));
    return index == null ? exact : new IndexedSearch(set, index, exact, orbit);
  }
}
