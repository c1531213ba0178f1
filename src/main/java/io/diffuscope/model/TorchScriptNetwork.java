package io.diffuscope.model;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import ai.djl.util.Pair;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.TensorInfo;
import io.diffuscope.tensorfile.TensorShape;
import io.diffuscope.tensorfile.TensorSource;
import io.diffuscope.tensorfile.WeightFiles;
import io.diffuscope.tensorfile.WeightsLocation;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A network's graph, loaded once from a TorchScript file, whose weights are replaced in place.
 *
 * <p>{@code forward(input, noise_label)} with float32 {@code [B, ...shape]} and {@code [B]} returns
 * the raw output, or {@code (output, representation)}; of an output with twice the channels the
 * first half is used. Instances belong to the thread that made them.
 */
public final class TorchScriptNetwork implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(TorchScriptNetwork.class);
  private static final String SETTINGS_ENTRY = "/extra/diffuscope.json";
  private static final int CHUNK_ELEMENTS = 1 << 18;
  private static final int MAX_CODE_BYTES = 1 << 24;

  /** How the archive names the memory of types that the engine cannot hold. */
  private static final Pattern UNSUPPORTED_STORAGE =
      Pattern.compile("(BFloat16|Half|Complex\\w+|Q\\w+)Storage");

  private static final Pattern BUFFERS = Pattern.compile("__buffers__ = \\[([^\\]]*)\\]");
  private static final Pattern QUOTED = Pattern.compile("\"([^\"]+)\"");

  private final Path file;
  private final NetworkSettings settings;
  private final Set<String> bufferNames;
  private final Model model;
  private final ParameterStore parameterStore;
  private final Map<String, Weight> weights = new LinkedHashMap<>();
  private List<String> ignoredTensors = List.of();

  /** A parameter and the host memory that its values are read into. */
  private record Weight(NDArray array, TensorShape shape, ByteBuffer host) {}

  /** What the archive says about its graph besides the graph itself. */
  private record Description(NetworkSettings settings, Set<String> bufferNames) {}

  private TorchScriptNetwork(Path file, Description description, Model model) {
    this.file = file;
    this.settings = description.settings;
    this.bufferNames = description.bufferNames;
    this.model = model;
    this.parameterStore = new ParameterStore(model.getNDManager(), false);
    for (Pair<String, Parameter> pair : model.getBlock().getDirectParameters()) {
      NDArray array = pair.getValue().getArray();
      TensorShape shape = TensorShape.of(array.getShape().getShape());
      ByteBuffer host =
          ByteBuffer.allocateDirect(Math.toIntExact(shape.elements() * Float.BYTES))
              .order(ByteOrder.nativeOrder());
      weights.put(pair.getKey(), new Weight(array, shape, host));
    }
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
    Description description = describe(file, overrides);
    Model model = Model.newInstance("network", device, Devices.ENGINE);
    try {
      // trainParam makes the parameters writable; mapLocation puts them on the device at once.
      model.load(file, null, Map.of("trainParam", "true", "mapLocation", "true"));
      for (Pair<String, Parameter> pair : model.getBlock().getDirectParameters()) {
        DataType type = pair.getValue().getArray().getDataType();
        if (type != DataType.FLOAT32) {
          throw new BadInputException(
              file,
              Reason.UNSUPPORTED,
              "parameter %s is of type %s; export the network in float32, with net.float()"
                  .formatted(pair.getKey(), type));
        }
      }
      return new TorchScriptNetwork(file, description, model);
    } catch (BadInputException e) {
      model.close();
      throw e;
    } catch (IOException | MalformedModelException | EngineException e) {
      model.close();
      throw new BadInputException(
          file.toString(),
          Reason.MALFORMED,
          "PyTorch cannot load this TorchScript file (%s); export it again with torch.jit.save"
              .formatted(firstLine(e)),
          e);
    }
  }

  private static String firstLine(Exception e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("no message");
  }

  /**
   * The settings in an exported network, read without the tensor engine.
   *
   * @throws BadInputException if the file is no TorchScript archive or its settings are incomplete
   */
  public static NetworkSettings readSettings(Path file, NetworkSettings.Overrides overrides)
      throws BadInputException {
    return describe(file, overrides).settings;
  }

  private static Description describe(Path file, NetworkSettings.Overrides overrides)
      throws BadInputException {
    if (Files.isDirectory(file)) {
      throw new BadInputException(
          file, Reason.UNSUPPORTED, "a directory; give the exported network, a file");
    }
    try (ZipFile zip = new ZipFile(file.toFile())) {
      List<? extends ZipEntry> entries = zip.stream().toList();
      if (entries.stream().noneMatch(e -> e.getName().contains("/code/"))) {
        throw new BadInputException(
            file,
            Reason.UNSUPPORTED,
            "a torch file without a graph (a state_dict?), not TorchScript; export the network once"
                + " with torch.jit.trace and torch.jit.save");
      }
      ZipEntry entry =
          entries.stream()
              .filter(e -> e.getName().endsWith(SETTINGS_ENTRY))
              .findFirst()
              .orElse(null);
      refuseOtherTypes(file, zip, entries);
      JsonNode json = new ObjectMapper().createObjectNode();
      if (entry != null) {
        try (InputStream in = zip.getInputStream(entry)) {
          json = new ObjectMapper().readTree(in);
        }
      }
      return new Description(NetworkSettings.of(json, overrides), buffersOf(zip, entries));
    } catch (IllegalArgumentException | JsonProcessingException e) {
      throw new BadInputException(
          file.toString(),
          Reason.UNSUPPORTED,
          "its settings (extra file diffuscope.json) cannot be used: %s; save them with"
                  .formatted(firstLine(e))
              + " torch.jit.save(net, path, _extra_files={\"diffuscope.json\": ...}) or set them in"
              + " the configuration under diffuscope.network",
          e);
    } catch (NoSuchFileException e) {
      throw new BadInputException(file, Reason.VANISHED, "no such file; give the exported network");
    } catch (AccessDeniedException e) {
      throw new BadInputException(file, Reason.UNREADABLE, "permission denied");
    } catch (ZipException e) {
      throw new BadInputException(
          file.toString(),
          Reason.MALFORMED,
          "not a TorchScript file (no zip archive); export the network with torch.jit.save",
          e);
    } catch (BadInputException e) {
      throw e;
    } catch (IOException e) {
      throw new BadInputException(file.toString(), Reason.UNREADABLE, firstLine(e), e);
    }
  }

  /** Looked for in the archive itself: the engine would end the process over some of them. */
  private static void refuseOtherTypes(Path file, ZipFile zip, List<? extends ZipEntry> entries)
      throws IOException {
    for (ZipEntry entry : entries) {
      if (entry.getName().endsWith("/data.pkl")) {
        try (InputStream in = zip.getInputStream(entry)) {
          String pickle = new String(in.readNBytes(MAX_CODE_BYTES), StandardCharsets.ISO_8859_1);
          Matcher storage = UNSUPPORTED_STORAGE.matcher(pickle);
          if (storage.find()) {
            throw new BadInputException(
                file,
                Reason.UNSUPPORTED,
                "holds tensors of type %s; export the network in float32, with net.float()"
                    .formatted(storage.group(1)));
          }
        }
      }
    }
  }

  /**
   * Names (without their module) of the buffers in the graph. The engine's interface lists
   * parameters only, but the archive's own code declares both.
   */
  private static Set<String> buffersOf(ZipFile zip, List<? extends ZipEntry> entries)
      throws IOException {
    Set<String> names = new TreeSet<>();
    for (ZipEntry entry : entries) {
      if (entry.getName().contains("/code/") && entry.getName().endsWith(".py")) {
        try (InputStream in = zip.getInputStream(entry)) {
          String code = new String(in.readNBytes(MAX_CODE_BYTES), StandardCharsets.UTF_8);
          Matcher declaration = BUFFERS.matcher(code);
          while (declaration.find()) {
            QUOTED.matcher(declaration.group(1)).results().map(m -> m.group(1)).forEach(names::add);
          }
        }
      }
    }
    // A counter that no inference reads.
    names.remove("num_batches_tracked");
    return names;
  }

  public NetworkSettings settings() {
    return settings;
  }

  /** Number of parameters. */
  public long parameterCount() {
    return weights.values().stream().mapToLong(w -> w.shape.elements()).sum();
  }

  /** Tensors of the loaded checkpoint that the template has no parameter for. */
  public List<String> ignoredTensors() {
    return ignoredTensors;
  }

  /**
   * Replaces all weights by those of a checkpoint. Names, shapes and types of all tensors are
   * checked before the first byte changes; if this throws, the weights are undefined until the next
   * success.
   *
   * @throws BadInputException for a file that cannot be read, a parameter without a tensor, another
   *     shape, or values that are not finite
   */
  public void loadWeights(WeightsLocation weightsAt) throws BadInputException {
    Path checkpoint = Path.of(weightsAt.path());
    try (TensorSource tensors = WeightFiles.open(checkpoint)) {
      Map<String, String> names = pair(checkpoint, tensors.tensors());
      for (Map.Entry<String, Weight> entry : weights.entrySet()) {
        Weight weight = entry.getValue();
        String tensor = names.get(entry.getKey());
        read(checkpoint, tensors, String.valueOf(tensor), weight.host);
        // On a CPU the array aliases the host memory after this; on a GPU it is a copy.
        EngineChatter.withoutFirstWarning(() -> weight.array.set(weight.host.rewind()));
      }
      tensors.verifyUnchanged();
    }
  }

  private Map<String, String> pair(Path checkpoint, Map<String, TensorInfo> tensors)
      throws BadInputException {
    Map<String, String> names;
    try {
      names = TensorNames.match(weights.keySet(), tensors.keySet());
    } catch (TensorNames.AmbiguousNamesException e) {
      throw new BadInputException(
          checkpoint.toString(),
          Reason.MISMATCH,
          e.getMessage() + ": save the weights that are to be measured in a file of their own",
          e);
    }
    List<String> problems = new ArrayList<>();
    boolean missing = false;
    for (Map.Entry<String, Weight> entry : weights.entrySet()) {
      String tensor = names.get(entry.getKey());
      TensorInfo info = tensor == null ? null : tensors.get(tensor);
      if (info == null) {
        missing = true;
        problems.add("%s %s is missing".formatted(entry.getKey(), entry.getValue().shape));
      } else if (!info.shape().equals(entry.getValue().shape)) {
        problems.add(
            "%s is %s, the template's is %s"
                .formatted(tensor, info.shape(), entry.getValue().shape));
      }
    }
    TreeSet<String> extra = new TreeSet<>(tensors.keySet());
    extra.removeAll(names.values());
    if (!problems.isEmpty()) {
      throw new BadInputException(
          checkpoint,
          missing ? Reason.MISMATCH : Reason.WRONG_SHAPE,
          "does not fit the template %s: %s%s; export the template from the network that is trained"
              .formatted(
                  file.getFileName(),
                  summary(problems),
                  extra.isEmpty() ? "" : "; without a counterpart: " + summary(extra)));
    }
    List<String> buffers =
        extra.stream()
            .filter(name -> bufferNames.contains(name.substring(name.lastIndexOf('.') + 1)))
            .toList();
    if (!buffers.isEmpty()) {
      throw new BadInputException(
          checkpoint,
          Reason.MISMATCH,
          "has buffers that the template cannot take (%s): outputs would be silently wrong; register them"
                  .formatted(summary(buffers))
              + " as parameters before exporting");
    }
    List<String> ignored = List.copyOf(extra);
    if (!ignored.isEmpty() && !ignored.equals(ignoredTensors)) {
      log.warn(
          "{}: the template {} has no parameter for {}: ignored",
          checkpoint,
          file.getFileName(),
          summary(ignored));
    }
    ignoredTensors = ignored;
    return names;
  }

  private static String summary(Collection<String> items) {
    String shown = String.join(", ", items.stream().limit(8).toList());
    return items.size() > 8 ? shown + " and %d more".formatted(items.size() - 8) : shown;
  }

  private static void read(Path checkpoint, TensorSource tensors, String name, ByteBuffer host)
      throws BadInputException {
    FloatBuffer values = host.rewind().asFloatBuffer();
    for (int from = 0; from < values.capacity(); from += CHUNK_ELEMENTS) {
      int count = Math.min(CHUNK_ELEMENTS, values.capacity() - from);
      tensors.readFloats(name, from, values.slice(from, count));
      for (int i = from; i < from + count; i++) {
        if (!Float.isFinite(values.get(i))) {
          throw new BadInputException(
              checkpoint,
              Reason.NON_FINITE,
              "tensor %s holds %s at element %d: the training has diverged"
                  .formatted(name, values.get(i), i));
        }
      }
    }
  }

  /**
   * The raw output.
   *
   * @param input float32 {@code [B, ...shape]}
   * @param noiseLabel float32 {@code [B]}
   * @return float32 {@code [B, ...shape]}; an inference tensor: no operation in place on it
   */
  public NDArray forward(NDArray input, NDArray noiseLabel) {
    NDList outputs = model.getBlock().forward(parameterStore, new NDList(input, noiseLabel), false);
    NDArray output = outputs.get(0);
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
