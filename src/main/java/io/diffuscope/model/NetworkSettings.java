package io.diffuscope.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.diffuscope.tensorfile.TensorShape;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/**
 * How a network is to be used; travels with the exported graph as {@code diffuscope.json}.
 *
 * @param preconditioning what turns the raw output into a denoiser
 * @param sigmaData standard deviation of the data, for {@link Preconditioning#EDM}
 * @param shape shape of one point, for example {@code [1, 8, 8]}
 * @param classes number of classes of a class-conditional network; null for an unconditional one
 * @param nullLabel the label that stands for "no class", where the network was trained with one
 * @param guidance weight w of classifier-free guidance, {@code D_null + w (D_class - D_null)}; 1
 *     uses the class alone
 */
public record NetworkSettings(
    Preconditioning preconditioning,
    double sigmaData,
    TensorShape shape,
    @Nullable Integer classes,
    @Nullable Integer nullLabel,
    double guidance) {
  public NetworkSettings {
    if (!(sigmaData > 0)) {
      throw new IllegalArgumentException("sigma_data must be above 0, not " + sigmaData);
    }
    if (shape.rank() == 0 || shape.elements() == 0) {
      throw new IllegalArgumentException("shape must name at least one element, not " + shape);
    }
  }

  /** The noise levels that the network was trained on. */
  public SigmaRange sigmaRange() {
    return SigmaRange.ALL;
  }

  /** What the user sets by hand; null leaves what the file says. */
  public record Overrides(
      @Nullable Preconditioning preconditioning,
      @Nullable Double sigmaData,
      @Nullable TensorShape shape) {
    public static final Overrides NONE = new Overrides(null, null, null);
  }

  /**
   * Reads the settings of an exported network.
   *
   * @throws IllegalArgumentException with the missing or wrong key, if they are incomplete
   */
  static NetworkSettings of(JsonNode json, Overrides overrides) {
    Preconditioning preconditioning =
        overrides.preconditioning() != null
            ? overrides.preconditioning()
            : Preconditioning.of(json.path("preconditioning").asText("(absent)"));
    double sigmaData =
        overrides.sigmaData() != null
            ? overrides.sigmaData()
            : json.path("sigma_data").asDouble(0.5);
    TensorShape shape = overrides.shape();
    if (shape == null) {
      JsonNode dimensions = json.path("shape");
      if (!dimensions.isArray()) {
        throw new IllegalArgumentException("shape is absent: give the shape of one point");
      }
      shape =
          TensorShape.of(
              StreamSupport.stream(dimensions.spliterator(), false)
                  .mapToLong(JsonNode::asLong)
                  .toArray());
    }
    return new NetworkSettings(preconditioning, sigmaData, shape, null, null, 1);
  }
}
