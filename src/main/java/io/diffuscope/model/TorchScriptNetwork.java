package io.diffuscope.model;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import ai.djl.util.Pair;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.WeightsLocation;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A network's graph, loaded once from a TorchScript file, whose weights are replaced in place.
 *
 * <p>{@code forward(input, noise_label[, class_label])} with float32 {@code [B, ...shape]}, float32
 * {@code [B]} and int64 {@code [B]} returns the raw output, or {@code (output, representation)}; of
 * an output with twice the channels the first half is used. Instances belong to the thread that
 * made them.
 */
public final class TorchScriptNetwork implements AutoCloseable {
  private final Path file;
  private final NetworkSettings settings;
  private final Model model;
  private final ParameterStore parameterStore;
  private final NetworkWeights weights;

  private TorchScriptNetwork(
      Path file, NetworkSettings settings, Model model, NetworkWeights weights) {
    this.file = file;
    this.settings = settings;
    this.model = model;
    this.parameterStore = new ParameterStore(model.getNDManager(), false);
    this.weights = weights;
  }

  /**
   * Loads a graph.
   *
   * @param file what {@code torch.jit.save} wrote, with {@code diffuscope.json} among its extra
   *     files
   * @param device where the network runs
   * @param overrides settings that replace those in the file
   */
  public static TorchScriptNetwork load(
      Path file, Device device, NetworkSettings.Overrides overrides) throws BadInputException {
    NetworkSettings settings = readSettings(file, overrides);
    Set<String> buffers = GraphArchive.buffersOf(file);
    Model model = Model.newInstance("network", device, Devices.ENGINE);
    try {
      // trainParam makes the parameters writable; mapLocation puts them on the device at once.
      model.load(file, null, Map.of("trainParam", "true", "mapLocation", "true"));
      NetworkWeights weights = new NetworkWeights(file, buffers, parameters(file, model));
      return new TorchScriptNetwork(file, settings, model, weights);
    } catch (BadInputException e) {
      model.close();
      throw e;
    } catch (IOException | MalformedModelException | EngineException e) {
      model.close();
      throw new BadInputException(
          file.toString(),
          Reason.MALFORMED,
          "PyTorch cannot load this TorchScript file (%s); export it again with torch.jit.save"
              .formatted(GraphArchive.firstLine(e)),
          e);
    }
  }

  private static Map<String, NDArray> parameters(Path file, Model model) throws BadInputException {
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    for (Pair<String, Parameter> pair : model.getBlock().getDirectParameters()) {
      NDArray array = pair.getValue().getArray();
      if (array.getDataType() != DataType.FLOAT32) {
        throw new BadInputException(
            file,
            Reason.UNSUPPORTED,
            "parameter %s is of type %s; export the network in float32, with net.float()"
                .formatted(pair.getKey(), array.getDataType()));
      }
      if (array.size() > Integer.MAX_VALUE / Float.BYTES) {
        throw new BadInputException(
            file,
            Reason.UNSUPPORTED,
            "parameter %s has %d elements; one parameter can have 2 GiB at most"
                .formatted(pair.getKey(), array.size()));
      }
      arrays.put(pair.getKey(), array);
    }
    return arrays;
  }

  /** Whether a file is a network that was exported with its settings, told without the engine. */
  public static boolean isExported(Path file) {
    return GraphArchive.hasSettings(file);
  }

  /**
   * The settings in an exported network, read without the tensor engine.
   *
   * @throws BadInputException if the file is no TorchScript archive, its settings are incomplete,
   *     or its forward method takes other inputs than they say
   */
  public static NetworkSettings readSettings(Path file, NetworkSettings.Overrides overrides)
      throws BadInputException {
    return GraphArchive.settingsOf(file, overrides);
  }

  public NetworkSettings settings() {
    return settings;
  }

  /** Number of parameters. */
  public long parameterCount() {
    return weights.count();
  }

  /** Where the loaded weights lay in their file; null before any checkpoint is loaded. */
  public @Nullable WeightsChoice choice() {
    TemplateMatch loaded = weights.loaded();
    return loaded == null ? null : loaded.choice();
  }

  /** Tensors beside the loaded weights that the template has no parameter for. */
  public List<String> ignoredTensors() {
    TemplateMatch loaded = weights.loaded();
    return loaded == null ? List.of() : loaded.extra();
  }

  /**
   * Replaces all weights by those of a checkpoint. Names, shapes and types of all tensors are
   * checked before the first byte changes; if this throws, the weights are undefined until the next
   * success.
   *
   * @throws BadInputException for a file that cannot be read, a parameter without a tensor, another
   *     shape, values that are not finite, or several copies of the network that names do not tell
   *     apart
   */
  public void loadWeights(WeightsLocation location) throws BadInputException {
    weights.load(location);
  }

  /**
   * The raw output.
   *
   * @param input float32 {@code [B, ...shape]}
   * @param noiseLabel float32 {@code [B]}
   * @param classLabel int64 {@code [B]}; null for an unconditional network
   * @return float32 {@code [B, ...shape]}; an inference tensor: no operation in place on it
   */
  public NDArray forward(NDArray input, NDArray noiseLabel, @Nullable NDArray classLabel) {
    NDList outputs = call(input, noiseLabel, classLabel);
    NDArray output = outputs.get(0);
    outputs.subNDList(1).close();
    long channels = settings.shape().dimension(0);
    if (output.getShape().dimension() > 1 && output.getShape().get(1) == 2 * channels) {
      output = output.get(":, :" + channels);
    }
    if (output.size() != input.size()) {
      throw new IllegalStateException(
          "%s returned %s for an input of %s"
              .formatted(file.getFileName(), output.getShape(), input.getShape()));
    }
    return output;
  }

  /**
   * The hidden representation that the graph returns beside its output.
   *
   * @param input float32 {@code [B, ...shape]}
   * @param noiseLabel float32 {@code [B]}
   * @param classLabel int64 {@code [B]}; null for an unconditional network
   * @return float32 {@code [B, F]} or {@code [B, C, H, W]}; an inference tensor: no operation in
   *     place on it
   * @throws IllegalStateException if the graph returns none, or one of another shape
   */
  NDArray representation(NDArray input, NDArray noiseLabel, @Nullable NDArray classLabel) {
    NDList outputs = call(input, noiseLabel, classLabel);
    outputs.get(0).close();
    if (outputs.size() < 2) {
      outputs.subNDList(1).close();
      throw new IllegalStateException(
          "%s returns no representation, although its settings name one; export it again"
              .formatted(file.getFileName()));
    }
    outputs.subNDList(2).close();
    NDArray representation = outputs.get(1);
    Shape shape = representation.getShape();
    if ((shape.dimension() != 2 && shape.dimension() != 4)
        || shape.get(0) != input.getShape().get(0)) {
      representation.close();
      throw new IllegalStateException(
          "%s returned a representation of shape %s for %d inputs; export one of shape [B, F] or [B, C, H, W]"
              .formatted(file.getFileName(), shape, input.getShape().get(0)));
    }
    return representation;
  }

  private NDList call(NDArray input, NDArray noiseLabel, @Nullable NDArray classLabel) {
    NDList inputs =
        classLabel == null
            ? new NDList(input, noiseLabel)
            : new NDList(input, noiseLabel, classLabel);
    return model.getBlock().forward(parameterStore, inputs, false);
  }

  /** Manager on the network's device. */
  public NDManager manager() {
    return model.getNDManager();
  }

  /** Closes the graph and its parameters. */
  @Override
  public void close() {
    model.close();
  }
}
