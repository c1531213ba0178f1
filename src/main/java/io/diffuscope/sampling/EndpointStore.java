package io.diffuscope.sampling;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.FloatArray;
import io.diffuscope.tensorfile.SafetensorsFile;
import io.diffuscope.tensorfile.SafetensorsWriter;
import io.diffuscope.tensorfile.TensorInfo;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Endpoints of reference flows on disk, one file a block, under a key made of everything that
 * determines them. A missing or damaged file is no error: the block is computed again.
 */
final class EndpointStore {
  private static final Logger log = LoggerFactory.getLogger(EndpointStore.class);
  private static final String TENSOR = "endpoints";

  private final Path directory;

  /** One full disk is one warning, however many blocks there are. */
  private boolean complained;

  EndpointStore(Path cacheDirectory) {
    this.directory = cacheDirectory.resolve("endpoints");
  }

  /** The stored block, {@code [rows * d]}, if it is there whole. */
  Optional<float[]> find(String key, int block, int rows, int d) {
    Path file = file(key, block);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try (SafetensorsFile stored = SafetensorsFile.open(file)) {
      TensorInfo info = stored.tensors().get(TENSOR);
      if (info == null || !info.shape().equals(TensorShape.of(rows, d))) {
        return Optional.empty();
      }
      float[] values = new float[rows * d];
      stored.readFloats(TENSOR, 0, FloatBuffer.wrap(values));
      return Optional.of(values);
    } catch (BadInputException e) {
      log.warn("a cached block of endpoints is damaged and is computed again: {}", e.getMessage());
      return Optional.empty();
    }
  }

  /** Keeps a block; a full disk costs the cache, not the measurement. */
  void put(String key, int block, int rows, int d, float[] values) {
    try {
      Path file = file(key, block);
      Files.createDirectories(file.getParent());
      SafetensorsWriter.write(
          file, Map.of(TENSOR, new FloatArray(TensorShape.of(rows, d), values)), Map.of());
    } catch (IOException e) {
      if (!complained) {
        complained = true;
        log.warn(
            "endpoints of reference flows cannot be cached and are computed again at every start:"
                + " {}",
            e.getMessage());
      }
    }
  }

  private Path file(String key, int block) {
    return directory.resolve(key).resolve("block-%05d.safetensors".formatted(block));
  }
}
