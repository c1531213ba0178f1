package io.diffuscope.tensorfile;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Where the weights of a network lie.
 *
 * @param path a file that holds tensors, the index of a sharded one, or the directory of a
 *     distributed checkpoint; as text so that it can travel between processes
 * @param part dotted key of the dictionary inside it that holds the weights, for example {@code
 *     state_dict}; {@link #AVERAGED} or {@link #RAW} for those weights wherever they lie; null lets
 *     the names decide, averaged weights first
 */
public record WeightsLocation(String path, @Nullable String part) {
  /** In the place of a key: averaged (EMA) weights, wherever they lie. */
  public static final String AVERAGED = "ema";

  /** In the place of a key: the weights that are trained, wherever they lie. */
  public static final String RAW = "raw";

  /** All of a file. */
  public static WeightsLocation of(Path path) {
    return new WeightsLocation(path.toString(), null);
  }

  /** The path, on the file system that its text names. */
  public Path file() {
    return Locations.pathOf(path);
  }

  @Override
  public String toString() {
    return part == null ? path : path + ":" + part;
  }
}
