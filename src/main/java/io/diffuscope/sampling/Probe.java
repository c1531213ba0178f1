package io.diffuscope.sampling;

import io.diffuscope.data.ContentHash;
import io.diffuscope.data.DataSet;
import io.diffuscope.data.DataSets;
import io.diffuscope.data.ImagePreparation;
import io.diffuscope.data.MixtureParameters;
import io.diffuscope.feature.DecoderFile;
import io.diffuscope.feature.DescriptorFile;
import io.diffuscope.feature.FeatureMap;
import io.diffuscope.model.NetworkSettings;
import io.diffuscope.model.SigmaGrid;
import io.diffuscope.model.TorchScriptNetwork;
import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A {@link ProbeSpec} whose files were opened, checked and hashed: data sets, noise bank, teacher,
 * and the probe id that stands on every estimate. Touches no tensor engine.
 */
public final class Probe implements AutoCloseable {
  /** Raised with every change that moves a cached number, so that no old one is used again. */
  private static final String CACHE_FORMAT = "2";

  private final ProbeSpec spec;
  private final NetworkSettings network;
  private final FlowSettings flow;
  private final DenoisingSettings denoising;
  private final SpikinessSettings spikiness;
  private final RepresentationSettings representation;
  private final DataSet train;
  private final @Nullable DataSet holdout;
  private final @Nullable ClassLabels classLabels;
  private final Split split;
  private final @Nullable Teacher teacher;
  private final @Nullable DecoderFile decoder;
  private final @Nullable DescriptorFile descriptor;
  private final boolean comparesDescribed;
  private final Orbit pointOrbit;
  private final NoiseBank noise;
  private final @Nullable DataSet noiseRows;
  private final int samples;
  private final String id;

  /** A teacher: either a mixture or a network. */
  public sealed interface Teacher {
    /** Hash of its content. */
    String key();

    /** A mixture of low-rank Gaussians. */
    record Mixture(MixtureParameters parameters, String key) implements Teacher {}

    /** A TorchScript network with weights of its own. */
    record Network(Path file, NetworkSettings settings, String key) implements Teacher {}
  }

  /** What was opened, as far as it has to be closed again. */
  private record Files(DataSet train, @Nullable DataSet holdout, @Nullable DataSet noise) {
    void close() {
      train.close();
      if (holdout != null) {
        holdout.close();
      }
      if (noise != null) {
        noise.close();
      }
    }
  }

  private Probe(
      ProbeSpec spec,
      NetworkSettings network,
      Files files,
      @Nullable Teacher teacher,
      @Nullable DecoderFile decoder,
      @Nullable DescriptorFile descriptor,
      int samples)
      throws BadInputException {
    this.spec = spec;
    this.network = network;
    this.train = files.train;
    this.holdout = files.holdout;
    this.noiseRows = files.noise;
    this.teacher = teacher;
    this.decoder = decoder;
    this.descriptor = descriptor;
    this.samples = samples;
    this.comparesDescribed = comparesDescribed(spec, network, descriptor);
    this.pointOrbit =
        decoder == null
            ? Orbit.of(spec.neighbours().augment(), network.shape(), spec.template())
            : Orbit.SINGLE;
    this.classLabels = ClassLabels.of(network, train, holdout);
    this.split = Split.of(train, holdout, spec.groups());
    this.flow = clipped(spec, network, teacher);
    this.denoising = spec.denoising().at(usableSigmas());
    this.spikiness = usableSpikiness(spec, network);
    this.representation = usableRepresentation(spec, network, train, holdout);
    this.noise =
        noiseRows == null
            ? NoiseBank.seeded(spec.seed(), Math.toIntExact(network.shape().elements()))
            : NoiseBank.of(noiseRows);
    this.id =
        ContentHash.of(
            noise.id(),
            Integer.toString(samples),
            Long.toString(spec.seed()),
            flow.key(),
            denoising.toString(),
            ContentHash.of(Path.of(spec.template())),
            network.toString(),
            train.contentKey(),
            holdout == null ? "" : holdout.contentKey(),
            teacher == null ? "" : teacher.key(),
            featureKey(),
            classLabels == null ? "" : classLabels.key(),
            spikiness.toString(),
            split.key(),
            descriptor == null ? "" : descriptorId(spec.descriptor(), descriptor),
            neighbourKey() + spec.neighbours().searchKey(largestSet()),
            representationKey());
  }

  /**
   * Opens everything a spec names.
   *
   * @throws BadInputException naming the first file that is missing, malformed, or of a shape that
   *     does not fit the others
   */
  public static Probe open(ProbeSpec spec) throws BadInputException {
    return open(spec, ImagePreparation.cachedIn(Path.of(spec.cacheDirectory())));
  }

  /**
   * The same, and tells how far the images of folders and archives are decoded.
   *
   * @param progress is told about once a second
   * @throws BadInputException as {@link #open(ProbeSpec)}
   */
  public static Probe open(ProbeSpec spec, ImagePreparation.Progress progress)
      throws BadInputException {
    return open(spec, new ImagePreparation(Path.of(spec.cacheDirectory()), progress));
  }

  private static Probe open(ProbeSpec spec, ImagePreparation images) throws BadInputException {
    NetworkSettings network =
        TorchScriptNetwork.readSettings(Path.of(spec.template()), spec.network());
    TensorShape shape = network.shape();
    DataSet train = DataSets.open(spec.train(), "training set", shape, spec.trainLabels(), images);
    Files files = new Files(train, null, null);
    try {
      String holdout = spec.holdout();
      if (holdout != null) {
        DataSet set = DataSets.open(holdout, "hold-out set", shape, spec.holdoutLabels(), images);
        files = new Files(train, set, null);
        DataSets.requireSameShape(train, set);
      }
      if (train.size() < 2) {
        throw new BadInputException(
            spec.train(), Reason.EMPTY, "a training set needs at least 2 points", null);
      }
      String noise = spec.noise();
      if (noise != null) {
        files = new Files(train, files.holdout, openNoise(noise, shape));
      }
      String decoder = spec.decoder();
      return new Probe(
          spec,
          network,
          files,
          openTeacher(spec.teacher(), network),
          decoder == null ? null : DecoderFile.open(Path.of(decoder), shape),
          openDescriptor(spec, shape),
          samples(spec, files.noise));
    } catch (BadInputException | RuntimeException e) {
      files.close();
      throw e;
    }
  }

  private static @Nullable DescriptorFile openDescriptor(ProbeSpec spec, TensorShape shape)
      throws BadInputException {
    DescriptorSettings settings = spec.descriptor();
    String path = settings.file();
    if (path == null) {
      return null;
    }
    DescriptorFile file = DescriptorFile.open(Path.of(path), settings.preset(), settings.keys());
    if (spec.decoder() == null) {
      // The shape of decoded images is known when the decoder runs.
      file.requireImages(shape);
    }
    return file;
  }

  private static boolean comparesDescribed(
      ProbeSpec spec, NetworkSettings network, @Nullable DescriptorFile descriptor)
      throws BadInputException {
    NeighbourSettings settings = spec.neighbours();
    if (settings.space() == ComparisonSpace.DESCRIPTOR && descriptor == null) {
      throw new BadInputException(
          spec.template(),
          Reason.UNSUPPORTED,
          "neighbours.space = descriptor compares under a descriptor, and there is none: give one"
              + " with --descriptor",
          null);
    }
    return switch (settings.space()) {
      case POINTS -> false;
      case DESCRIPTOR -> true;
      case AUTO ->
          descriptor != null
              && settings.augment() == Augmentation.NONE
              && (spec.decoder() != null || ComparisonSpace.isLargeImage(network.shape()));
    };
  }

  private static String descriptorId(DescriptorSettings settings, DescriptorFile file) {
    return "%s %s".formatted(file.key(), settings.similarityThreshold());
  }

  private static int samples(ProbeSpec spec, @Nullable DataSet noise) throws BadInputException {
    Integer samples = spec.samples();
    if (noise == null) {
      return samples == null ? ProbeSpec.DEFAULT_SAMPLES : samples;
    }
    int rows = Math.toIntExact(noise.size());
    if (samples != null && samples > rows) {
      throw new BadInputException(
          noise.source(),
          Reason.WRONG_SHAPE,
          "has %d noises, fewer than the %d samples asked for: ask for fewer, or give a longer file"
              .formatted(rows, samples),
          null);
    }
    return samples == null ? rows : samples;
  }

  /**
   * One grid for all flows, within the noise levels that the network was trained on, and a teacher
   * that is a network, too.
   */
  private static FlowSettings clipped(
      ProbeSpec spec, NetworkSettings network, @Nullable Teacher teacher) throws BadInputException {
    String file = spec.template();
    try {
      SigmaGrid grid = spec.flow().grid().clippedTo(network.sigmaRange());
      if (teacher instanceof Teacher.Network t) {
        file = t.file.toString();
        grid = grid.clippedTo(t.settings.sigmaRange());
      }
      return new FlowSettings(spec.flow().solver(), grid);
    } catch (IllegalArgumentException e) {
      throw new BadInputException(file, Reason.UNSUPPORTED, String.valueOf(e.getMessage()), e);
    }
  }

  /** Off where the graph returns no representation, or knows classes but none that is no class. */
  private static SpikinessSettings usableSpikiness(ProbeSpec spec, NetworkSettings network) {
    boolean usable =
        allowsRepresentation(network) && network.sigmaRange().contains(spec.spikiness().sigma());
    return usable ? spec.spikiness() : SpikinessSettings.OFF;
  }

  /** Without noise levels where there are no classes, or the graph cannot be asked. */
  private static RepresentationSettings usableRepresentation(
      ProbeSpec spec, NetworkSettings network, DataSet train, @Nullable DataSet holdout) {
    RepresentationSettings asked = spec.representation();
    boolean usable =
        asked.images() > 0
            && allowsRepresentation(network)
            && ProbedImages.of(train, holdout, asked.images(), 1) != null;
    return asked.at(
        usable
            ? asked.sigmas().stream().filter(network.sigmaRange()::contains).toList()
            : List.of());
  }

  private static boolean allowsRepresentation(NetworkSettings network) {
    return network.hasRepresentation()
        && (network.classes() == null || network.nullLabel() != null);
  }

  private List<Double> usableSigmas() {
    if (classLabels != null && !classLabels.allowDenoising()) {
      return List.of();
    }
    return spec.denoising().sigmas().stream().filter(network.sigmaRange()::contains).toList();
  }

  private static DataSet openNoise(String spec, TensorShape shape) throws BadInputException {
    try (ArrayFile file = ArrayFile.open(spec)) {
      if (!file.type().isFloatingPoint()) {
        throw new BadInputException(
            spec,
            Reason.UNSUPPORTED,
            "noise of type %s: standard normal numbers are needed, saved as float32"
                .formatted(file.type()),
            null);
      }
    }
    return DataSets.open(spec, "noise", shape);
  }

  private static @Nullable Teacher openTeacher(@Nullable String spec, NetworkSettings network)
      throws BadInputException {
    if (spec == null) {
      return null;
    }
    TensorShape shape = network.shape();
    Path file = Path.of(spec);
    if (spec.endsWith(".npz")) {
      MixtureParameters mixture = MixtureParameters.read(file);
      if (mixture.dimension() != shape.elements()) {
        throw new BadInputException(
            file,
            Reason.WRONG_SHAPE,
            "a mixture in %d dimensions cannot teach points of shape %s"
                .formatted(mixture.dimension(), shape));
      }
      return new Teacher.Mixture(mixture, ContentHash.of(file));
    }
    NetworkSettings settings =
        TorchScriptNetwork.readSettings(file, NetworkSettings.Overrides.NONE);
    if (!settings.shape().equals(shape)) {
      throw new BadInputException(
          file,
          Reason.WRONG_SHAPE,
          "a teacher of points of shape %s cannot teach points of shape %s"
              .formatted(settings.shape(), shape));
    }
    Integer classes = settings.classes();
    boolean fits =
        network.classes() == null
            ? classes == null || settings.nullLabel() != null
            : classes == null || classes.equals(network.classes());
    if (!fits) {
      throw new BadInputException(
          file,
          Reason.MISMATCH,
          "a teacher of %d classes cannot teach a network of %s; give one trained with the same labels"
              .formatted(classes, network.classes() == null ? "none" : network.classes()));
    }
    return new Teacher.Network(file, settings, ContentHash.of(file));
  }

  public ProbeSpec spec() {
    return spec;
  }

  public NetworkSettings network() {
    return network;
  }

  /** Solver and noise levels of every flow: the spec's, within what the network was trained on. */
  public FlowSettings flow() {
    return flow;
  }

  /** Where the denoising loss is measured: the spec's, as far as the network can be asked there. */
  public DenoisingSettings denoising() {
    return denoising;
  }

  /** Where spikiness is measured: the spec's, or off where the network cannot be asked. */
  public SpikinessSettings spikiness() {
    return spikiness;
  }

  /**
   * Where the classes of images are asked of representations: the spec's, without noise levels that
   * the network was not trained on; without any where they cannot be asked at all.
   */
  public RepresentationSettings representation() {
    return representation;
  }

  /**
   * Whether class probes are tested on hold-out images; otherwise on every other training image.
   */
  public boolean testsClassesOnHoldout() {
    return ProbedImages.testsOnHoldout(train, holdout);
  }

  /** Whether the network can be asked for the two views of ICR. */
  public boolean allowsIcr() {
    return representation.images() > 0
        && allowsRepresentation(network)
        && network.sigmaRange().contains(representation.icrSigma());
  }

  /** Noise levels of the denoising loss that lie outside of what the network was trained on. */
  public List<Double> droppedSigmas() {
    return spec.denoising().sigmas().stream()
        .filter(sigma -> !network.sigmaRange().contains(sigma))
        .toList();
  }

  public DataSet train() {
    return train;
  }

  public @Nullable DataSet holdout() {
    return holdout;
  }

  public @Nullable Teacher teacher() {
    return teacher;
  }

  public NoiseBank noise() {
    return noise;
  }

  /** Number of samples M. */
  public int samples() {
    return samples;
  }

  /** 16 hexadecimal digits; another one starts a new series of estimates. */
  public String id() {
    return id;
  }

  public int dimension() {
    return Math.toIntExact(network.shape().elements());
  }

  /** The classes of noises and points; null for a network without classes. */
  @Nullable ClassLabels classLabels() {
    return classLabels;
  }

  /** How the sets were split, as far as labels and groups tell. */
  Split split() {
    return split;
  }

  /** Whether the split is looked at within classes: both sets have labels of the same classes. */
  public boolean comparesWithinClasses() {
    return split.withinClasses();
  }

  /** Whether the sets were split by groups of points. */
  public boolean comparesByGroups() {
    return split.byGroups();
  }

  /** Through what points are compared; null: as they are. */
  @Nullable DecoderFile decoder() {
    return decoder;
  }

  /** Whether samples are compared under a descriptor, too. */
  public boolean hasDescriptor() {
    return descriptor != null;
  }

  /** Under what samples are compared for copying and reproducibility; null: nothing. */
  @Nullable DescriptorFile descriptor() {
    return descriptor;
  }

  /** References whose flow's endpoints samples are compared with, in a fixed order. */
  public List<Reference> references() {
    return given().stream()
        .filter(reference -> spec.referenceChoice() != ReferenceChoice.NONE)
        .filter(this::knowsClasses)
        .filter(reference -> !isTooDear(reference))
        .toList();
  }

  /**
   * References that were given, but whose empirical flow takes more than is spent without being
   * asked.
   */
  public List<Reference> referencesTooDear() {
    return given().stream().filter(this::knowsClasses).filter(this::isTooDear).toList();
  }

  private boolean isTooDear(Reference reference) {
    return spec.referenceChoice() == ReferenceChoice.WHERE_CHEAP
        && elements(reference) > ReferenceChoice.MOST_ELEMENTS;
  }

  /** Elements N d of a reference's set; 0 for a teacher. */
  private double elements(Reference reference) {
    DataSet set =
        reference == Reference.TRAIN ? train : reference == Reference.HOLDOUT ? holdout : null;
    return set == null ? 0 : (double) set.size() * dimension();
  }

  /**
   * Operations that the empirical flow of a reference's set takes for all samples: 4 N d for each
   * call of its denoiser with one sample, of which there are 2 K - 1 by Heun's rule.
   */
  public double operationsOfFlow(Reference reference) {
    return 4.0 * samples * flow.calls() * elements(reference);
  }

  /**
   * References that were given, but whose flow cannot be that of a noise's class: sets without
   * labels, a teacher without classes. Empty for a network without classes.
   */
  public List<Reference> referencesWithoutClasses() {
    return given().stream().filter(reference -> !knowsClasses(reference)).toList();
  }

  /** Whether the denoising gap is off because there are neither labels nor a label for no class. */
  public boolean lacksLabelsForDenoising() {
    return classLabels != null && !classLabels.allowDenoising();
  }

  private List<Reference> given() {
    List<Reference> references = new ArrayList<>(List.of(Reference.TRAIN));
    if (holdout != null) {
      references.add(Reference.HOLDOUT);
    }
    if (teacher != null) {
      references.add(Reference.TEACHER);
    }
    return references;
  }

  private boolean knowsClasses(Reference reference) {
    if (classLabels == null) {
      return true;
    }
    return reference == Reference.TEACHER
        ? teacher instanceof Teacher.Network network && network.settings.classes() != null
        : classLabels.ofPoints(reference) != null;
  }

  /** Number of blocks of samples. */
  public int sampleBlocks() {
    return (samples + spec.batchSize() - 1) / spec.batchSize();
  }

  /** Samples in one block; the last may be shorter. */
  public int rowsOfBlock(int block) {
    return Math.min(spec.batchSize(), samples - block * spec.batchSize());
  }

  /** Key of a reference flow's endpoints: all that determines them. */
  String endpointKey(Reference reference) {
    try {
      String content =
          switch (reference) {
            case TRAIN -> train.contentKey();
            case HOLDOUT -> holdout == null ? "" : holdout.contentKey();
            case TEACHER -> teacher == null ? "" : teacher.key();
            case PEER, PREVIOUS, GENERATED -> throw reference.isNoFlow();
          };
      String kind = reference == Reference.TEACHER ? "teacher" : "empirical";
      String key =
          ContentHash.of(
              CACHE_FORMAT,
              kind,
              content,
              noise.id(),
              flow.key(),
              Integer.toString(spec.batchSize()));
      // Without classes the key is that of sets without labels, whether they have any or not.
      return classLabels == null ? key : ContentHash.of(key, classLabels.key(reference));
    } catch (BadInputException e) {
      throw new IllegalStateException("the content key was computed when the set was opened", e);
    }
  }

  private String representationKey() {
    if (representation.sigmas().isEmpty() && !allowsIcr()) {
      return "";
    }
    String labels = "";
    if (!representation.sigmas().isEmpty() && classLabels == null) {
      labels = labelKey(train) + labelKey(holdout);
    }
    return representation + labels;
  }

  private static String labelKey(@Nullable DataSet set) {
    int[] labels = set == null ? null : set.labels();
    return labels == null ? "" : ContentHash.of(labels);
  }

  /** What makes samples of two checkpoints comparable noise by noise. */
  public String sampleSeries() {
    return ContentHash.of(
        CACHE_FORMAT,
        "samples",
        noise.id(),
        Integer.toString(samples),
        flow.key(),
        network.shape().toString(),
        Integer.toString(spec.batchSize()),
        classLabels == null ? "" : classLabels.key());
  }

  private String neighbourKey() {
    return spec.neighbours().key(largestSet(), dimension());
  }

  private long largestSet() {
    DataSet other = holdout;
    return Math.max(train.size(), other == null ? 0 : other.size());
  }

  /** What counts as the same point in the model's own space; decoded points have their own. */
  Orbit pointOrbit() {
    return pointOrbit;
  }

  private String featureKey() {
    String images = decoder == null ? FeatureMap.IDENTITY : decoder.key();
    DescriptorFile under = comparesDescribed ? descriptor : null;
    return under == null ? images : images + "-" + under.key();
  }

  /** Whether points are compared as what the descriptor makes of them. */
  public boolean comparesDescribed() {
    return comparesDescribed;
  }

  /** The file that says how points are compared, for messages; null: as they are. */
  @Nullable String comparedBy() {
    return comparesDescribed ? spec.descriptor().file() : spec.decoder();
  }

  /**
   * Key of the features of a set.
   *
   * @param map key of what makes them
   * @param rows points that it takes at a time
   */
  String featureKey(DataSet set, String map, int rows) throws BadInputException {
    return ContentHash.of(CACHE_FORMAT, "features", set.contentKey(), map, Integer.toString(rows));
  }

  /** Key of the sets' geometry. */
  String geometryKey() {
    try {
      String key =
          ContentHash.of(
              CACHE_FORMAT,
              train.contentKey(),
              holdout == null ? "" : holdout.contentKey(),
              Long.toString(spec.seed()),
              GeometryTask.FORMAT,
              split.key());
      String space =
          featureKey().equals(FeatureMap.IDENTITY) ? key : ContentHash.of(key, featureKey());
      String neighbours = neighbourKey();
      return neighbours.isEmpty() ? space : ContentHash.of(space, neighbours);
    } catch (BadInputException e) {
      throw new IllegalStateException("the content key was computed when the set was opened", e);
    }
  }

  @Override
  public void close() {
    new Files(train, holdout, noiseRows).close();
  }
}
