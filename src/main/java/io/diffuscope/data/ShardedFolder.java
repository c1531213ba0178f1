package io.diffuscope.data;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.diffuscope.tensorfile.AtomicFile;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.ElementType;
import io.diffuscope.tensorfile.FloatArray;
import io.diffuscope.tensorfile.SafetensorsFile;
import io.diffuscope.tensorfile.SafetensorsWriter;
import io.diffuscope.tensorfile.TensorInfo;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A folder in the format of {@code export_data} that is written one shard after the other, each
 * whole or not at all, and may be left half done: what is there already need not be made again.
 *
 * @param folder where it lies; made when the first shard is written
 * @param point shape of one point
 * @param size number of points, at least 1
 * @param shardRows points in one shard; the last may have fewer
 */
public record ShardedFolder(Path folder, TensorShape point, int size, int shardRows) {
  private static final Logger log = LoggerFactory.getLogger(ShardedFolder.class);
  private static final JsonMapper JSON = new JsonMapper();

  /** Number of shards. */
  public int shards() {
    return (size + shardRows - 1) / shardRows;
  }

  /** Index of the first point of a shard. */
  public int first(int shard) {
    return shard * shardRows;
  }

  /** Number of points of a shard. */
  public int rows(int shard) {
    return Math.min(shardRows, size - first(shard));
  }

  /** Whether a shard is there, whole by its header. */
  public boolean has(int shard) {
    return read(shard, stored -> shard).isPresent();
  }

  /**
   * The values of a shard that was written before; empty where it is missing or damaged.
   *
   * @return {@code [rows, ...point]}
   */
  public Optional<float[]> read(int shard) {
    return read(
        shard,
        stored -> {
          FloatBuffer values =
              FloatBuffer.allocate(Math.toIntExact(rows(shard) * point.elements()));
          stored.readFloats(ShardFile.POINTS, 0, values);
          return values.array();
        });
  }

  /** What is made of a shard's file. */
  private interface Reader<T> {
    T of(SafetensorsFile stored) throws BadInputException;
  }

  private <T> Optional<T> read(int shard, Reader<T> reader) {
    Path file = file(shard);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try (SafetensorsFile stored = SafetensorsFile.open(file)) {
      TensorInfo info = stored.tensors().get(ShardFile.POINTS);
      boolean fits =
          info != null
              && info.type() == ElementType.F32
              && info.shape().equals(point.withFirst(rows(shard)));
      return fits ? Optional.of(reader.of(stored)) : Optional.empty();
    } catch (BadInputException e) {
      log.warn("{} is damaged and is made again: {}", file, e.getMessage());
      return Optional.empty();
    }
  }

  /**
   * Writes a shard.
   *
   * @param values {@code [rows, ...point]}
   */
  public void write(int shard, float[] values) throws IOException {
    Files.createDirectories(folder);
    TensorShape shape = point.withFirst(rows(shard));
    SafetensorsWriter.write(
        file(shard), Map.of(ShardFile.POINTS, new FloatArray(shape, values)), Map.of());
  }

  /** Writes the index: from now on this is a set. */
  public void finish() throws IOException {
    ObjectNode index = JSON.createObjectNode();
    index.put("format", ExportIndex.FORMAT);
    index.put("version", ExportIndex.VERSION);
    index.put("count", size);
    ArrayNode shape = index.putArray("shape");
    point.dimensions().forEach(shape::add);
    index.put("dtype", ElementType.F32.safetensorsCode());
    index.put("labels", false);
    ArrayNode shards = index.putArray("shards");
    for (int i = 0; i < shards(); i++) {
      ObjectNode shard = shards.addObject();
      shard.put("file", name(i));
      shard.put("count", rows(i));
    }
    ByteBuffer json = ByteBuffer.wrap(JSON.writeValueAsBytes(index));
    AtomicFile.write(
        folder.resolve(ExportIndex.FILE),
        channel -> {
          while (json.hasRemaining()) {
            channel.write(json);
          }
        });
  }

  /**
   * The set, if it is there whole; a damaged one is as good as none.
   *
   * @param role what the set is for, for messages
   */
  public Optional<DataSet> open(String role) {
    if (!Files.exists(folder.resolve(ExportIndex.FILE))) {
      return Optional.empty();
    }
    try {
      DataSet set = DataSets.open(folder.toString(), role, point);
      if (set.size() == size) {
        return Optional.of(set);
      }
      set.close();
      log.warn("{} has {} points instead of {} and is made again", folder, set.size(), size);
    } catch (BadInputException e) {
      log.warn("{} is damaged and is made again: {}", folder, e.getMessage());
    }
    return Optional.empty();
  }

  private Path file(int shard) {
    return folder.resolve(name(shard));
  }

  private String name(int shard) {
    return "data-%05d-of-%05d.safetensors".formatted(shard, shards());
  }
}
