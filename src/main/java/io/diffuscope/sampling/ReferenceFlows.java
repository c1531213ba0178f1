package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.feature.FeatureMap;
import io.diffuscope.model.Denoiser;
import io.diffuscope.model.DevicePoints;
import io.diffuscope.model.EmpiricalDenoiser;
import io.diffuscope.model.MixtureDenoiser;
import io.diffuscope.model.NetworkDenoiser;
import io.diffuscope.model.NetworkSettings;
import io.diffuscope.model.TorchScriptNetwork;
import io.diffuscope.tensorfile.BadInputException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The flows that samples are compared with: empirical ones of the training and hold-out set, and
 * the teacher's. Endpoints are computed once for each data set and noise bank, kept on disk, and
 * put on the device once.
 */
final class ReferenceFlows implements AutoCloseable {
  /**
   * What a group of samples of one block is compared with.
   *
   * @param features of the reference flows' endpoints, float32 {@code [count, dimension]}
   * @param empiricalNeighbour nearest training point of each of the empirical flow's endpoints;
   *     null where there is no such flow
   * @param ruler squared distances between the empirical flows of training and hold-out set; null
   *     without both
   */
  record BlockReferences(
      Map<Reference, NDArray> features,
      int @Nullable [] empiricalNeighbour,
      double @Nullable [] ruler) {}

  /** Some rows of a block. */
  private record Rows(int block, int from) {}

  /** What compares the references of some rows with the sets and with each other. */
  private record Comparison(int @Nullable [] neighbour, double @Nullable [] ruler) {}

  private final Probe probe;
  private final NDManager manager;
  private final KeptArrays kept;
  private final DevicePoints train;
  private final BlockFiles store;
  private final Map<Reference, Denoiser> denoisers = new EnumMap<>(Reference.class);
  private final Map<Integer, Map<Reference, NDArray>> blocks = new HashMap<>();
  private final EndpointFeatures features;
  private final Map<Rows, Comparison> comparisons = new HashMap<>();

  /**
   * The flows of a probe.
   *
   * @param train the training set on the device; stays the caller's to close
   * @param map through which endpoints are compared; stays the caller's to close
   */
  ReferenceFlows(
      Probe probe, NDManager manager, KeptArrays kept, DevicePoints train, FeatureMap map) {
    this.features =
        new EndpointFeatures(
            map, String.valueOf(probe.comparedBy()), manager, probe.spec().residentBytes());
    this.probe = probe;
    this.manager = manager;
    this.kept = kept;
    this.train = train;
    this.store = BlockFiles.endpoints(Path.of(probe.spec().cacheDirectory()));
  }

  /** Whether the endpoints of this block are on disk already. */
  boolean has(Reference reference, int block) {
    return storedEndpoints(reference, block) != null;
  }

  private float @Nullable [] storedEndpoints(Reference reference, int block) {
    return store
        .find(probe.endpointKey(reference), block, probe.rowsOfBlock(block), probe.dimension())
        .orElse(null);
  }

  /**
   * Computes and keeps the endpoints of a reference's flow for one block; the result is their
   * number.
   */
  Task<Integer> block(Reference reference, int block) throws BadInputException {
    int rows = probe.rowsOfBlock(block);
    if (has(reference, block)) {
      return Task.done(rows);
    }
    return flow(reference, block).map(endpoints -> rows);
  }

  /** The flow of a block from the start; its result is also kept on disk. */
  private FlowTask<float[]> flow(Reference reference, int block) throws BadInputException {
    int rows = probe.rowsOfBlock(block);
    return new FlowTask<>(manager, kept, conditioned(reference), probe, block, rows) {
      @Override
      public float[] result() {
        try (NDManager scratch = manager.newSubManager()) {
          float[] values = endpoints(scratch).toFloatArray();
          store.put(probe.endpointKey(reference), block, rows, probe.dimension(), values);
          return values;
        }
      }
    };
  }

  /** A teacher that knows classes is asked for none where the network knows none. */
  private Denoiser conditioned(Reference reference) throws BadInputException {
    Denoiser denoiser = denoiser(reference);
    if (reference == Reference.TEACHER && probe.classLabels() == null) {
      int[] none = new int[probe.spec().batchSize()];
      Arrays.fill(none, ClassLabels.NO_CLASS);
      return denoiser.given(none);
    }
    return denoiser;
  }

  private Denoiser denoiser(Reference reference) throws BadInputException {
    Denoiser denoiser = denoisers.get(reference);
    if (denoiser == null) {
      denoiser =
          switch (reference) {
            case TRAIN -> EmpiricalDenoiser.create(train);
            case HOLDOUT ->
                EmpiricalDenoiser.create(
                    DevicePoints.load(
                        manager,
                        Objects.requireNonNull(probe.holdout()),
                        train.centre(),
                        DevicePoints.blockRows(probe.train()),
                        probe.spec().residentBytes()));
            case TEACHER -> loadTeacher();
            case PEER, PREVIOUS, GENERATED -> throw reference.isNoFlow();
          };
      denoisers.put(reference, denoiser);
    }
    return denoiser;
  }

  private Denoiser loadTeacher() throws BadInputException {
    return switch (Objects.requireNonNull(probe.teacher())) {
      case Probe.Teacher.Mixture mixture -> MixtureDenoiser.create(manager, mixture.parameters());
      case Probe.Teacher.Network teacher ->
          NetworkDenoiser.create(
              TorchScriptNetwork.load(
                  teacher.file(), manager.getDevice(), NetworkSettings.Overrides.NONE));
    };
  }

  /**
   * Puts the reference endpoints of a block on the device, from disk the first time; until then
   * {@link #features} has none.
   */
  void load(int block) throws BadInputException {
    if (!blocks.containsKey(block)) {
      Map<Reference, NDArray> endpoints = new EnumMap<>(Reference.class);
      for (Reference reference : probe.references()) {
        endpoints.put(reference, endpointsOf(reference, block));
      }
      blocks.put(block, endpoints);
    }
  }

  /**
   * Features of some endpoints, as {@link EndpointFeatures#of}.
   *
   * @return float32 {@code [count, dimension]}
   */
  NDArray features(Reference reference, int block, int from, int count, NDManager owner)
      throws BadInputException {
    return features.of(reference, block, endpoints(reference, block), from, count, owner);
  }

  /** The endpoints of a loaded block, float32 {@code [rows, d]}; not to be changed. */
  NDArray endpoints(Reference reference, int block) {
    return Objects.requireNonNull(Objects.requireNonNull(blocks.get(block)).get(reference));
  }

  /**
   * What some samples are compared with; neighbours and ruler are computed once.
   *
   * @param from first row of the group within the block
   * @param found the features of the group, by reference
   */
  BlockReferences compared(int block, int from, Map<Reference, NDArray> found, Samples samples)
      throws BadInputException {
    Rows rows = new Rows(block, from);
    Comparison known = comparisons.get(rows);
    if (known == null) {
      known = compare(found.get(Reference.TRAIN), found.get(Reference.HOLDOUT), samples);
      comparisons.put(rows, known);
    }
    return new BlockReferences(found, known.neighbour, known.ruler);
  }

  private Comparison compare(@Nullable NDArray train, @Nullable NDArray holdout, Samples samples)
      throws BadInputException {
    if (train == null) {
      return new Comparison(null, null);
    }
    try (NDManager scratch = manager.newSubManager()) {
      NDArray mine = train.duplicate();
      mine.attach(scratch);
      int[] neighbours = samples.nearestTrain(mine);
      double[] ruler =
          holdout == null
              ? null
              : Samples.squaredDistances(mine.toType(DataType.FLOAT64, true), holdout);
      return new Comparison(neighbours, ruler);
    }
  }

  private NDArray endpointsOf(Reference reference, int block) throws BadInputException {
    int rows = probe.rowsOfBlock(block);
    float[] values = storedEndpoints(reference, block);
    if (values == null) {
      // The cache lost it since it was made, or there never was a disk to keep it on.
      values = flow(reference, block).complete();
    }
    return manager.create(values, new Shape(rows, probe.dimension()));
  }

  @Override
  public void close() {
    denoisers.values().forEach(Denoiser::close);
  }
}
