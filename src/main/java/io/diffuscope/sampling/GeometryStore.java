package io.diffuscope.sampling;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
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

  Optional<SetGeometry> find(String key) {
    Path file = file(key);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      return Optional.of(JSON.readValue(file.toFile(), SetGeometry.class));
    } catch (IOException e) {
      log.warn("{} is damaged and is computed again: {}", file, e.toString());
      return Optional.empty();
    }
  }

  void put(String key, SetGeometry geometry) {
    try {
      Files.createDirectories(directory);
      Path temporary = Files.createTempFile(directory, ".geometry", ".tmp");
      try {
        JSON.writeValue(temporary.toFile(), geometry);
        Files.move(temporary, file(key), StandardCopyOption.ATOMIC_MOVE);
      } finally {
        Files.deleteIfExists(temporary);
      }
    } catch (IOException e) {
      log.warn("the geometry of the sets cannot be cached: {}", e.toString());
    }
  }

  private Path file(String key) {
    return directory.resolve(key + ".json");
  }
}
