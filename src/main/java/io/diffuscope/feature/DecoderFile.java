package io.diffuscope.feature;

import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import io.diffuscope.data.ContentHash;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.StreamSupport;

/**
 * The decoder of a latent model: TorchScript, {@code forward(latents [B, ...shape])} returns images
 * {@code [B, ...]}, or a tuple that begins with them. Opening it touches no tensor engine.
 *
 * <pre>{@code
 * DecoderFile file = DecoderFile.open(Path.of("decoder.pt"), TensorShape.of(4, 32, 32));
 * try (FeatureMap decoder = file.load(manager)) {
 *   NDArray images = decoder.apply(latents);
 * }
 * }</pre>
 *
 * <p>Trainers scale the latents that their autoencoder makes. An extra file {@code diffuscope.json}
 * in the archive may therefore hold {@code scaling_factor} and {@code shift_factor}, by the names
 * of a diffusers autoencoder's configuration, each a number or a list with one number for each
 * channel: what is decoded is {@code latents / scaling_factor + shift_factor}. Without them latents
 * are decoded as they are.
 */
public final class DecoderFile {
  private final Path path;
  private final String key;
  private final TensorShape latent;
  private final List<Double> scale;
  private final List<Double> shift;

  private DecoderFile(
      Path path, String key, TensorShape latent, List<Double> scale, List<Double> shift) {
    this.path = path;
    this.key = key;
    this.latent = latent;
    this.scale = scale;
    this.shift = shift;
  }

  /**
   * Looks into a file and hashes it.
   *
   * @param latent shape of one point of the model
   * @throws BadInputException if the file is no TorchScript archive, holds other numbers than
   *     float32, or has settings that cannot be used
   */
  public static DecoderFile open(Path path, TensorShape latent) throws BadInputException {
    JsonNode settings = ExportedGraph.settings(path, "decoder");
    int channels = Math.toIntExact(latent.dimension(0));
    return new DecoderFile(
        path,
        "decoder-" + ContentHash.of(path),
        latent,
        numbers(path, settings, "scaling_factor", 1, channels),
        numbers(path, settings, "shift_factor", 0, channels));
  }

  private static List<Double> numbers(
      Path path, JsonNode settings, String name, double otherwise, int channels)
      throws BadInputException {
    JsonNode node = settings.path(name);
    if (node.isMissingNode() || node.isNull()) {
      return List.of(otherwise);
    }
    List<JsonNode> nodes =
        node.isArray() ? StreamSupport.stream(node.spliterator(), false).toList() : List.of(node);
    boolean usable =
        (nodes.size() == channels || !node.isArray())
            && nodes.stream().allMatch(n -> n.isNumber() && Double.isFinite(n.doubleValue()))
            && (otherwise == 0 || nodes.stream().noneMatch(n -> n.doubleValue() == 0));
    if (!usable) {
      throw new BadInputException(
          path,
          Reason.UNSUPPORTED,
          "%s in its diffuscope.json must be a number%s, or a list of %d, one for each channel of the latents"
              .formatted(name, otherwise == 0 ? "" : " other than 0", channels));
    }
    return nodes.stream().map(JsonNode::doubleValue).toList();
  }

  /** Names everything that determines what is decoded. */
  public String key() {
    return key;
  }

  Path path() {
    return path;
  }

  TensorShape latent() {
    return latent;
  }

  /** {@code scaling_factor}, one number or one for each channel. */
  List<Double> scale() {
    return scale;
  }

  /** {@code shift_factor}, one number or one for each channel. */
  List<Double> shift() {
    return shift;
  }

  /**
   * Puts the decoder on the device of {@code parent} and tries it on one point.
   *
   * @throws BadInputException where PyTorch cannot load it, or it does not turn {@code [B,
   *     ...shape]} into {@code [B, ...]}
   */
  public FeatureMap load(NDManager parent) throws BadInputException {
    return DecoderMap.load(this, parent);
  }
}
