package io.diffuscope.checkpoint;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Path;

/**
 * Looks into a quiet file and tells whether it is complete. Size alone cannot tell: writers exist
 * that give the file its full length before the first byte.
 */
@FunctionalInterface
public interface StructuralCheck {
  /**
   * Returns where the file is complete.
   *
   * @throws BadInputException where it is not, with the reason
   * @throws IOException where it could not be read
   */
  void check(Path file) throws IOException;

  /** Accepts a safetensors file whose header is whole and agrees with the file's length. */
  static StructuralCheck safetensors() {
    return file -> {
      try (SafetensorsFile opened = SafetensorsFile.open(file)) {
        opened.verifyUnchanged();
      }
    };
  }
}
