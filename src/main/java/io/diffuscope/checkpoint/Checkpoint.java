package io.diffuscope.checkpoint;

import com.fasterxml.jackson.annotation.JsonIgnore;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A checkpoint as the rest of Diffuscope knows it.
 *
 * @param identity opaque and unique within a run; two different contents never share it
 * @param path absolute path of the weights, as text so that it can travel between processes
 * @param step training step of the file's name; null where the name has none
 */
public record Checkpoint(String identity, String path, @Nullable Long step) {
  @JsonIgnore
  public Path file() {
    return Path.of(path);
  }

  /** The file's own name, for people. */
  @JsonIgnore
  public String name() {
    return String.valueOf(file().getFileName());
  }
}
