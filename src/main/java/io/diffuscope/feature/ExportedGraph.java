package io.diffuscope.feature;

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
import io.diffuscope.model.Devices;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/** A TorchScript file with weights of its own, one input and one output, on a device. */
final class ExportedGraph implements AutoCloseable {
  private static final String SETTINGS_ENTRY = "/extra/diffuscope.json";
  private static final int MOST_BYTES = 1 << 24;

  /** How the archive names the memory of types that the engine cannot hold. */
  private static final Pattern UNSUPPORTED_STORAGE =
      Pattern.compile("(BFloat16|Half|Double|Complex\\w+|Q\\w+)Storage");

  private final Model model;
  private final ParameterStore parameters;

  private ExportedGraph(Model model) {
    this.model = model;
    this.parameters = new ParameterStore(model.getNDManager(), false);
  }

  /**
   * Looks into a file, without the tensor engine.
   *
   * @param what it is, for messages: "decoder"
   * @return its extra file {@code diffuscope.json}; an empty object where it has none
   * @throws BadInputException if it is no TorchScript archive, or holds other numbers than float32
   */
  static JsonNode settings(Path path, String what) throws BadInputException {
    if (Files.isDirectory(path)) {
      throw new BadInputException(
          path,
          Reason.UNSUPPORTED,
          "a directory; give the exported %s, a TorchScript file".formatted(what));
    }
    try (ZipFile zip = new ZipFile(path.toFile())) {
      List<? extends ZipEntry> entries = zip.stream().toList();
      if (entries.stream().noneMatch(e -> e.getName().contains("/code/"))) {
        throw new BadInputException(
            path,
            Reason.UNSUPPORTED,
            "a torch file without a graph, not TorchScript; export the %s once with torch.jit.trace and torch.jit.save"
                .formatted(what));
      }
      // Looked for in the archive itself: the engine would end the process over some of them.
      Matcher storage = UNSUPPORTED_STORAGE.matcher(text(zip, entries, "/data.pkl"));
      if (storage.find()) {
        throw new BadInputException(
            path,
            Reason.UNSUPPORTED,
            "holds tensors of type %s; export the %s in float32, with %s.float()"
                .formatted(storage.group(1), what, what));
      }
      String json = text(zip, entries, SETTINGS_ENTRY);
      return new ObjectMapper().readTree(json.isEmpty() ? "{}" : json);
    } catch (BadInputException e) {
      throw e;
    } catch (JsonProcessingException e) {
      throw new BadInputException(
          path.toString(), Reason.MALFORMED, "its diffuscope.json is not valid JSON", e);
    } catch (NoSuchFileException e) {
      throw new BadInputException(
          path, Reason.VANISHED, "no such file; give the exported %s".formatted(what));
    } catch (ZipException e) {
      throw new BadInputException(
          path.toString(),
          Reason.MALFORMED,
          "not a TorchScript file (no zip archive); export the %s with torch.jit.save"
              .formatted(what),
          e);
    } catch (IOException e) {
      throw new BadInputException(
          path.toString(), Reason.UNREADABLE, "cannot be read (" + e + "); check the disk", e);
    }
  }

  private static String text(ZipFile zip, List<? extends ZipEntry> entries, String end)
      throws IOException {
    for (ZipEntry entry : entries) {
      if (entry.getName().endsWith(end)) {
        try (InputStream in = zip.getInputStream(entry)) {
          return new String(in.readNBytes(MOST_BYTES), StandardCharsets.ISO_8859_1);
        }
      }
    }
    return "";
  }

  /** What is made of a graph, and tries it out. */
  interface Use<T> {
    T of(ExportedGraph graph) throws BadInputException;
  }

  /**
   * Puts a graph on the device of {@code parent}, and makes something of it that owns it.
   *
   * @param what it is, for messages
   * @param contract what the graph was to do, and does not where the engine fails: "cannot ...
   *     (%s); ...", with a place for the engine's message
   */
  static <T> T load(Path path, String what, String contract, NDManager parent, Use<T> use)
      throws BadInputException {
    Model model = Model.newInstance(what, parent.getDevice(), Devices.ENGINE);
    try {
      model.load(path, null, Map.of("mapLocation", "true"));
      for (Pair<String, Parameter> pair : model.getBlock().getDirectParameters()) {
        DataType type = pair.getValue().getArray().getDataType();
        if (type != DataType.FLOAT32) {
          throw new BadInputException(
              path,
              Reason.UNSUPPORTED,
              "parameter %s is of type %s; export the %s in float32, with %s.float()"
                  .formatted(pair.getKey(), type, what, what));
        }
      }
      return use.of(new ExportedGraph(model));
    } catch (IOException | MalformedModelException | EngineException | IllegalStateException e) {
      model.close();
      if (e instanceof BadInputException known) {
        throw known;
      }
      throw new BadInputException(
          path.toString(),
          Reason.MALFORMED,
          contract.formatted(
              String.valueOf(e.getMessage()).lines().findFirst().orElse("no message")),
          e);
    }
  }

  /** The first output; an inference tensor, not to be changed in place. */
  NDArray forward(NDArray input) {
    return model.getBlock().forward(parameters, new NDList(input), false).get(0);
  }

  @Override
  public void close() {
    model.close();
  }
}
