package io.diffuscope.checkpoint;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.WeightFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Versions of weights that may consist of several files: an index and its shards, a distributed
 * checkpoint. Which files belong to weights is read again only when their index has changed; the
 * rest is one stat a file.
 *
 * <p>Not thread-safe.
 */
final class WeightVersions {
  /** In the place of a file that an index names and that is not there. */
  private static final FileVersion ABSENT = new FileVersion(-1, -1, "");

  private record Known(FileVersion index, List<Path> files) {}

  private Map<Path, Known> known = new HashMap<>();
  private Map<Path, Known> used = new HashMap<>();

  /** Forgets the files of weights that were not asked for since the last call. */
  void startListing() {
    known = used;
    used = new HashMap<>();
  }

  /**
   * The version of the weights at a path.
   *
   * @throws NoSuchFileException if there are none
   */
  ContentVersion of(Path weights) throws IOException {
    Path index = indexOf(weights);
    if (index == null) {
      return ContentVersion.of(FileVersion.of(weights));
    }
    FileVersion version = FileVersion.of(index);
    Known found = known.get(weights);
    if (found == null || !found.index.equals(version)) {
      found = new Known(version, filesOf(weights, index));
    }
    used.put(weights, found);
    SortedMap<Path, FileVersion> versions = new TreeMap<>();
    for (Path file : found.files) {
      versions.put(file, versionOf(file));
    }
    return ContentVersion.of(versions);
  }

  /** The file that says which others belong to the weights; null where they are one file. */
  private static @Nullable Path indexOf(Path weights) {
    if (weights.toString().endsWith(".json")) {
      return weights;
    }
    if (Files.isDirectory(weights)) {
      Path metadata = weights.resolve(".metadata");
      return Files.exists(metadata) ? metadata : weights;
    }
    return null;
  }

  /**
   * An index that cannot be read yet stands for itself; the structural check tells what is wrong.
   */
  private static List<Path> filesOf(Path weights, Path index) {
    try {
      List<Path> files = WeightFiles.filesOf(weights);
      return files.isEmpty() ? List.of(index) : files;
    } catch (BadInputException e) {
      return List.of(index);
    }
  }

  private static FileVersion versionOf(Path file) throws IOException {
    try {
      return FileVersion.of(file);
    } catch (NoSuchFileException e) {
      return ABSENT;
    }
  }
}
