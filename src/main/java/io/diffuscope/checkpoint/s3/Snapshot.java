package io.diffuscope.checkpoint.s3;

import java.util.List;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** All objects below a path as one listing saw them, seen as directories and files. */
final class Snapshot {
  private final S3Path root;
  private final long takenNanos;
  private final TreeMap<String, StoredObject> objects = new TreeMap<>();

  /**
   * A snapshot.
   *
   * @param takenNanos when the listing began, by {@link System#nanoTime()}
   */
  Snapshot(S3Path root, long takenNanos, List<StoredObject> listed) {
    this.root = root;
    this.takenNanos = takenNanos;
    for (StoredObject object : listed) {
      if (isPath(object.key())) {
        objects.put(object.key(), object);
      }
    }
  }

  /**
   * Keys that no path can name are left out, and with them the empty objects by which some tools
   * stand for a folder.
   */
  private static boolean isPath(String key) {
    if (key.endsWith("/")) {
      return false;
    }
    for (String name : key.split("/", -1)) {
      if (name.isEmpty() || name.equals(".") || name.equals("..")) {
        return false;
      }
    }
    return true;
  }

  long takenNanos() {
    return takenNanos;
  }

  boolean isOf(S3Path path) {
    return root.equals(path);
  }

  /** Whether it tells what a path is: all below the root do. */
  boolean tellsOf(S3Path path) {
    return path.startsWith(root) && !isOf(path);
  }

  Optional<StoredObject> object(S3Path path) {
    return Optional.ofNullable(objects.get(path.key()));
  }

  /** Whether keys go on below a path. A bucket is a directory also when it is empty. */
  boolean isDirectory(S3Path path) {
    String first = objects.ceilingKey(path.prefix());
    return path.prefix().isEmpty() || (first != null && first.startsWith(path.prefix()));
  }

  /** The names in a directory. */
  SortedSet<String> names(S3Path directory) {
    String prefix = directory.prefix();
    SortedSet<String> names = new TreeSet<>();
    @Nullable String key = objects.ceilingKey(prefix);
    while (key != null && key.startsWith(prefix)) {
      int slash = key.indexOf('/', prefix.length());
      if (slash < 0) {
        names.add(key.substring(prefix.length()));
        key = objects.higherKey(key);
      } else {
        names.add(key.substring(prefix.length(), slash));
        // Past everything in that folder: '0' follows the slash.
        key = objects.ceilingKey(key.substring(0, slash) + '0');
      }
    }
    return names;
  }
}
