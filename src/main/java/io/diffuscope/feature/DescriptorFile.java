package io.diffuscope.feature;

import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import io.diffuscope.data.ContentHash;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A descriptor of images such as SSCD: TorchScript, {@code forward(images [B, 3, H, W])} returns
 * vectors {@code [B, F]}, or a tuple that begins with them. Opening it touches no tensor engine.
 *
 * <pre>{@code
 * DescriptorFile file =
 *     DescriptorFile.open(Path.of("sscd.pt"), "sscd_disc_mixup", PreprocessingKeys.NONE);
 * try (FeatureMap map = file.load(manager, FeatureMap.identity(3 * 32 * 32), shape)) {
 *   NDArray features = map.apply(points);
 * }
 * }</pre>
 */
public final class DescriptorFile {
  private final Path path;
  private final Preprocessing preprocessing;
  private final String key;

  private DescriptorFile(Path path, Preprocessing preprocessing, String key) {
    this.path = path;
    this.preprocessing = preprocessing;
    this.key = key;
  }

  /**
   * Looks into a file and hashes it.
   *
   * @param preset name of a preprocessing, in place of the file's; null: what the file says
   * @param keys replace those of either
   * @throws BadInputException if the file is no TorchScript archive, holds other numbers than
   *     float32, or it is not clear what it wants done with images
   */
  public static DescriptorFile open(Path path, @Nullable String preset, PreprocessingKeys keys)
      throws BadInputException {
    JsonNode settings = ExportedGraph.settings(path, "descriptor");
    try {
      Preprocessing preprocessing = keys.over(preset, settings);
      return new DescriptorFile(
          path,
          preprocessing,
          "descriptor-" + ContentHash.of(ContentHash.of(path), preprocessing.toString()));
    } catch (IllegalArgumentException e) {
      throw unusable(path, e);
    }
  }

  private static BadInputException unusable(Path path, IllegalArgumentException e) {
    return new BadInputException(
        path.toString(), Reason.UNSUPPORTED, String.valueOf(e.getMessage()), e);
  }

  /**
   * Checks that it can compare such points.
   *
   * @param images shape of one image
   * @throws BadInputException where points are no images
   */
  public void requireImages(TensorShape images) throws BadInputException {
    try {
      preprocessing.requireImages(images);
    } catch (IllegalArgumentException e) {
      throw unusable(path, e);
    }
  }

  /** Names everything that determines the features of an image. */
  public String key() {
    return key;
  }

  Path path() {
    return path;
  }

  Preprocessing preprocessing() {
    return preprocessing;
  }

  /**
   * Puts the descriptor on the device of {@code parent} and tries it.
   *
   * @param images from points to images, the decoder of a latent model or the identity; stays the
   *     caller's to close
   * @param shape of one image
   * @throws BadInputException where points are no images, PyTorch cannot load the file, or it does
   *     not turn images of its size into one finite vector each
   */
  public FeatureMap load(NDManager parent, FeatureMap images, TensorShape shape)
      throws BadInputException {
    requireImages(shape);
    return DescriptorMap.load(this, images, shape, parent);
  }
}
