package io.diffuscope.sampling;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.data.DataSet;
import io.diffuscope.feature.DecoderFile;
import io.diffuscope.feature.DescriptorFile;
import io.diffuscope.feature.FeatureMap;
import io.diffuscope.model.DevicePoints;
import io.diffuscope.model.Devices;
import io.diffuscope.model.NetworkDenoiser;
import io.diffuscope.model.TorchScriptNetwork;
import io.diffuscope.model.WeightsChoice;
import io.diffuscope.sampling.Observation.DenoisingObservation;
import io.diffuscope.sampling.Observation.FidelityObservation;
import io.diffuscope.sampling.Observation.IcrObservation;
import io.diffuscope.sampling.Observation.RepresentationObservation;
import io.diffuscope.sampling.Observation.SampleObservation;
import io.diffuscope.sampling.Observation.SpikinessObservation;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.TensorShape;
import io.diffuscope.tensorfile.WeightsLocation;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.IntToLongFunction;
import java.util.function.IntUnaryOperator;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A probe on a device: the network, the sets and the reference flows' endpoints, each put there
 * once. Owned by one thread; everything it hands out is a {@link Task} for that thread.
 *
 * <pre>{@code
 * try (ProbeDevice device = ProbeDevice.load(probe, Devices.best())) {
 *   device.useCheckpoint(identity, weights);
 *   SampleObservation observation = device.sampleBlock(0).complete();
 * }
 * }</pre>
 */
public final class ProbeDevice implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ProbeDevice.class);

  private final Probe probe;
  private final NDManager manager;
  private final KeptArrays kept;
  private final ReferenceFlows references;
  private final GeometryStore geometryStore;
  private final NeighbourIndexes indexes;
  private final NetworkDenoiser network;
  private final DevicePoints train;

  /** From points to images, or to what is compared where these are no images. */
  private final FeatureMap images;

  /** From points to what is compared. */
  private final FeatureMap map;

  private final @Nullable Description description;
  private @Nullable ComparedSets sets;
  private @Nullable Samples samples;
  private @Nullable DenoisingPlan denoisingPlan;
  private @Nullable SetImages spikinessImages;
  private int @Nullable [] comparedHoldout;
  private int @Nullable [] trainGroups;
  private @Nullable Pictures pictures;

  /** Hold-out points that class probes may be tested on; null without any. */
  private @Nullable DataSet testedHoldout;

  /** What class probes are fitted to and tested on, once a network was asked; null: nothing. */
  private @Nullable ProbedImages probedImages;

  private int featureLength;
  private boolean saidIcrIsOff;

  /** What fidelity is judged against; null where there is too little. */
  private @Nullable DataSet fidelityPoints;

  private @Nullable FidelityReference fidelity;
  private @Nullable String loadedCheckpoint;
  private @Nullable Path loadedFile;
  private final Map<String, SampleStore> stores = new HashMap<>();

  private ProbeDevice(
      Probe probe,
      NDManager manager,
      NetworkDenoiser network,
      DevicePoints train,
      FeatureMap images,
      @Nullable FeatureMap descriptor) {
    this.probe = probe;
    this.manager = manager;
    this.kept = new KeptArrays(manager);
    this.network = network;
    this.train = train;
    this.images = images;
    this.map = descriptor != null && probe.comparesDescribed() ? descriptor : images;
    this.references = new ReferenceFlows(probe, manager, kept, train, map);
    this.description =
        descriptor == null ? null : new Description(probe, manager, descriptor, references);
    this.indexes = new NeighbourIndexes(probe, manager);
    this.geometryStore = new GeometryStore(Path.of(probe.spec().cacheDirectory()));
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
      DevicePoints train = DevicePoints.load(manager, probe.train(), spec.residentBytes());
      DecoderFile decoder = probe.decoder();
      FeatureMap images =
          decoder == null ? FeatureMap.identity(probe.dimension()) : decoder.load(manager);
      DescriptorFile described = probe.descriptor();
      FeatureMap descriptor =
          described == null
              ? null
              : described.load(
                  manager, images, decoder == null ? probe.network().shape() : images.shape());
      return new ProbeDevice(
          probe, manager, NetworkDenoiser.create(graph), train, images, descriptor);
    } catch (BadInputException | RuntimeException e) {
      manager.close();
      if (graph != null) {
        graph.close();
      }
      throw e;
    }
  }

  public Probe probe() {
    return probe;
  }

  /**
   * The geometry of the sets, from the cache or found anew; before it, the features of the sets,
   * where points are not compared as they are, and what a descriptor sees in the sets; after it,
   * the indices that samples' neighbours are looked for with, if any.
   */
  public Task<SetGeometry> geometry() throws BadInputException {
    Task<SetGeometry> geometry =
        description == null || description.isReady()
            ? comparedGeometry()
            : new ChainedTask<>(description.find(), found -> comparedGeometry());
    return probe.spec().neighbours().search() == SearchMethod.EXACT
        ? geometry
        : new ChainedTask<>(geometry, found -> indexes.find(Objects.requireNonNull(sets), found));
  }

  private Task<SetGeometry> comparedGeometry() throws BadInputException {
    ComparedSets known = sets;
    return known == null
        ? new ChainedTask<>(ComparedSets.find(probe, map, manager, train), this::geometryOf)
        : storedGeometry(known);
  }

  private Task<SetGeometry> geometryOf(ComparedSets found) {
    sets = found;
    return storedGeometry(found);
  }

  private Task<SetGeometry> storedGeometry(ComparedSets found) {
    return geometryStore
        .find(
            probe.geometryKey(),
            Math.toIntExact(found.train().size()),
            found.holdout() == null ? 0 : Math.toIntExact(found.holdout().size()))
        .map(Task::done)
        .orElseGet(() -> findGeometry(found));
  }

  private Task<SetGeometry> findGeometry(ComparedSets found) {
    ProbeSpec spec = probe.spec();
    GeometryTask task =
        new GeometryTask(
            manager,
            found,
            probe.train(),
            probe.holdout(),
            ComparedSets.queryRows(map, spec.batchSize()),
            spec.residentBytes(),
            spec.neighbours(),
            spec.seed(),
            probe.split());
    Task<SetGeometry> stored =
        task.map(
            geometry -> {
              geometryStore.put(probe.geometryKey(), geometry);
              return geometry;
            });
    String what =
        "comparing the points of the sets with each other (%d for training), once for these sets"
            .formatted(found.train().size());
    return new AnnouncedTask<>(stored, what, log::info, System::nanoTime);
  }

  /** Takes the geometry into use; needed before samples are measured. */
  public void useGeometry(SetGeometry geometry) throws BadInputException {
    ComparedSets compared = Objects.requireNonNull(sets, "geometry comes first");
    trainGroups = geometry.trainGroups();
    DataSet holdout = probe.holdout();
    DataSet features = compared.holdout();
    int[] rows = geometry.comparedHoldout();
    PointSearch heldOutSearch = null;
    DataSet heldOut = null;
    if (holdout != null && features != null && rows != null && rows.length >= 2) {
      DataSet subset = RowSubset.of(features, rows);
      DevicePoints points =
          DevicePoints.load(
              manager,
              subset,
              compared.trainPoints().centre(),
              DevicePoints.blockRows(subset),
              probe.spec().residentBytes());
      heldOutSearch = indexes.search(subset, points, compared.orbit());
      heldOut = RowSubset.of(holdout, rows);
      useForFidelity(heldOut, rows);
      comparedHoldout = rows;
      denoisingPlan =
          new DenoisingPlan(probe.train(), heldOut, probe.denoising(), probe.classLabels());
    }
    // What is drawn from a large hold-out set for comparisons would be a loss to class probes.
    boolean isDistinct = geometry.holdoutDuplicates() == 0 && geometry.sharedGroups() == 0;
    testedHoldout = heldOut != null && isDistinct ? holdout : heldOut;
    featureLength = 0;
    spikinessImages = SetImages.of(probe.train(), heldOut, probe.spikiness().images());
    samples =
        new Samples(
            compared.trainPoints(),
            indexes.search(compared.train(), compared.trainPoints(), compared.orbit()),
            geometry,
            heldOutSearch);
  }

  /** In the descriptor's space, or in the model's own. */
  private void useForFidelity(DataSet heldOut, int[] rows) {
    if (fidelity != null) {
      fidelity.close();
      fidelity = null;
    }
    fidelityPoints = null;
    DataSet described = description == null ? null : description.holdout();
    DataSet judged = described == null ? heldOut : RowSubset.of(described, rows);
    int dimension = Math.toIntExact(judged.pointShape().elements());
    if (FidelityReference.isEnough(Math.toIntExact(judged.size()), dimension)) {
      fidelityPoints = judged;
    }
  }

  /** Whether the geometry of the sets is on disk already. */
  public boolean hasStoredGeometry() {
    DataSet holdout = probe.holdout();
    return geometryStore
        .find(
            probe.geometryKey(),
            Math.toIntExact(probe.train().size()),
            holdout == null ? 0 : Math.toIntExact(holdout.size()))
        .isPresent();
  }

  /**
   * What times the pieces of an evaluation here.
   *
   * @param nanos a clock
   * @param limit seconds that one kind of piece is repeated for
   */
  public Rehearsal rehearsal(LongSupplier nanos, double limit) {
    return new Rehearsal(probe, manager, network, train, map, nanos, limit);
  }

  /** Whether it is a GPU. */
  public boolean isOnGpu() {
    return manager.getDevice().isGpu();
  }

  /** Whether networks compute their float32 products with TF32 here. */
  public boolean usesTf32() {
    return Devices.usesTf32(manager.getDevice());
  }

  /** Parameters of the network. */
  public long parameterCount() {
    return network.network().parameterCount();
  }

  public boolean hasGeometry() {
    return samples != null;
  }

  /** Whether the endpoints of this block are on disk already. */
  public boolean hasReferenceBlock(Reference reference, int block) {
    return references.has(reference, block);
  }

  /**
   * Computes and keeps the endpoints of a reference's flow for one block; the result is their
   * number.
   */
  public Task<Integer> referenceBlock(Reference reference, int block) throws BadInputException {
    return references.block(reference, block);
  }

  /**
   * Puts a checkpoint's weights into the network, unless they are there already. After a failure no
   * checkpoint is loaded.
   */
  public void useCheckpoint(String identity, WeightsLocation weights) throws BadInputException {
    if (!identity.equals(loadedCheckpoint)) {
      loadedCheckpoint = null;
      network.network().loadWeights(weights);
      loadedCheckpoint = identity;
      loadedFile = weights.file();
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

  /**
   * Which copy of the network in the loaded checkpoint is used, for people; null where there is
   * only one, under the network's own names.
   */
  public @Nullable String weightsChoice() {
    WeightsChoice choice = network.network().choice();
    return choice == null || (choice.prefix().isEmpty() && choice.others().isEmpty())
        ? null
        : choice.toString();
  }

  /** Samples one block of noises from the loaded checkpoint and measures them. */
  public Task<SampleObservation> sampleBlock(int block) throws BadInputException {
    return sampleTask(block);
  }

  private SampleTask sampleTask(int block) throws BadInputException {
    Samples measured = Objects.requireNonNull(samples, "useGeometry comes first");
    Objects.requireNonNull(loadedCheckpoint, "useCheckpoint comes first");
    references.load(block);
    return new SampleTask(
        manager,
        kept,
        network,
        probe,
        block,
        new SampleTask.Measures(map, measured, references),
        loadedFile);
  }

  /**
   * Samples one block of noises from the loaded checkpoint, and makes observations of them: the
   * samples' first.
   *
   * @param measured what is measured beside neighbours and distances; what the probe has nothing
   *     for is left out
   * @param keep where the samples are kept for comparisons; null: nowhere
   * @param asked what is told of the worst of them; null: nothing
   */
  public Task<List<Observation>> samples(
      int block,
      Set<SampleMeasurement> measured,
      @Nullable KeptSamples keep,
      @Nullable EvidenceRequest asked)
      throws BadInputException {
    List<SampleBlockTask.Measure> measures = measures(measured);
    SampleTask sampling = sampleTask(block);
    if (asked != null) {
      measures.addAll(evidence(asked).of(sampling));
    }
    return new SampleBlockTask(
        sampling,
        block,
        (number, endpoints) -> {
          if (keep != null) {
            store(keep.directory())
                .put(
                    keep.address(),
                    number,
                    probe.rowsOfBlock(number),
                    probe.dimension(),
                    endpoints.toFloatArray());
          }
        },
        measures);
  }

  /** How that is measured; the points themselves are measured by the {@link SampleTask}. */
  private List<SampleBlockTask.Measure> measures(Set<SampleMeasurement> measured) {
    List<SampleBlockTask.Measure> measures = new ArrayList<>();
    if (measured.contains(SampleMeasurement.SPIKINESS) && probe.spikiness().images() > 0) {
      measures.add(this::spikinessOfSamples);
    }
    Description described = description;
    boolean judged = measured.contains(SampleMeasurement.FIDELITY) && fidelityPoints != null;
    // Fidelity takes the features that the similarities are made of.
    if ((judged || measured.contains(SampleMeasurement.SIMILARITIES)) && described != null) {
      int[] groups = measured.contains(SampleMeasurement.AUTHENTICITY) ? trainGroups : null;
      measures.add((number, endpoints) -> described.similarities(number, endpoints, groups));
    }
    if (judged) {
      measures.add(this::fidelityOfSamples);
    }
    return measures;
  }

  /**
   * Measures a block of noises as if they were samples, to see how long that takes: it depends on
   * shapes alone. What comes out of it is worth nothing, and thrown away.
   */
  public void measureStandIns(Set<SampleMeasurement> measured) throws BadInputException {
    references.load(0);
    int rows = probe.rowsOfBlock(0);
    try (NDManager scratch = manager.newSubManager()) {
      NDArray points =
          scratch
              .create(probe.noise().read(0, rows), new Shape(rows, probe.dimension()))
              .toType(DataType.FLOAT32, false);
      for (SampleBlockTask.Measure measure : measures(measured)) {
        measure.of(0, points).complete();
      }
    }
  }

  private SampleStore store(String directory) {
    return stores.computeIfAbsent(directory, name -> new SampleStore(Path.of(name)));
  }

  /** Compares kept samples of one block of noises; what is missing is compared with nothing. */
  public Task<List<Observation>> compare(SampleComparison compared, int block) {
    return new ComparisonTask(
        probe,
        manager,
        store(compared.directory()),
        compared,
        block,
        map,
        description == null ? null : description.map(),
        references);
  }

  private BlockEvidence evidence(EvidenceRequest asked) throws BadInputException {
    ComparedSets compared = Objects.requireNonNull(sets, "useGeometry comes first");
    Pictures drawn = pictures;
    if (asked.pictures() && drawn == null) {
      TensorShape shape = images.isIdentity() ? probe.network().shape() : images.shape();
      drawn = Pictures.areImages(shape) ? Pictures.of(shape, shown(compared).first(manager)) : null;
      pictures = drawn;
    }
    return new BlockEvidence(
        asked, shown(compared), comparedHoldout, images, asked.pictures() ? drawn : null);
  }

  /** The sets as pictures are drawn of them. */
  private ShownSets shown(ComparedSets compared) {
    return probe.comparesDescribed()
        ? new ShownSets(probe.train(), probe.holdout(), images)
        : new ShownSets(
            compared.train(), compared.holdout(), FeatureMap.identity(images.dimension()));
  }

  private Task<FidelityObservation> fidelityOfSamples(int block, NDArray endpoints)
      throws BadInputException {
    FidelityReference reference = fidelity;
    if (reference == null) {
      reference = FidelityReference.load(manager, Objects.requireNonNull(fidelityPoints));
      fidelity = reference;
    }
    return new FidelityTask(
        manager,
        reference,
        block,
        (long) block * probe.spec().batchSize(),
        description == null ? endpoints : description.sampleFeatures());
  }

  private Task<SpikinessObservation> spikinessOfSamples(int block, NDArray endpoints) {
    int batch = probe.spec().batchSize();
    int rows = probe.rowsOfBlock(block);
    long first = (long) block * batch;
    return new SpikinessTask(
        manager,
        network.unguided(),
        probe,
        new SpikinessObservation(block, true, first, Map.of()),
        rows,
        scratch -> HostArrays.filled(endpoints, batch, scratch),
        scratch ->
            keptRows(
                probe.noise(),
                "representation noise",
                block,
                scratch,
                () -> representationNoises(rows, row -> first + row)));
  }

  /** Spikiness of the sets' images in the loaded checkpoint, one block of them. */
  public Task<SpikinessObservation> setSpikiness(int block) {
    Objects.requireNonNull(loadedCheckpoint, "useCheckpoint comes first");
    SetImages images = Objects.requireNonNull(spikinessImages, "useGeometry comes first");
    int batch = probe.spec().batchSize();
    int first = block * batch;
    int rows = Math.min(batch, images.count() - first);
    return new SpikinessTask(
        manager,
        network.unguided(),
        probe,
        new SpikinessObservation(block, false, first, Map.of()),
        rows,
        scratch ->
            keptRows(
                images,
                "clean",
                block,
                scratch,
                () -> images.values(rows, batch, row -> first + row)),
        scratch ->
            keptRows(
                images,
                "representation noise",
                block,
                scratch,
                () -> representationNoises(rows, row -> images.position(first + row))));
  }

  /**
   * What the loaded checkpoint's representations tell of the classes of images.
   *
   * @param level position of the noise level among the probe's
   */
  public Task<RepresentationObservation> representation(int level) throws BadInputException {
    Objects.requireNonNull(loadedCheckpoint, "useCheckpoint comes first");
    double sigma = probe.representation().sigmas().get(level);
    ProbedImages images = probedImages(sigma);
    if (images == null) {
      return Task.done(new RepresentationObservation(level, sigma, 0, new byte[0], null));
    }
    int batch = probe.spec().batchSize();
    IntUnaryOperator count = block -> Math.min(batch, images.count() - block * batch);
    NoisyFeatures features =
        new NoisyFeatures(
            network.unguided(),
            sigma,
            probe.representation().pooling(),
            images.count(),
            batch,
            (block, scratch) ->
                keptRows(
                    images,
                    "clean",
                    block,
                    scratch,
                    () -> images.values(block * batch, count.applyAsInt(block), batch)),
            (block, scratch) ->
                keptRows(
                    images,
                    "representation noise",
                    block,
                    scratch,
                    () ->
                        representationNoises(
                            count.applyAsInt(block), row -> (long) block * batch + row)),
            loadedFile);
    return new RepresentationTask(manager, level, sigma, images, features);
  }

  /** As many images as there is room for their features, whose length the network tells. */
  private @Nullable ProbedImages probedImages(double sigma) {
    if (featureLength == 0) {
      featureLength = featureLength(sigma);
      probedImages =
          ProbedImages.of(
              probe.train(), testedHoldout, probe.representation().images(), featureLength);
      if (probedImages == null) {
        log.warn(
            "representation is off: there are too few labelled images for features of {} elements;"
                + " export a layer with fewer, or give more labelled images",
            featureLength);
      }
    }
    return probedImages;
  }

  private int featureLength(double sigma) {
    Shape shape = new Shape(probe.spec().batchSize(), probe.dimension());
    try (NDManager scratch = manager.newSubManager();
        NDArray found =
            network
                .unguided()
                .represent(
                    scratch.zeros(shape, DataType.FLOAT64),
                    sigma,
                    null,
                    probe.representation().pooling())) {
      return Math.toIntExact(found.getShape().get(1));
    }
  }

  /** The ICR of the loaded checkpoint's representations. */
  public Task<IcrObservation> icr() {
    Objects.requireNonNull(loadedCheckpoint, "useCheckpoint comes first");
    RepresentationSettings settings = probe.representation();
    SetImages images = SetImages.of(probe.train(), null, settings.images());
    int length = featureLength(settings.icrSigma());
    int most = Math.min(IcrTask.MOST_FEATURES, images.trainImages() / 2);
    if (length > most) {
      if (!saidIcrIsOff) {
        log.warn(
            "icr is not measured: with {} images it takes features of at most {} elements, not {};"
                + " raise representation.images, or export a layer with fewer features",
            images.trainImages(),
            most,
            length);
        saidIcrIsOff = true;
      }
      return Task.done(new IcrObservation(0, null));
    }
    return new IcrTask(
        manager, view(images, 0, settings), view(images, 1, settings), images.trainImages());
  }

  /** Noise of its own, and mirrored by chance where training did so. */
  private NoisyFeatures view(SetImages images, int view, RepresentationSettings settings) {
    int batch = probe.spec().batchSize();
    IntUnaryOperator count = block -> Math.min(batch, images.count() - block * batch);
    return new NoisyFeatures(
        network.unguided(),
        settings.icrSigma(),
        settings.pooling(),
        images.count(),
        batch,
        (block, scratch) ->
            scratch.create(
                probe
                    .pointOrbit()
                    .someMirrored(
                        images.values(count.applyAsInt(block), batch, row -> block * batch + row),
                        new SplittableRandom(31 * (31 * probe.spec().seed() + view) + block)),
                new Shape(batch, probe.dimension())),
        (block, scratch) ->
            scratch.create(
                representationNoises(
                    count.applyAsInt(block),
                    row -> (((long) view + 1) << 32) + (long) block * batch + row),
                new Shape(batch, probe.dimension())),
        loadedFile);
  }

  private double[] representationNoises(int rows, IntToLongFunction index) {
    return new GaussianNoise(probe.spec().seed(), GaussianNoise.Purpose.REPRESENTATION)
        .rows(rows, probe.spec().batchSize(), probe.dimension(), index);
  }

  private NDArray keptRows(
      Object owner, String kind, int block, NDManager scratch, KeptArrays.Values values)
      throws BadInputException {
    Shape shape = new Shape(probe.spec().batchSize(), probe.dimension());
    return kept.get(owner, kind, block, shape, scratch, values);
  }

  /** Measures one block of the denoising loss of the loaded checkpoint. */
  public Task<DenoisingObservation> denoisingBlock(double sigma, int block) {
    Objects.requireNonNull(loadedCheckpoint, "useCheckpoint comes first");
    return new DenoisingTask(
        manager,
        kept,
        network.unguided(),
        probe,
        Objects.requireNonNull(denoisingPlan, "there is no hold-out set"),
        sigma,
        block) {
      @Override
      public DenoisingObservation result() throws BadInputException {
        DenoisingObservation observation = super.result();
        if (!Arrays.stream(observation.losses()).allMatch(Double::isFinite)) {
          throw SampleTask.diverged(loadedFile);
        }
        return observation;
      }
    };
  }

  @Override
  public void close() {
    references.close();
    if (sets != null) {
      sets.close(probe);
    }
    if (description != null) {
      description.close();
    }
    if (fidelity != null) {
      fidelity.close();
    }
    images.close();
    network.close();
    manager.close();
  }
}
