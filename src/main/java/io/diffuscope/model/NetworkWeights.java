package io.diffuscope.model;

import ai.djl.ndarray.NDArray;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.TensorShape;
import io.diffuscope.tensorfile.TensorSource;
import io.diffuscope.tensorfile.WeightFiles;
import io.diffuscope.tensorfile.WeightsLocation;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The parameters of a loaded graph, replaced in place by those of checkpoints. */
final class NetworkWeights {
  private static final Logger log = LoggerFactory.getLogger(NetworkWeights.class);
  private static final int CHUNK_ELEMENTS = 1 << 18;

  private final Path template;
  private final Set<String> buffers;
  private final Map<String, ParameterMemory> parameters = new LinkedHashMap<>();
  private @Nullable TemplateMatch loaded;

  /**
   * Takes over a graph's parameters.
   *
   * @param buffers names, without their module, of the buffers in the graph
   * @param arrays float32, by name
   */
  NetworkWeights(Path template, Set<String> buffers, Map<String, NDArray> arrays) {
    this.template = template;
    this.buffers = buffers;
    ByteBuffer staging = null;
    for (Map.Entry<String, NDArray> entry : arrays.entrySet()) {
      NDArray array = entry.getValue();
      if (array.getDevice().isGpu()) {
        staging = staging == null ? stagingFor(arrays) : staging;
        parameters.put(entry.getKey(), ParameterMemory.staged(array, staging));
      } else {
        parameters.put(entry.getKey(), ParameterMemory.own(array));
      }
    }
  }

  private static ByteBuffer stagingFor(Map<String, NDArray> arrays) {
    int largest =
        arrays.values().stream()
            .map(array -> TensorShape.of(array.getShape().getShape()))
            .mapToInt(ParameterMemory::bytes)
            .max()
            .orElse(0);
    return ParameterMemory.allocate(largest);
  }

  /** Number of numbers. */
  long count() {
    return parameters.values().stream().mapToLong(p -> p.shape().elements()).sum();
  }

  /** How the loaded checkpoint fits the template; null before the first success. */
  @Nullable TemplateMatch loaded() {
    return loaded;
  }

  /** See {@link TorchScriptNetwork#loadWeights}. */
  void load(WeightsLocation location) throws BadInputException {
    Path checkpoint = location.file();
    try (TensorSource tensors = WeightFiles.open(checkpoint)) {
      TemplateMatch match =
          TemplateMatch.of(shapes(), buffers, checkpoint, tensors.tensors(), location.part());
      match.requireComplete(checkpoint, template);
      report(checkpoint, match);
      loaded = null;
      for (Pair pair : inOrderOfTheFile(match, tensors)) {
        read(checkpoint, tensors, pair.tensor(), pair.memory().values());
        pair.memory().written();
      }
      tensors.verifyUnchanged();
      loaded = match;
    }
  }

  /** A tensor and where it goes. */
  private record Pair(String tensor, ParameterMemory memory) {}

  /** One pass over the file: some formats can only be read forwards at full speed. */
  private List<Pair> inOrderOfTheFile(TemplateMatch match, TensorSource tensors) {
    Map<String, List<ParameterMemory>> wanted = new HashMap<>();
    parameters.forEach(
        (name, memory) ->
            wanted
                .computeIfAbsent(String.valueOf(match.tensors().get(name)), t -> new ArrayList<>())
                .add(memory));
    List<Pair> pairs = new ArrayList<>();
    for (String tensor : tensors.tensors().keySet()) {
      wanted.getOrDefault(tensor, List.of()).forEach(m -> pairs.add(new Pair(tensor, m)));
    }
    return pairs;
  }

  private Map<String, TensorShape> shapes() {
    Map<String, TensorShape> shapes = new LinkedHashMap<>();
    parameters.forEach((name, memory) -> shapes.put(name, memory.shape()));
    return shapes;
  }

  /** Said once for each kind of checkpoint, not for each checkpoint. */
  private void report(Path checkpoint, TemplateMatch match) {
    TemplateMatch before = loaded;
    if (before == null || !before.choice().equals(match.choice())) {
      log.debug("{}: weights from {}", checkpoint, match.choice());
    }
    if (!match.extra().isEmpty() && (before == null || !before.extra().equals(match.extra()))) {
      log.warn(
          "{}: the template {} has no parameter for {}: ignored",
          checkpoint,
          template.getFileName(),
          TemplateMatch.summary(match.extra()));
    }
  }

  private static void read(Path checkpoint, TensorSource tensors, String name, FloatBuffer values)
      throws BadInputException {
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
}
