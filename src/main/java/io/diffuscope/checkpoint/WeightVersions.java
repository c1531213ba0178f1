package io.diffuscope.checkpoint;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.WeightFiles;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

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

  private static final String INDEX = ".json";

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
    if (weights.toString().endsWith(INDEX)) {
      return ofIndexed(weights);
    }
    return Files.isDirectory(weights)
        ? ofDistributed(weights)
        : ContentVersion.of(FileVersion.of(weights));
  }

  private ContentVersion ofIndexed(Path index) throws IOException {
    FileVersion version = FileVersion.of(index);
    Known found = known.get(index);
    if (found == null || !found.index.equals(version)) {
      found = new Known(version, filesOf(index));
    }
    used.put(index, found);
    SortedMap<Path, FileVersion> versions = new TreeMap<>();
    for (Path file : found.files) {
      versions.put(file, versionOf(file));
    }
    versions.put(index, version);
    return ContentVersion.of(versions);
  }

  /** Every file in the folder: its index is a pickle, which need not be read for this. */
  private static ContentVersion ofDistributed(Path weights) throws IOException {
    Folder folder = Folder.list(weights);
    SortedMap<Path, FileVersion> versions = new TreeMap<>();
    for (String name : folder.names()) {
      Folder.Entry entry = folder.entry(name);
      if (entry.kind() == Folder.Kind.REFUSED) {
        throw new AccessDeniedException(folder.resolve(name).toString());
      }
      if (entry.version() != null) {
        versions.put(folder.resolve(name), entry.version());
      }
    }
    if (versions.isEmpty()) {
      throw new NoSuchFileException(weights.toString());
    }
    return ContentVersion.of(versions);
  }

  /**
   * An index that cannot be read yet stands for itself; the structural check tells what is wrong.
   */
  private static List<Path> filesOf(Path index) {
    try {
      return WeightFiles.filesOf(index);
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
