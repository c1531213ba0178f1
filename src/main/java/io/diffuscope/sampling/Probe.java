package io.diffuscope.sampling;

import io.diffuscope.data.DataSet;
import io.diffuscope.data.DataSets;
import io.diffuscope.data.MixtureParameters;
import io.diffuscope.model.NetworkSettings;
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
  private final DataSet train;
  private final @Nullable DataSet holdout;
  private final @Nullable Teacher teacher;
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
    record Network(Path file, String key) implements Teacher {}
  }

  private Probe(
      ProbeSpec spec,
      NetworkSettings network,
      DataSet train,
      @Nullable DataSet holdout,
      @Nullable Teacher teacher,
      NoiseBank noise,
      @Nullable DataSet noiseRows,
      int samples)
      throws BadInputException {
    this.spec = spec;
    this.network = network;
    this.train = train;
    this.holdout = holdout;
    this.teacher = teacher;
    this.noise = noise;
    this.noiseRows = noiseRows;
    this.samples = samples;
    this.id =
        ContentHash.of(
            noise.id(),
            Integer.toString(samples),
            Long.toString(spec.seed()),
            spec.flow().key(),
            spec.denoising().toString(),
            ContentHash.of(Path.of(spec.template())),
            network.toString(),
            train.contentKey(),
            holdout == null ? "" : holdout.contentKey(),
            teacher == null ? "" : teacher.key(),
            "identity");
  }

  /**
   * Opens everything a spec names.
   *
   * @throws BadInputException naming the first file that is missing, malformed, or of a shape that
   *     does not fit the others
   */
  public static Probe open(ProbeSpec spec) throws BadInputException {
    NetworkSettings network =
        TorchScriptNetwork.readSettings(Path.of(spec.template()), spec.network());
    TensorShape shape = network.shape();
    DataSet train = DataSets.open(spec.train(), "training set", shape);
    DataSet holdout = null;
    String holdoutSpec = spec.holdout();
    if (holdoutSpec != null) {
      holdout = DataSets.open(holdoutSpec, "hold-out set", shape);
      DataSets.requireSameShape(train, holdout);
    }
    if (train.size() < 2) {
      throw new BadInputException(
          spec.train(), Reason.EMPTY, "a training set needs at least 2 points", null);
    }
    int dimension = Math.toIntExact(shape.elements());
    NoiseBank noise = NoiseBank.seeded(spec.seed(), dimension);
    Integer samples = spec.samples();
    String noiseSpec = spec.noise();
    DataSet noiseRows = null;
    if (noiseSpec != null) {
      noiseRows = openNoise(noiseSpec, shape);
      noise = NoiseBank.of(noiseRows);
      int rows = Math.toIntExact(noiseRows.size());
      if (samples != null && samples > rows) {
        throw new BadInputException(
            noiseSpec,
            Reason.WRONG_SHAPE,
            "has %d noises, fewer than the %d samples asked for: ask for fewer, or give a longer file"
                .formatted(rows, samples),
            null);
      }
      samples = samples == null ? Integer.valueOf(rows) : samples;
    }
    return new Probe(
        spec,
        network,
        train,
        holdout,
        openTeacher(spec.teacher(), shape),
        noise,
        noiseRows,
        samples == null ? ProbeSpec.DEFAULT_SAMPLES : samples);
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

  private static @Nullable Teacher openTeacher(@Nullable String spec, TensorShape shape)
      throws BadInputException {
    if (spec == null) {
      return null;
    }
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
    return new Teacher.Network(file, ContentHash.of(file));
  }

  public ProbeSpec spec() {
    return spec;
  }

  public NetworkSettings network() {
    return network;
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

  /** References whose flow's endpoints samples are compared with, in a fixed order. */
  public List<Reference> references() {
    List<Reference> references = new ArrayList<>(List.of(Reference.TRAIN));
    if (holdout != null) {
      references.add(Reference.HOLDOUT);
    }
    if (teacher != null) {
      references.add(Reference.TEACHER);
    }
    return List.copyOf(references);
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
          };
      String kind = reference == Reference.TEACHER ? "teacher" : "empirical";
      return ContentHash.of(
          CACHE_FORMAT,
          kind,
          content,
          noise.id(),
          spec.flow().key(),
          Integer.toString(spec.batchSize()));
    } catch (BadInputException e) {
      throw new IllegalStateException("the content key was computed when the set was opened", e);
    }
  }

  /** Key of the sets' geometry. */
  String geometryKey() {
    try {
      return ContentHash.of(
          CACHE_FORMAT,
          train.contentKey(),
          holdout == null ? "" : holdout.contentKey(),
          Long.toString(spec.seed()));
    } catch (BadInputException e) {
      throw new IllegalStateException("the content key was computed when the set was opened", e);
    }
  }

  @Override
  public void close() {
    train.close();
    if (holdout != null) {
      holdout.close();
    }
    if (noiseRows != null) {
      noiseRows.close();
    }
  }
}
