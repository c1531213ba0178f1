package io.diffuscope.checkpoint;

import com.fasterxml.jackson.annotation.JsonIgnore;
import io.diffuscope.tensorfile.Locations;
import io.diffuscope.tensorfile.WeightsLocation;
import java.nio.file.Path;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A checkpoint as the rest of Diffuscope knows it.
 *
 * @param identity opaque and unique within a monitor; two different contents never share it
 * @param path absolute path of the checkpoint, a file or a directory, as text so that it can travel
 *     between processes
 * @param step training step of its name; null where the name has none
 * @param weights what is read of it
 * @param modified when it was written, as its storage tells; null where that is not known. Only
 *     compared with that of other checkpoints in the same place, never with a clock
 */
public record Checkpoint(
    String identity,
    String path,
    @Nullable Long step,
    WeightsLocation weights,
    @Nullable Instant modified) {
  /** A checkpoint of which nobody knows when it was written. */
  public Checkpoint(String identity, String path, @Nullable Long step, WeightsLocation weights) {
    this(identity, path, step, weights, null);
  }

  /** A checkpoint that is one file of weights. */
  public static Checkpoint ofFile(String identity, String path, @Nullable Long step) {
    return ofFile(identity, path, step, null);
  }

  /** A checkpoint that is one file of weights, written at a known time. */
  public static Checkpoint ofFile(
      String identity, String path, @Nullable Long step, @Nullable Instant modified) {
    return new Checkpoint(identity, path, step, new WeightsLocation(path, null), modified);
  }

  @JsonIgnore
  public Path file() {
    return Locations.pathOf(path);
  }

  /** The file's own name, for people. */
  @JsonIgnore
  public String name() {
    return String.valueOf(file().getFileName());
  }
}
