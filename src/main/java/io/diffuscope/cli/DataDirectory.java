package io.diffuscope.cli;

import io.diffuscope.checkpoint.HoldSettings;
import io.diffuscope.checkpoint.Holds;
import io.diffuscope.checkpoint.SharedFileStores;
import io.diffuscope.run.EvidenceSettings;
import io.diffuscope.run.EvidenceStore;
import io.diffuscope.run.H2RunStore;
import io.diffuscope.run.RunRemoval;
import io.diffuscope.run.RunStore;
import io.diffuscope.run.RunStoreException;
import io.diffuscope.sampling.SampleStore;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The directory of state and caches, held by one monitor at a time: the operating system frees the
 * lock of a process that died, so there is no stale one.
 */
final class DataDirectory implements AutoCloseable {
  private static final String LOCK = "monitor.lock";
  private static final String TOKEN = "monitor.token";
  private static final int TOKEN_BYTES = 32;
  private static final Duration LOCK_PATIENCE = Duration.ofSeconds(1);
  private static final Pattern ADDRESS = Pattern.compile("https?://\\S+/");

  private final Path file;
  private final FileChannel channel;

  private DataDirectory(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
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

  /** Removes a run from everywhere in a data directory. */
  static RunRemoval removal(Path directory, RunStore store, EvidenceStore evidence) {
    return RunRemoval.from(store, evidence, new SampleStore(samples(directory)));
  }

  /** The evidence that is there, to be counted and removed, whatever is kept and shown. */
  static EvidenceStore leftEvidence(Path directory) {
    return EvidenceStore.in(evidence(directory), EvidenceSettings.OFF);
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
    Path file = directory.resolve(LOCK);
    FileChannel channel = null;
    try {
      Files.createDirectories(directory);
      channel =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      FileLock lock = lockSoon(channel);
      if (lock == null) {
        String owner = Files.readString(file).strip();
        channel.close();
        throw new CannotServeException(taken(directory, owner));
      }
      return new DataDirectory(file, channel);
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

  /**
   * The monitor that has a directory.
   *
   * @param text what it says of itself
   * @param uri where it serves
   * @param token lets the commands of its own user change what it keeps; empty where it cannot be
   *     read
   */
  record Owner(String text, URI uri, String token) {}

  /**
   * Who has a directory; null where nobody has.
   *
   * @throws CannotServeException if somebody has it who cannot be asked
   */
  static @Nullable Owner owner(Path directory) throws CannotServeException {
    Path file = directory.resolve(LOCK);
    if (!Files.exists(file)) {
      return null;
    }
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      if (tryLock(channel) != null) {
        return null;
      }
      String text = Files.readString(file).strip();
      Matcher uri = ADDRESS.matcher(text);
      if (!uri.find()) {
        throw new CannotServeException(taken(directory, text));
      }
      return new Owner(text, URI.create(uri.group()), tokenIn(directory));
    } catch (CannotServeException e) {
      throw e;
    } catch (IOException e) {
      throw new CannotServeException(
          "the data directory %s cannot be read (%s)".formatted(directory, e), e);
    }
  }

  private static String tokenIn(Path directory) {
    try {
      return Files.readString(directory.resolve(TOKEN)).strip();
    } catch (IOException e) {
      return "";
    }
  }

  /**
   * A secret of this start, in a file that this user alone can read: commands prove by it that they
   * may change what the monitor keeps.
   *
   * @return null where it cannot be written: then they may not
   */
  @Nullable String control() {
    byte[] bytes = new byte[TOKEN_BYTES];
    new SecureRandom().nextBytes(bytes);
    String token = HexFormat.of().formatHex(bytes);
    Path target = file.resolveSibling(TOKEN);
    try {
      Files.deleteIfExists(target);
      if (target.getFileSystem().supportedFileAttributeViews().contains("posix")) {
        Files.createFile(
            target,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      }
      Files.writeString(target, token);
      return token;
    } catch (IOException e) {
      return null;
    }
  }

  /** A warning where other machines may write the directory too; null where they may not. */
  @Nullable String sharing() {
    return sharing(directory(), SharedFileStores.typeOf(directory()));
  }

  static @Nullable String sharing(Path directory, @Nullable String sharedType) {
    return sharedType == null
        ? null
        : ("%s is on a file system of the network (%s): a lock there may not keep a second monitor"
               + " out, and what is written may be lost with the connection; a --data-dir on a disk"
               + " of this machine is safer, where that disk outlives the run")
            .formatted(directory, sharedType);
  }

  private static String taken(Path directory, String owner) {
    return "%s belongs to a running monitor%s: stop it, or choose another --data-dir"
        .formatted(directory, owner.isEmpty() ? "" : " (" + owner + ")");
  }

  /** The directory. */
  Path directory() {
    Path parent = file.getParent();
    return parent == null ? Path.of("") : parent;
  }

  /** A command that only looks whether somebody has the directory has it for an instant. */
  private static @Nullable FileLock lockSoon(FileChannel channel) throws IOException {
    FileLock lock = tryLock(channel);
    return lock == null ? waitForLock(channel) : lock;
  }

  /** Null where it does not come in time; whoever closes the channel then ends the waiting. */
  private static @Nullable FileLock waitForLock(FileChannel channel) {
    CompletableFuture<FileLock> waiting =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return channel.lock();
              } catch (IOException | OverlappingFileLockException e) {
                throw new CompletionException(e);
              }
            });
    try {
      return waiting.get(LOCK_PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      return null;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return null;
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

  /** What the directory says of its owner is wrong from now on, and nobody reads it. */
  @Override
  public void close() {
    closeQuietly(channel);
  }
}
