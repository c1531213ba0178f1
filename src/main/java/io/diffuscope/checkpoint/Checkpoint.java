package io.diffuscope.checkpoint;

import com.fasterxml.jackson.annotation.JsonIgnore;
import io.diffuscope.tensorfile.WeightsLocation;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A checkpoint as the rest of Diffuscope knows it.
 *
 * @param identity opaque and unique within a run; two different contents never share it
 * @param path absolute path of the checkpoint, a file or a directory, as text so that it can travel
 *     between processes
 * @param step training step of its name; null where the name has none
 * @param weights what is read of it
 */
public record Checkpoint(
    String identity, String path, @Nullable Long step, WeightsLocation weights) {
  /** A checkpoint that is one file of weights. */
  public static Checkpoint ofFile(String identity, String path, @Nullable Long step) {
    return new Checkpoint(identity, path, step, new WeightsLocation(path, null));
  }

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
