package io.diffuscope.checkpoint.s3;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;

/**
 * What is where, from few requests. Looking into a directory lists everything below it at once, and
 * that answers for its folders and files until it is too old. So a poll, which begins with the
 * directory that is watched, is one listing, however many folders there are; and where a directory
 * of runs is listed, its runs need no listings of their own.
 */
final class Listings {
  private final ObjectStore store;
  private final long lastingNanos;
  private final Map<S3Path, Snapshot> snapshots = new ConcurrentHashMap<>();

  Listings(ObjectStore store, Duration lasting) {
    this.store = store;
    this.lastingNanos = lasting.toNanos();
  }

  /**
   * The names in a directory: listed again, unless a directory above it was listed just now.
   *
   * @throws NoSuchFileException if there is nothing
   * @throws NotDirectoryException if that is an object
   */
  SortedSet<String> names(S3Path directory) throws IOException {
    Optional<Snapshot> above = newest(snapshot -> snapshot.tellsOf(directory));
    Snapshot snapshot = above.isPresent() ? above.get() : list(directory);
    if (snapshot.isDirectory(directory)) {
      return snapshot.names(directory);
    }
    if (snapshot.object(directory).isPresent()
        || (above.isEmpty() && store.find(directory.bucket(), directory.key()).isPresent())) {
      throw new NotDirectoryException(directory.toString());
    }
    throw new NoSuchFileException(directory.toString());
  }

  /**
   * What is known of a path.
   *
   * @throws NoSuchFileException if there is nothing
   */
  BasicFileAttributes attributes(S3Path path) throws IOException {
    Optional<Snapshot> above = newest(snapshot -> snapshot.tellsOf(path));
    if (above.isPresent()) {
      return attributes(path, above.get());
    }
    Optional<Snapshot> own = newest(snapshot -> snapshot.isOf(path));
    if (own.isPresent() && own.get().isDirectory(path)) {
      return StoredObject.ofDirectory(path.key());
    }
    if (!path.key().isEmpty()) {
      Optional<StoredObject> object = store.find(path.bucket(), path.key());
      if (object.isPresent()) {
        return object.get().attributes();
      }
    }
    return attributes(path, own.isPresent() ? own.get() : list(path));
  }

  private static BasicFileAttributes attributes(S3Path path, Snapshot snapshot)
      throws NoSuchFileException {
    Optional<StoredObject> object = snapshot.object(path);
    if (object.isPresent()) {
      return object.get().attributes();
    }
    if (snapshot.isDirectory(path)) {
      return StoredObject.ofDirectory(path.key());
    }
    throw new NoSuchFileException(path.toString());
  }

  /**
   * The object at a path.
   *
   * @throws NoSuchFileException if there is none
   */
  StoredObject object(S3Path path) throws IOException {
    Optional<Snapshot> above = newest(snapshot -> snapshot.tellsOf(path));
    Optional<StoredObject> object =
        above.isPresent() ? above.get().object(path) : store.find(path.bucket(), path.key());
    return object.orElseThrow(() -> new NoSuchFileException(path.toString()));
  }

  /** Forgets what is known of a path. */
  void forget(S3Path path) {
    snapshots.values().removeIf(known -> known.tellsOf(path) || known.isOf(path));
  }

  private Optional<Snapshot> newest(Predicate<Snapshot> wanted) {
    return snapshots.values().stream()
        .filter(snapshot -> isFresh(snapshot) && wanted.test(snapshot))
        .max((a, b) -> Long.compare(a.takenNanos() - b.takenNanos(), 0));
  }

  private boolean isFresh(Snapshot snapshot) {
    return System.nanoTime() - snapshot.takenNanos() < lastingNanos;
  }

  private Snapshot list(S3Path root) throws IOException {
    long began = System.nanoTime();
    Snapshot snapshot = new Snapshot(root, began, store.list(root.bucket(), root.prefix()));
    snapshots.values().removeIf(old -> !isFresh(old));
    snapshots.put(root, snapshot);
    return snapshot;
  }
}
