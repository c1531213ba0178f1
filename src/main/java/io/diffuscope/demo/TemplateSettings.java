package io.diffuscope.demo;

import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import java.nio.file.Path;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/**
 * What the trainer needs of a template's {@code diffuscope.json}.
 *
 * @param shape of one point, as the network takes it
 * @param sigmaData standard deviation of the data in the EDM preconditioning
 */
record TemplateSettings(Shape shape, double sigmaData) {
  /** The file's name inside the TorchScript archive. */
  static final String FILE = "diffuscope.json";

  private static final JsonMapper JSON = new JsonMapper();

  /**
   * @param template named in errors
   * @param json content of the extra file
   * @throws BadInputException MALFORMED or UNSUPPORTED
   */
  static TemplateSettings parse(Path template, String json) throws BadInputException {
    JsonNode root;
    try {
      root = JSON.readTree(json);
    } catch (JsonProcessingException e) {
      throw malformed(template, "holds a " + FILE + " that is not JSON", e);
    }
    String preconditioning = root.path("preconditioning").asText();
    if (!preconditioning.equals("edm")) {
      throw new BadInputException(
          template,
          Reason.UNSUPPORTED,
          "the trainer knows the preconditioning edm only, not '"
              + preconditioning
              + "'; export the network with its "
              + FILE);
    }
    double sigmaData = root.path("sigma_data").asDouble(0.5);
    long[] shape =
        StreamSupport.stream(root.path("shape").spliterator(), false)
            .mapToLong(JsonNode::asLong)
            .toArray();
    if (shape.length == 0 || !(sigmaData > 0) || new Shape(shape).size() < 1) {
      throw malformed(
          template, "needs a positive sigma_data and the shape of a point in its " + FILE, null);
    }
    return new TemplateSettings(new Shape(shape), sigmaData);
  }

  private static BadInputException malformed(
      Path template, String detail, @Nullable Throwable cause) {
    return new BadInputException(
        template.toString(), Reason.MALFORMED, detail + "; export the network again", cause);
  }
}
