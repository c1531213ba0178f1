package io.diffuscope.sampling;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.diffuscope.tensorfile.AtomicFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The geometry of sets on disk, by content key; a missing or damaged file is found again. */
final class GeometryStore {
  private static final Logger log = LoggerFactory.getLogger(GeometryStore.class);
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path directory;

  GeometryStore(Path cacheDirectory) {
    this.directory = cacheDirectory.resolve("geometry");
  }

  /** The stored geometry of sets of these sizes, if it is there whole. */
  Optional<SetGeometry> find(String key, int trainSize, int holdoutSize) {
    Path file = file(key);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      SetGeometry geometry = JSON.readValue(file.toFile(), SetGeometry.class);
      if (geometry != null && geometry.fits(trainSize, holdoutSize)) {
        return Optional.of(geometry);
      }
      log.warn("{} does not fit the sets and is computed again", file);
    } catch (IOException e) {
      log.warn("{} is damaged and is computed again: {}", file, e.toString());
    }
    return Optional.empty();
  }

  void put(String key, SetGeometry geometry) {
    try {
      Files.createDirectories(directory);
      ByteBuffer json = ByteBuffer.wrap(JSON.writeValueAsBytes(geometry));
      AtomicFile.write(
          file(key),
          channel -> {
            while (json.hasRemaining()) {
              channel.write(json);
            }
          });
    } catch (IOException e) {
      log.warn("the geometry of the sets cannot be cached: {}", e.toString());
    }
  }

  private Path file(String key) {
    return directory.resolve(key + ".json");
  }
}
