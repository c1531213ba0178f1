package io.diffuscope.sampling;

import io.diffuscope.model.Pooling;
import io.diffuscope.tensorfile.ArrayFile;
import io.diffuscope.tensorfile.FloatArray;
import io.diffuscope.tensorfile.SafetensorsWriter;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The network with labelled points that {@code src/test/python/make_class_probe_fixtures.py} makes.
 */
public final class ClassProbeFiles {
  private static final String MODELS = "/io/diffuscope/model/class-features";

  private final ProbeFiles files;
  private final Path template;
  private final Path arrays;

  /** Copies them into a folder. */
  public ClassProbeFiles(Path folder) throws IOException {
    this.files = new ProbeFiles(folder);
    this.template = files.resource(MODELS + ".pt");
    this.arrays = files.resource(MODELS + ".npz");
  }

  /** A checkpoint of the network. */
  public Path weights() throws IOException {
    return files.resource(MODELS + ".safetensors");
  }

  /** A checkpoint whose hidden layer returns more than float32 holds. */
  Path broken() throws IOException {
    Map<String, FloatArray> tensors = new LinkedHashMap<>();
    tensors.put("first.weight", filled(3e38f, 20, 12));
    tensors.put("first.bias", filled(0, 20));
    tensors.put("last.weight", filled(0, 12, 20));
    tensors.put("last.bias", filled(0, 12));
    Path file = template.resolveSibling("broken.safetensors");
    SafetensorsWriter.write(file, tensors, Map.of());
    return file;
  }

  private static FloatArray filled(float value, long... shape) {
    TensorShape size = TensorShape.of(shape);
    float[] values = new float[Math.toIntExact(size.elements())];
    Arrays.fill(values, value);
    return new FloatArray(size, values);
  }

  /** An array of the fixture, as it is named in settings. */
  public String array(String name) {
    return arrays + ":" + name;
  }

  /** Numbers of an array of the fixture. */
  float[] numbers(String name, int size) throws IOException {
    try (ArrayFile file = ArrayFile.open(array(name))) {
      FloatBuffer values = FloatBuffer.allocate(size);
      file.readRows(0, Math.toIntExact(file.shape().dimension(0)), values);
      return values.array();
    }
  }

  /** A probe with class probes at three noise levels. */
  public ProbeSpec spec(boolean trainLabels, boolean holdoutLabels) {
    ProbeSpec base = files.spec(template, Path.of(array("train")), Path.of(array("holdout")));
    return new ProbeSpec(
            base.template(),
            base.network(),
            null,
            base.train(),
            trainLabels ? array("train_labels") : null,
            base.holdout(),
            holdoutLabels ? array("holdout_labels") : null,
            null,
            null,
            3,
            40,
            16,
            base.flow(),
            base.denoising(),
            base.spikiness(),
            base.representation(),
            base.descriptor(),
            base.neighbours(),
            base.groups(),
            base.cacheDirectory(),
            base.residentBytes(),
            base.referenceChoice())
        .withRepresentation(settings(100));
  }

  /** The fixture's noise levels, with so many images of each set. */
  public static RepresentationSettings settings(int images) {
    return new RepresentationSettings(List.of(.02, .3, 1.0), Pooling.MEAN, images, .29);
  }
}
