package io.diffuscope.feature;

import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.diffuscope.data.ContentHash;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.StreamSupport;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

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
  private static final String SETTINGS_ENTRY = "/extra/diffuscope.json";
  private static final int MOST_BYTES = 1 << 24;

  /** How the archive names the memory of types that the engine cannot hold. */
  private static final Pattern UNSUPPORTED_STORAGE =
      Pattern.compile("(BFloat16|Half|Double|Complex\\w+|Q\\w+)Storage");

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
    JsonNode settings = settings(path);
    int channels = Math.toIntExact(latent.dimension(0));
    return new DecoderFile(
        path,
        "decoder-" + ContentHash.of(path),
        latent,
        numbers(path, settings, "scaling_factor", 1, channels),
        numbers(path, settings, "shift_factor", 0, channels));
  }

  private static JsonNode settings(Path path) throws BadInputException {
    if (Files.isDirectory(path)) {
      throw new BadInputException(
          path, Reason.UNSUPPORTED, "a directory; give the exported decoder, a TorchScript file");
    }
    try (ZipFile zip = new ZipFile(path.toFile())) {
      List<? extends ZipEntry> entries = zip.stream().toList();
      if (entries.stream().noneMatch(e -> e.getName().contains("/code/"))) {
        throw new BadInputException(
            path,
            Reason.UNSUPPORTED,
            "a torch file without a graph, not TorchScript; export the decoder once with"
                + " torch.jit.trace and torch.jit.save");
      }
      // Looked for in the archive itself: the engine would end the process over some of them.
      Matcher storage = UNSUPPORTED_STORAGE.matcher(text(zip, entries, "/data.pkl"));
      if (storage.find()) {
        throw new BadInputException(
            path,
            Reason.UNSUPPORTED,
            "holds tensors of type %s; export the decoder in float32, with decoder.float()"
                .formatted(storage.group(1)));
      }
      String json = text(zip, entries, SETTINGS_ENTRY);
      return new ObjectMapper().readTree(json.isEmpty() ? "{}" : json);
    } catch (BadInputException e) {
      throw e;
    } catch (JsonProcessingException e) {
      throw new BadInputException(
          path.toString(), Reason.MALFORMED, "its diffuscope.json is not valid JSON", e);
    } catch (NoSuchFileException e) {
      throw new BadInputException(path, Reason.VANISHED, "no such file; give the exported decoder");
    } catch (ZipException e) {
      throw new BadInputException(
          path.toString(),
          Reason.MALFORMED,
          "not a TorchScript file (no zip archive); export the decoder with torch.jit.save",
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
