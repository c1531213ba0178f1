package io.diffuscope.tensorfile;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Where the weights of a network lie.
 *
 * @param path a file that holds tensors, the index of a sharded one, or the directory of a
 *     distributed checkpoint; as text so that it can travel between processes
 * @param part dotted key of the dictionary inside it that holds the weights, for example {@code
 *     ema} or {@code state_dict}; null lets the names decide, averaged weights first
 */
public record WeightsLocation(String path, @Nullable String part) {
  /** All of a file. */
  public static WeightsLocation of(Path path) {
    return new WeightsLocation(path.toString(), null);
  }

  @Override
  public String toString() {
    return part == null ? path : path + ":" + part;
  }
}
