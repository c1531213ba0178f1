package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.model.Denoiser;
import io.diffuscope.model.DevicePoints;
import io.diffuscope.model.EmpiricalDenoiser;
import io.diffuscope.model.MixtureDenoiser;
import io.diffuscope.model.NetworkDenoiser;
import io.diffuscope.model.NetworkSettings;
import io.diffuscope.model.TorchScriptNetwork;
import io.diffuscope.tensorfile.BadInputException;
import java.nio.file.Path;
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
   * What the samples of one block are compared with.
   *
   * @param endpoints of the reference flows, float32 {@code [count, d]}
   * @param empiricalNeighbour nearest training point of each of the empirical flow's endpoints
   * @param ruler squared distances between the empirical flows of training and hold-out set; null
   *     without a hold-out set
   */
  record BlockReferences(
      Map<Reference, NDArray> endpoints, int[] empiricalNeighbour, double @Nullable [] ruler) {}

  private final Probe probe;
  private final NDManager manager;
  private final KeptArrays kept;
  private final DevicePoints train;
  private final EndpointStore store;
  private final Map<Reference, Denoiser> denoisers = new EnumMap<>(Reference.class);
  private final Map<Integer, BlockReferences> blocks = new HashMap<>();

  /**
   * The flows of a probe.
   *
   * @param train the training set on the device; stays the caller's to close
   */
  ReferenceFlows(Probe probe, NDManager manager, KeptArrays kept, DevicePoints train) {
    this.probe = probe;
    this.manager = manager;
    this.kept = kept;
    this.train = train;
    this.store = new EndpointStore(Path.of(probe.spec().cacheDirectory()));
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
    FlowTask<float[]> flow = flow(reference, block);
    return new Task<>() {
      @Override
      public boolean advance() {
        return flow.advance();
      }

      @Override
      public double progress() {
        return flow.progress();
      }

      @Override
      public Integer result() throws BadInputException {
        flow.result();
        return rows;
      }

      @Override
      public void close() {
        flow.close();
      }
    };
  }

  /** The flow of a block from the start; its result is also kept on disk. */
  private FlowTask<float[]> flow(Reference reference, int block) throws BadInputException {
    int rows = probe.rowsOfBlock(block);
    return new FlowTask<>(manager, kept, denoiser(reference), probe, block, rows) {
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
   * The reference endpoints of a block, from disk the first time and from the device afterwards.
   */
  BlockReferences of(int block, Samples measured) throws BadInputException {
    BlockReferences known = blocks.get(block);
    if (known == null) {
      Map<Reference, NDArray> endpoints = new EnumMap<>(Reference.class);
      for (Reference reference : probe.references()) {
        endpoints.put(reference, endpointsOf(reference, block));
      }
      try (NDManager scratch = manager.newSubManager()) {
        NDArray trainEndpoints = Objects.requireNonNull(endpoints.get(Reference.TRAIN)).duplicate();
        trainEndpoints.attach(scratch);
        int[] neighbours = measured.nearestTrain(trainEndpoints);
        NDArray holdoutEndpoints = endpoints.get(Reference.HOLDOUT);
        double[] ruler =
            holdoutEndpoints == null
                ? null
                : Samples.squaredDistances(
                    trainEndpoints.toType(DataType.FLOAT64, true), holdoutEndpoints);
        known = new BlockReferences(endpoints, neighbours, ruler);
      }
      blocks.put(block, known);
    }
    return known;
  }

  private NDArray endpointsOf(Reference reference, int block) throws BadInputException {
    int rows = probe.rowsOfBlock(block);
    float[] values = storedEndpoints(reference, block);
    if (values == null) {
      // The cache lost it since it was made, or there never was a disk to keep it on.
      try (FlowTask<float[]> flow = flow(reference, block)) {
        while (flow.advance()) {}
        values = flow.result();
      }
    }
    return manager.create(values, new Shape(rows, probe.dimension()));
  }

  @Override
  public void close() {
    denoisers.values().forEach(Denoiser::close);
  }
}
