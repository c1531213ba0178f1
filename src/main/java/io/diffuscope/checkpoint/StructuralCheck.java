package io.diffuscope.checkpoint;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.TensorSource;
import io.diffuscope.tensorfile.WeightFiles;
import java.io.IOException;
import java.nio.file.Path;

/**
 * Looks into quiet weights and tells whether they are complete. Size alone cannot tell: writers
 * exist that give the file its full length before the first byte.
 */
@FunctionalInterface
public interface StructuralCheck {
  /**
   * Returns where the weights are complete.
   *
   * @param weights a file, the index of a sharded one, or the folder of a distributed checkpoint
   * @throws BadInputException where they are not, with the reason
   * @throws IOException where they could not be read
   */
  void check(Path weights) throws IOException;

  /**
   * Accepts weights of every format that can be read, whose headers and directories are whole and
   * agree with the files, unless they need a text encoder.
   */
  static StructuralCheck weights() {
    return path -> {
      try (TensorSource opened = WeightFiles.open(path)) {
        opened.verifyUnchanged();
      }
      TextToImage.refuse(path);
    };
  }
}
