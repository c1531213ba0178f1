package io.diffuscope.cli;

import io.diffuscope.checkpoint.HoldSettings;
import io.diffuscope.checkpoint.Holds;
import io.diffuscope.run.H2RunStore;
import io.diffuscope.run.RunStore;
import io.diffuscope.run.RunStoreException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The directory of state and caches, held by one monitor at a time: the operating system frees the
 * lock of a process that died, so there is no stale one.
 */
final class DataDirectory implements AutoCloseable {
  private final Path file;
  private final FileChannel channel;
  private final FileLock lock;

  private DataDirectory(Path file, FileChannel channel, FileLock lock) {
    this.file = file;
    this.channel = channel;
    this.lock = lock;
  }

  /** {@code $XDG_STATE_HOME/diffuscope}, or {@code ~/.local/state/diffuscope}. */
  static Path standard() {
    String state = System.getenv("XDG_STATE_HOME");
    Path base =
        state != null && !state.isBlank()
            ? Path.of(state)
            : Path.of(System.getProperty("user.home", "."), ".local", "state");
    return base.resolve("diffuscope");
  }

  /**
   * The journal of the monitor that has taken a data directory.
   *
   * @throws CannotServeException if it cannot be used
   */
  static RunStore journal(Path directory) throws CannotServeException {
    try {
      return H2RunStore.in(directory);
    } catch (RunStoreException e) {
      throw new CannotServeException(String.valueOf(e.getMessage()), e);
    }
  }

  /** Where samples are kept to be compared with. */
  static Path samples(Path directory) {
    return directory.resolve("samples");
  }

  /** Where the evidence of runs is. */
  static Path evidence(Path directory) {
    return directory.resolve("evidence");
  }

  /** Where caches of this data directory are; shared by commands that hold no lock. */
  static Path cache(Path directory) {
    return directory.resolve("cache");
  }

  /**
   * The holds of the monitor that has taken a data directory; what an earlier one left is removed.
   *
   * @throws CannotServeException if they cannot be written there
   */
  static Holds holds(Path directory, HoldSettings settings, RunStore store)
      throws CannotServeException {
    Path folder = directory.resolve("holds");
    try {
      Set<String> open = isEmpty(folder) ? Set.of() : store.openEvaluations();
      return Holds.open(folder, settings, open);
    } catch (IOException e) {
      throw new CannotServeException(
          "checkpoints cannot be held in %s (%s): choose another --data-dir, or --hold off"
              .formatted(folder, e),
          e);
    }
  }

  private static boolean isEmpty(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return true;
    }
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
      return !entries.iterator().hasNext();
    }
  }

  /**
   * Takes the directory.
   *
   * @throws CannotServeException if another monitor has it, or it cannot be written
   */
  static DataDirectory lock(Path directory) throws CannotServeException {
    Path file = directory.resolve("monitor.lock");
    FileChannel channel = null;
    try {
      Files.createDirectories(directory);
      channel =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      FileLock lock = tryLock(channel);
      if (lock == null) {
        String owner = Files.readString(file).strip();
        channel.close();
        throw new CannotServeException(
            "%s belongs to a running monitor%s: stop it, or choose another --data-dir"
                .formatted(directory, owner.isEmpty() ? "" : " (" + owner + ")"));
      }
      return new DataDirectory(file, channel, lock);
    } catch (CannotServeException e) {
      throw e;
    } catch (IOException e) {
      closeQuietly(channel);
      throw new CannotServeException(
          "the data directory %s cannot be used (%s): choose another --data-dir"
              .formatted(directory, e),
          e);
    }
  }

  private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null;
    }
  }

  private static void closeQuietly(@Nullable FileChannel channel) {
    if (channel != null) {
      try {
        channel.close();
      } catch (IOException ignored) {
        // The first failure is the one worth telling.
      }
    }
  }

  /**
   * Leaves word of who holds the directory and where it serves. It is a help for people: the lock
   * holds without it, so that a full disk stops nothing.
   *
   * @return a warning where it cannot be written; null where it was
   */
  @Nullable String describe(String owner) {
    try {
      channel.truncate(0);
      channel.write(ByteBuffer.wrap(owner.getBytes(StandardCharsets.UTF_8)), 0);
      return null;
    } catch (IOException e) {
      return "%s cannot be written (%s): another monitor would be told that the directory is taken, but not by whom; the evaluation goes on"
          .formatted(file, e.getMessage());
    }
  }

  @Override
  public void close() throws IOException {
    lock.release();
    channel.close();
  }
}
