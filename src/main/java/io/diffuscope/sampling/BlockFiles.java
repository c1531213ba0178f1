package io.diffuscope.sampling;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.FloatArray;
import io.diffuscope.tensorfile.SafetensorsFile;
import io.diffuscope.tensorfile.SafetensorsWriter;
import io.diffuscope.tensorfile.TensorInfo;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Blocks of points on disk, one file each, in a folder for everything that determines them. A file
 * is there whole or not at all, and carries a hash of its numbers: what is damaged is not used.
 */
final class BlockFiles {
  private static final Logger log = LoggerFactory.getLogger(BlockFiles.class);
  private static final String HASH = "hash";

  private final Path directory;
  private final String tensor;
  private final String withoutDisk;
  private final String damaged;

  /** One full disk is one warning, however many blocks there are. */
  private boolean complained;

  /**
   * In a directory, which is made with the first block.
   *
   * @param tensor name of the tensor in each file
   * @param withoutDisk what it means that blocks cannot be written, for people
   * @param damaged what it means that one is damaged
   */
  BlockFiles(Path directory, String tensor, String withoutDisk, String damaged) {
    this.directory = directory;
    this.tensor = tensor;
    this.withoutDisk = withoutDisk;
    this.damaged = damaged;
  }

  /** Endpoints of reference flows, in a cache. */
  static BlockFiles endpoints(Path cacheDirectory) {
    return new BlockFiles(
        cacheDirectory.resolve("endpoints"),
        "endpoints",
        "endpoints of reference flows cannot be cached and are computed again at every start",
        "a cached block of endpoints is damaged and is computed again");
  }

  /** The stored block, {@code [rows * d]}, if it is there whole. */
  Optional<float[]> find(String folder, int block, int rows, int d) {
    Path file = file(directory.resolve(folder), block);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try (SafetensorsFile stored = SafetensorsFile.open(file)) {
      TensorInfo info = stored.tensors().get(tensor);
      if (info == null || !info.shape().equals(TensorShape.of(rows, d))) {
        return Optional.empty();
      }
      float[] values = new float[rows * d];
      stored.readFloats(tensor, 0, FloatBuffer.wrap(values));
      String written = stored.metadata().get(HASH);
      if (written == null) {
        // Of a version that wrote none.
        return Optional.empty();
      }
      if (!hash(values).equals(written)) {
        throw new BadInputException(file, Reason.MALFORMED, "its numbers are not those written");
      }
      return Optional.of(values);
    } catch (BadInputException e) {
      log.warn("{}: {}", damaged, e.getMessage());
      return Optional.empty();
    }
  }

  /** Keeps a block; a full disk costs what is kept, not the measurement. */
  void put(String folder, int block, int rows, int d, float[] values) {
    try {
      Path file = file(directory.resolve(folder), block);
      Files.createDirectories(file.getParent());
      SafetensorsWriter.write(
          file,
          Map.of(tensor, new FloatArray(TensorShape.of(rows, d), values)),
          Map.of(HASH, hash(values)));
    } catch (IOException e) {
      if (!complained) {
        complained = true;
        log.warn("{}: {}", withoutDisk, e.getMessage());
      }
    }
  }

  private static String hash(float[] values) {
    return Integer.toHexString(Arrays.hashCode(values));
  }

  /** Of a block in a folder. */
  static Path file(Path folder, int block) {
    return folder.resolve("block-%05d.safetensors".formatted(block));
  }
}
