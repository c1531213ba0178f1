package io.diffuscope.checkpoint;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.WeightFiles;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The files of a checkpoint's weights where the training job wrote them, in the version that was
 * found.
 *
 * @param checkpoint what they belong to
 * @param versions by absolute path
 */
record OriginalFiles(Checkpoint checkpoint, SortedMap<Path, FileVersion> versions) {
  OriginalFiles {
    versions = Collections.unmodifiableSortedMap(versions);
  }

  /**
   * Looks at the files.
   *
   * @return empty where the weights' own index cannot be read: their reader says best why
   * @throws BadInputException VANISHED or CHANGED since the checkpoint was found, UNREADABLE
   */
  static Optional<OriginalFiles> of(Checkpoint checkpoint) throws BadInputException {
    Path weights = checkpoint.weights().file();
    try {
      SortedMap<Path, FileVersion> versions = new TreeMap<>();
      for (Path file : WeightFiles.filesOf(weights)) {
        versions.put(file, FileVersion.of(file));
      }
      // After the versions were taken: they are then those of the content that was found.
      if (!CheckpointFiles.isCurrent(checkpoint)) {
        throw changed(checkpoint);
      }
      return Optional.of(new OriginalFiles(checkpoint, versions));
    } catch (BadInputException e) {
      return switch (e.reason()) {
        case CHANGED -> throw e;
        case VANISHED -> throw vanished(checkpoint, e);
        default -> Optional.empty();
      };
    } catch (IOException e) {
      throw failed(checkpoint, e);
    }
  }

  long bytes() {
    return versions.values().stream().mapToLong(FileVersion::size).sum();
  }

  /** The folder of the weights: the names of all files are relative to it. */
  Path folder() {
    Path folder = checkpoint.weights().file().toAbsolutePath().getParent();
    if (folder == null) {
      throw new IllegalStateException(checkpoint.weights() + " is no file");
    }
    return folder;
  }

  /**
   * Fails unless all files are the versions that were found.
   *
   * @throws BadInputException VANISHED, CHANGED or UNREADABLE
   */
  void verifyUnchanged() throws BadInputException {
    for (Map.Entry<Path, FileVersion> file : versions.entrySet()) {
      verify(file.getKey(), file.getValue());
    }
  }

  /**
   * Fails unless a file is the version that was found of another.
   *
   * @throws BadInputException VANISHED, CHANGED or UNREADABLE
   */
  void verify(Path file, FileVersion found) throws BadInputException {
    try {
      if (!FileVersion.of(file).equals(found)) {
        throw changed(checkpoint);
      }
    } catch (BadInputException e) {
      throw e;
    } catch (IOException e) {
      throw failed(checkpoint, e);
    }
  }

  static BadInputException changed(Checkpoint checkpoint) {
    return new BadInputException(
        checkpoint.file(), Reason.CHANGED, "was written again before it was measured");
  }

  private static BadInputException vanished(Checkpoint checkpoint, IOException cause) {
    return new BadInputException(
        checkpoint.path(), Reason.VANISHED, "went away before it was measured", cause);
  }

  /** What the file system refused, in words about the checkpoint. */
  static BadInputException failed(Checkpoint checkpoint, IOException failure) {
    return failure instanceof NoSuchFileException
        ? vanished(checkpoint, failure)
        : BadInputException.of(checkpoint.file(), failure);
  }
}
