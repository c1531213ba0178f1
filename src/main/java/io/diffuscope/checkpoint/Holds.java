package io.diffuscope.checkpoint;

import io.diffuscope.tensorfile.BadInputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
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
 * try (Hold hold = holds.take(checkpoint)) {
 *   evaluate(hold.checkpoint());
 * }
 * }</pre>
 *
 * <p>A file whose name carries the step is linked: the job is not expected to write into it again,
 * and one that does so is found out. Any other file is copied, and so is a file on a network file
 * system. What cannot be held is read where it lies, as if there were no holds.
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

  /** Bytes of the holds that are open or being taken, by the name of their folder. */
  private final Map<String, Long> open = new HashMap<>();

  private volatile boolean closed;

  private Holds(Path folder, HoldSettings settings, Disks disks) {
    this.folder = folder;
    this.settings = settings;
    this.disks = disks;
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
        if (NAME.matcher(name).matches() && !kept.contains(name)) {
          delete(new HeldFiles(entry, disks));
        }
      }
    }
  }

  /** Whether checkpoints are held at all. */
  public boolean isOn() {
    return settings.mode() != HoldSettings.Mode.OFF;
  }

  /**
   * Holds a checkpoint. Blocks while its files are copied.
   *
   * @return to be closed when the evaluation is over; its checkpoint is read where it lies if it
   *     cannot be held
   * @throws BadInputException VANISHED, CHANGED or UNREADABLE: it is not what was found any more
   */
  public Hold take(Checkpoint checkpoint) throws BadInputException {
    if (!isOn() || !checkpoint.weights().file().getFileSystem().equals(FileSystems.getDefault())) {
      return Hold.none(checkpoint, null);
    }
    String name = reserved(nameOf(checkpoint.identity()));
    boolean taken = false;
    try {
      Optional<Checkpoint> held = held(checkpoint, name);
      taken = held.isPresent();
      return held.isPresent()
          ? Hold.of(held.get(), () -> release(name))
          : Hold.none(checkpoint, null);
    } catch (HoldRefusedException e) {
      return inPlace(checkpoint, e.obstacle(), String.valueOf(e.getMessage()));
    } catch (BadInputException e) {
      throw e;
    } catch (IOException e) {
      return inPlace(
          checkpoint,
          Hold.Obstacle.UNWRITABLE,
          "%s cannot be written (%s); see to it, or choose another --data-dir"
              .formatted(folder, e));
    } finally {
      if (!taken || closed) {
        release(name);
      }
    }
  }

  private Optional<Checkpoint> held(Checkpoint checkpoint, String name)
      throws IOException, HoldRefusedException {
    HeldFiles files = new HeldFiles(folder.resolve(name), disks);
    Optional<Checkpoint> left = files.left(checkpoint);
    if (left.isPresent()) {
      claim(name, files.bytes());
      return left;
    }
    Optional<OriginalFiles> original = OriginalFiles.of(checkpoint);
    if (original.isEmpty()) {
      return Optional.empty();
    }
    claim(name, original.get().bytes());
    return Optional.of(files.hold(original.get(), mayLink(checkpoint)));
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

  private static Hold inPlace(Checkpoint checkpoint, Hold.Obstacle obstacle, String why) {
    return Hold.none(
        checkpoint,
        new Hold.InPlace(
            obstacle,
            "%s is read where it lies, without a private hold, and fails if the training job removes or rewrites it meanwhile: %s"
                .formatted(checkpoint.name(), why)));
  }

  /** A name that nobody uses now: two runs may look at the same checkpoint. */
  private synchronized String reserved(String hash) {
    String name = hash;
    for (int other = 2; open.containsKey(name); other++) {
      name = hash + "-" + other;
    }
    open.put(name, 0L);
    return name;
  }

  private synchronized void claim(String name, long bytes) throws HoldRefusedException {
    long used = heldBytes();
    if (bytes > settings.maxBytes() - used) {
      throw new HoldRefusedException(
          Hold.Obstacle.LIMIT,
          "its %s and the %s that are held pass %s; raise diffuscope.holds.max-bytes"
              .formatted(
                  HoldSettings.amount(bytes),
                  HoldSettings.amount(used),
                  HoldSettings.amount(settings.maxBytes())),
          null);
    }
    open.put(name, bytes);
  }

  /** Bytes of all holds that are open. */
  synchronized long heldBytes() {
    return open.values().stream().mapToLong(Long::longValue).sum();
  }

  private void release(String name) {
    try {
      // The name is free again only when its files are gone.
      delete(new HeldFiles(folder.resolve(name), disks));
    } finally {
      synchronized (this) {
        open.remove(name);
      }
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
    Collection<String> names;
    synchronized (this) {
      names = new ArrayList<>(open.keySet());
    }
    names.forEach(this::release);
  }
}
