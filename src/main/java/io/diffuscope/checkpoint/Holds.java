package io.diffuscope.checkpoint;

import io.diffuscope.tensorfile.BadInputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Collection;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Private holds of checkpoints: while a checkpoint is evaluated, the training job may rotate it
 * away or write it again without spoiling the evaluation, and is never hindered from it.
 *
 * <pre>{@code
 * Holds holds = Holds.open(data.resolve("holds"), settings, Set.of());
 * HoldRequest request = holds.request(checkpoint);
 * request.room().toCompletableFuture().join();
 * try (Hold hold = request.take()) {
 *   evaluate(hold.checkpoint());
 * }
 * }</pre>
 *
 * <p>A file whose name carries the step is linked: the job is not expected to write into it again,
 * and one that does so is found out. Any other file is copied, and so is a file on a network file
 * system. All holds together stay within a limit: who finds no room waits for it, in the order of
 * asking. What can never be held is read where it lies, as if there were no holds.
 *
 * <p>Thread-safe. The folder belongs to one process at a time.
 */
public final class Holds implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Holds.class);
  private static final Pattern NAME = Pattern.compile("([0-9a-f]{32})(-\\d+)?");
  private static final int NAME_BYTES = 16;
  private static final String PRIVATE = "rwx------";

  private final Path folder;
  private final HoldSettings settings;
  private final Disks disks;

  /** By the names of the folders. */
  private final HoldRoom room;

  private volatile boolean closed;

  private Holds(Path folder, HoldSettings settings, Disks disks) {
    this.folder = folder;
    this.settings = settings;
    this.disks = disks;
    this.room = new HoldRoom(settings.maxBytes());
  }

  /** No holds: every checkpoint is read where it lies. */
  public static Holds off() {
    return new Holds(Path.of(""), HoldSettings.OFF, Disks.REAL);
  }

  /**
   * Holds in a folder, which is made private. What an earlier process has left there is removed.
   *
   * @param openIdentities of the checkpoints whose evaluations were begun and not ended: their
   *     holds stay, and are used when the evaluation begins again
   * @throws IOException if the folder cannot be made or read
   */
  public static Holds open(Path folder, HoldSettings settings, Collection<String> openIdentities)
      throws IOException {
    return open(folder, settings, openIdentities, Disks.REAL);
  }

  static Holds open(
      Path folder, HoldSettings settings, Collection<String> openIdentities, Disks disks)
      throws IOException {
    Path absolute = folder.toAbsolutePath().normalize();
    if (settings.mode() != HoldSettings.Mode.OFF) {
      Files.createDirectories(absolute);
      if (absolute.getFileSystem().supportedFileAttributeViews().contains("posix")) {
        Files.setPosixFilePermissions(absolute, PosixFilePermissions.fromString(PRIVATE));
      }
    }
    Holds holds = new Holds(absolute, settings, disks);
    Set<String> kept = openIdentities.stream().map(Holds::nameOf).collect(Collectors.toSet());
    holds.removeLeftOvers(kept);
    return holds;
  }

  private void removeLeftOvers(Set<String> kept) throws IOException {
    if (!Files.isDirectory(folder)) {
      return;
    }
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
      for (Path entry : entries) {
        String name = CheckpointFiles.fileName(entry);
        // What has another name is not ours.
        if (NAME.matcher(name).matches()) {
          HeldFiles files = new HeldFiles(entry, disks);
          if (kept.contains(name)) {
            room.addLeft(name, files.bytes());
          } else {
            delete(files);
          }
        }
      }
    }
  }

  /** Whether checkpoints are held at all. */
  public boolean isOn() {
    return settings.mode() != HoldSettings.Mode.OFF;
  }

  /**
   * Asks for the hold of a checkpoint. Blocks while its files are looked at, and not until there is
   * room.
   *
   * @throws BadInputException VANISHED, CHANGED or UNREADABLE: it is not what was found any more
   */
  public HoldRequest request(Checkpoint checkpoint) throws BadInputException {
    if (!isOn() || !checkpoint.weights().file().getFileSystem().equals(FileSystems.getDefault())) {
      return HoldRequest.answered(Hold.none(checkpoint, null));
    }
    String name = room.reserve(nameOf(checkpoint.identity()));
    boolean goesOn = false;
    try {
      HeldFiles files = new HeldFiles(folder.resolve(name), disks);
      Optional<Checkpoint> left = files.left(checkpoint);
      if (left.isPresent()) {
        goesOn = true;
        return HoldRequest.answered(Hold.of(left.get(), () -> release(name)));
      }
      // Of no use, and its bytes are asked for anew.
      files.delete();
      Optional<OriginalFiles> original = OriginalFiles.of(checkpoint);
      if (original.isEmpty()) {
        return HoldRequest.answered(Hold.none(checkpoint, null));
      }
      CompletableFuture<Void> given = room.ask(name, original.get().bytes());
      goesOn = true;
      return HoldRequest.waiting(given, () -> taken(name, original.get()), () -> room.leave(name));
    } catch (HoldRefusedException e) {
      return HoldRequest.answered(inPlace(checkpoint, e));
    } catch (BadInputException e) {
      throw e;
    } catch (IOException e) {
      return HoldRequest.answered(inPlace(checkpoint, unwritable(e)));
    } finally {
      if (!goesOn) {
        release(name);
      }
    }
  }

  private Hold taken(String name, OriginalFiles original) throws BadInputException {
    Checkpoint checkpoint = original.checkpoint();
    boolean taken = false;
    try {
      // It may have waited for long.
      original.verifyUnchanged();
      HeldFiles files = new HeldFiles(folder.resolve(name), disks);
      Checkpoint held = files.hold(original, mayLink(checkpoint));
      taken = true;
      return Hold.of(held, () -> release(name));
    } catch (HoldRefusedException e) {
      return inPlace(checkpoint, e);
    } catch (BadInputException e) {
      throw e;
    } catch (IOException e) {
      return inPlace(checkpoint, unwritable(e));
    } finally {
      if (!taken || closed) {
        release(name);
      }
    }
  }

  private HoldRefusedException unwritable(IOException e) {
    return new HoldRefusedException(
        Hold.Obstacle.UNWRITABLE,
        "%s cannot be written (%s); see to it, or choose another --data-dir".formatted(folder, e),
        e);
  }

  private boolean mayLink(Checkpoint checkpoint) {
    return settings.mode() == HoldSettings.Mode.AUTO && carriesItsStep(checkpoint);
  }

  /** In the name of the file, or of the folder that it is the weights of. */
  static boolean carriesItsStep(Checkpoint checkpoint) {
    Long step = checkpoint.step();
    if (step == null) {
      return false;
    }
    Pattern number = Pattern.compile("(?<!\\d)0*%d(?!\\d)".formatted(step));
    Path parent = checkpoint.file().toAbsolutePath().getParent();
    return number.matcher(checkpoint.name()).find()
        || (parent != null && number.matcher(CheckpointFiles.fileName(parent)).find());
  }

  private static Hold inPlace(Checkpoint checkpoint, HoldRefusedException why) {
    return Hold.none(
        checkpoint,
        new Hold.InPlace(
            why.obstacle(),
            "%s is read where it lies, without a private hold, and fails if the training job removes or rewrites it meanwhile: %s"
                .formatted(checkpoint.name(), why.getMessage())));
  }

  /** Bytes of all holds. */
  long heldBytes() {
    return room.bytes();
  }

  private void release(String name) {
    try {
      // Name and room are free again only when the files are gone.
      delete(new HeldFiles(folder.resolve(name), disks));
    } finally {
      room.free(name);
    }
  }

  /** A folder that cannot be removed now is removed at the next start. */
  private static void delete(HeldFiles files) {
    try {
      files.delete();
    } catch (IOException e) {
      LOG.warn("a hold cannot be removed and stays until the next start: {}", e.toString());
    }
  }

  private static String nameOf(String identity) {
    byte[] digest = ContentVersion.sha256().digest(identity.getBytes(StandardCharsets.UTF_8));
    return HexFormat.of().formatHex(digest, 0, NAME_BYTES);
  }

  /** Releases what is still held: evaluations that were under way will not go on. */
  @Override
  public void close() {
    closed = true;
    room.close().forEach(this::release);
  }
}
