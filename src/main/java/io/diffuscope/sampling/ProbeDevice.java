package io.diffuscope.sampling;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.data.DataSet;
import io.diffuscope.model.Denoiser;
import io.diffuscope.model.DevicePoints;
import io.diffuscope.model.EmpiricalDenoiser;
import io.diffuscope.model.MixtureDenoiser;
import io.diffuscope.model.NetworkDenoiser;
import io.diffuscope.model.NetworkSettings;
import io.diffuscope.model.TorchScriptNetwork;
import io.diffuscope.sampling.Observation.DenoisingObservation;
import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A probe on a device: the network, the sets and the reference flows' endpoints, each put there
 * once. Owned by one thread; everything it hands out is a {@link Task} for that thread.
 *
 * <pre>{@code
 * try (ProbeDevice device = ProbeDevice.load(probe, Devices.best())) {
 *   device.useCheckpoint(identity, path);
 *   try (Task<SampleObservation> task = device.sampleBlock(0)) {
 *     while (task.advance()) {}
 *     SampleObservation observation = task.result();
 *   }
 * }
 * }</pre>
 */
public final class ProbeDevice implements AutoCloseable {
  private static final long MOST_BLOCK_ROWS = 4096;
  private static final long MOST_BLOCK_BYTES = 64L << 20;

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

  private static final float LARGEST_SAMPLE = 1e12f;

  private final Probe probe;
  private final NDManager manager;
  private final KeptArrays kept;
  private final EndpointStore endpointStore;
  private final GeometryStore geometryStore;
  private final NetworkDenoiser network;
  private final DevicePoints train;
  private final Map<Reference, Denoiser> references = new EnumMap<>(Reference.class);
  private final Map<Integer, BlockReferences> blockReferences = new HashMap<>();
  private @Nullable Samples samples;
  private @Nullable DenoisingPlan denoisingPlan;
  private @Nullable String loadedCheckpoint;
  private @Nullable Path loadedFile;

  private ProbeDevice(Probe probe, NDManager manager, NetworkDenoiser network, DevicePoints train) {
    this.probe = probe;
    this.manager = manager;
    this.kept = new KeptArrays(manager);
    this.network = network;
    this.train = train;
    Path cache = Path.of(probe.spec().cacheDirectory());
    this.endpointStore = new EndpointStore(cache);
    this.geometryStore = new GeometryStore(cache);
  }

  /** Puts a probe on a device: loads the template and the sets. */
  public static ProbeDevice load(Probe probe, Device device) throws BadInputException {
    return load(probe, NDManager.newBaseManager(device));
  }

  /** As {@link #load(Probe, Device)}, on a manager that is closed with the probe. */
  static ProbeDevice load(Probe probe, NDManager manager) throws BadInputException {
    ProbeSpec spec = probe.spec();
    TorchScriptNetwork graph = null;
    try {
      graph =
          TorchScriptNetwork.load(Path.of(spec.template()), manager.getDevice(), spec.network());
      DevicePoints train =
          DevicePoints.load(
              manager,
              probe.train(),
              DevicePoints.meanOf(probe.train()),
              blockRows(probe.train()),
              spec.residentBytes());
      return new ProbeDevice(probe, manager, NetworkDenoiser.create(graph), train);
    } catch (BadInputException | RuntimeException e) {
      manager.close();
      if (graph != null) {
        graph.close();
      }
      throw e;
    }
  }

  /**
   * Points in one block of a set on the device: enough for large matrix products, and bounded
   * memory whatever the dimension.
   */
  private static int blockRows(DataSet set) {
    long bytesPerPoint = Math.multiplyExact(set.pointShape().elements(), (long) Float.BYTES);
    return (int) Math.clamp(MOST_BLOCK_BYTES / bytesPerPoint, 1L, MOST_BLOCK_ROWS);
  }

  public Probe probe() {
    return probe;
  }

  /** The geometry of the sets, from the cache or found anew. */
  public Task<SetGeometry> geometry() {
    return geometryStore
        .find(
            probe.geometryKey(),
            Math.toIntExact(probe.train().size()),
            probe.holdout() == null ? 0 : Math.toIntExact(probe.holdout().size()))
        .map(ProbeDevice::finished)
        .orElseGet(this::findGeometry);
  }

  private Task<SetGeometry> findGeometry() {
    ProbeSpec spec = probe.spec();
    GeometryTask task =
        new GeometryTask(
            manager,
            probe.train(),
            train,
            probe.holdout(),
            spec.batchSize(),
            spec.residentBytes(),
            spec.seed());
    return new Task<>() {
      @Override
      public boolean advance() throws BadInputException {
        return task.advance();
      }

      @Override
      public double progress() {
        return task.progress();
      }

      @Override
      public SetGeometry result() {
        SetGeometry geometry = task.result();
        geometryStore.put(probe.geometryKey(), geometry);
        return geometry;
      }

      @Override
      public void close() {
        task.close();
      }
    };
  }

  private static <T> Task<T> finished(T value) {
    return new Task<>() {
      @Override
      public boolean advance() {
        return false;
      }

      @Override
      public double progress() {
        return 1;
      }

      @Override
      public T result() {
        return value;
      }

      @Override
      public void close() {}
    };
  }

  /** Takes the geometry into use; needed before samples are measured. */
  public void useGeometry(SetGeometry geometry) throws BadInputException {
    DataSet holdout = probe.holdout();
    int[] compared = geometry.comparedHoldout();
    DevicePoints points = null;
    if (holdout != null && compared != null && compared.length >= 2) {
      DataSet subset = RowSubset.of(holdout, compared);
      points =
          DevicePoints.load(
              manager, subset, train.centre(), blockRows(subset), probe.spec().residentBytes());
      denoisingPlan = new DenoisingPlan(probe.train(), subset, probe.spec().denoising());
    }
    samples = new Samples(train, geometry, points);
  }

  public boolean hasGeometry() {
    return samples != null;
  }

  /** Whether the endpoints of this block are on disk already. */
  public boolean hasReferenceBlock(Reference reference, int block) {
    return storedEndpoints(reference, block) != null;
  }

  private float @Nullable [] storedEndpoints(Reference reference, int block) {
    return endpointStore
        .find(probe.endpointKey(reference), block, probe.rowsOfBlock(block), probe.dimension())
        .orElse(null);
  }

  /**
   * Computes and keeps the endpoints of a reference's flow for one block; the result is their
   * number.
   */
  public Task<Integer> referenceBlock(Reference reference, int block) throws BadInputException {
    int rows = probe.rowsOfBlock(block);
    if (hasReferenceBlock(reference, block)) {
      return finished(rows);
    }
    FlowTask<float[]> flow = referenceFlow(reference, block);
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
  private FlowTask<float[]> referenceFlow(Reference reference, int block) throws BadInputException {
    int rows = probe.rowsOfBlock(block);
    return new FlowTask<>(manager, kept, denoiser(reference), probe, block, rows) {
      @Override
      public float[] result() {
        try (NDManager scratch = manager.newSubManager()) {
          float[] values = endpoints(scratch).toFloatArray();
          endpointStore.put(probe.endpointKey(reference), block, rows, probe.dimension(), values);
          return values;
        }
      }
    };
  }

  private Denoiser denoiser(Reference reference) throws BadInputException {
    Denoiser denoiser = references.get(reference);
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
                        blockRows(probe.train()),
                        probe.spec().residentBytes()));
            case TEACHER -> loadTeacher();
          };
      references.put(reference, denoiser);
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
   * Puts a checkpoint's weights into the network, unless they are there already. After a failure no
   * checkpoint is loaded.
   */
  public void useCheckpoint(String identity, Path weights) throws BadInputException {
    if (!identity.equals(loadedCheckpoint)) {
      loadedCheckpoint = null;
      network.network().loadWeights(weights);
      loadedCheckpoint = identity;
      loadedFile = weights;
    }
  }

  /** Whether this checkpoint's weights are in the network. */
  public boolean isLoaded(String identity) {
    return identity.equals(loadedCheckpoint);
  }

  /** Forgets the loaded checkpoint: what was read turned out not to be what was asked for. */
  public void forgetCheckpoint() {
    loadedCheckpoint = null;
  }

  /** Tensors of the loaded checkpoint that the network has no parameter for. */
  public List<String> ignoredTensors() {
    return network.network().ignoredTensors();
  }

  /** Samples one block of noises from the loaded checkpoint and measures them. */
  public Task<SampleObservation> sampleBlock(int block) throws BadInputException {
    Samples measured = Objects.requireNonNull(samples, "useGeometry comes first");
    Objects.requireNonNull(loadedCheckpoint, "useCheckpoint comes first");
    int rows = probe.rowsOfBlock(block);
    BlockReferences known = referencesOf(block, measured);
    long first = (long) block * probe.spec().batchSize();
    return new FlowTask<>(manager, kept, network, probe, block, rows) {
      @Override
      public SampleObservation result() throws BadInputException {
        try (NDManager scratch = manager.newSubManager()) {
          NDArray endpoints = endpoints(scratch);
          // Also false for NaN; beyond it squares and inner products overflow.
          if (!endpoints.abs().lt(LARGEST_SAMPLE).all().getBoolean()) {
            throw diverged(loadedFile);
          }
          return measured.observe(block, first, endpoints, known);
        }
      }
    };
  }

  /**
   * The reference endpoints of a block, from disk the first time and from the device afterwards.
   */
  private BlockReferences referencesOf(int block, Samples measured) throws BadInputException {
    BlockReferences known = blockReferences.get(block);
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
      blockReferences.put(block, known);
    }
    return known;
  }

  private NDArray endpointsOf(Reference reference, int block) throws BadInputException {
    int rows = probe.rowsOfBlock(block);
    float[] values = storedEndpoints(reference, block);
    if (values == null) {
      // The cache lost it since it was made, or there never was a disk to keep it on.
      try (FlowTask<float[]> flow = referenceFlow(reference, block)) {
        while (flow.advance()) {}
        values = flow.result();
      }
    }
    return manager.create(values, new Shape(rows, probe.dimension()));
  }

  /** Measures one block of the denoising loss of the loaded checkpoint. */
  public Task<DenoisingObservation> denoisingBlock(double sigma, int block) {
    Objects.requireNonNull(loadedCheckpoint, "useCheckpoint comes first");
    return new DenoisingTask(
        manager,
        kept,
        network,
        probe,
        Objects.requireNonNull(denoisingPlan, "there is no hold-out set"),
        sigma,
        block) {
      @Override
      public DenoisingObservation result() throws BadInputException {
        DenoisingObservation observation = super.result();
        if (!Arrays.stream(observation.losses()).allMatch(Double::isFinite)) {
          throw diverged(loadedFile);
        }
        return observation;
      }
    };
  }

  private static BadInputException diverged(@Nullable Path checkpoint) {
    return new BadInputException(
        String.valueOf(checkpoint),
        Reason.NON_FINITE,
        "the network returns NaN, infinite or absurdly large values: the training has diverged",
        null);
  }

  @Override
  public void close() {
    references.values().forEach(Denoiser::close);
    network.close();
    manager.close();
  }
}
