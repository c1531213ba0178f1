package io.diffuscope.checkpoint;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.WeightFiles;
import io.diffuscope.tensorfile.WeightsLocation;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * One hold on the disk: a folder with the files of the weights, under the names that they refer to
 * each other by, and a note, written last, of what they are.
 */
final class HeldFiles {
  private static final String WEIGHTS = "weights";
  private static final String NOTE = "note";
  private static final String LINK = "link ";
  private static final String COPY = "copy ";

  private final Path folder;
  private final Disks disks;

  HeldFiles(Path folder, Disks disks) {
    this.folder = folder;
    this.disks = disks;
  }

  /**
   * Holds a checkpoint's files, where there are none yet.
   *
   * @param mayLink whether links will do
   * @throws BadInputException VANISHED, CHANGED or UNREADABLE, about the checkpoint's own files
   * @throws HoldRefusedException if there is no space
   * @throws IOException if this folder cannot be written
   */
  Checkpoint hold(OriginalFiles original, boolean mayLink)
      throws IOException, HoldRefusedException {
    WeightsLocation held = heldWeights(original.checkpoint());
    if (mayLink && link(original)) {
      String version = versionOf(original, held);
      for (Map.Entry<Path, FileVersion> file : original.versions().entrySet()) {
        original.verify(placeOf(original, file.getKey()), file.getValue());
      }
      note(LINK + version);
      return original.checkpoint().heldAs(new HeldWeights(held, version));
    }
    delete();
    note(COPY + copy(original));
    return original.checkpoint().heldAs(new HeldWeights(held, null));
  }

  private static String versionOf(OriginalFiles original, WeightsLocation held)
      throws BadInputException {
    try {
      return HeldWeights.versionOf(held.file());
    } catch (IOException e) {
      throw OriginalFiles.failed(original.checkpoint(), e);
    }
  }

  /** False where a file cannot or must not be linked; some may be linked then. */
  private boolean link(OriginalFiles original) {
    try {
      for (Path file : original.versions().keySet()) {
        Path real = file.toRealPath();
        if (SharedFileStores.isShared(disks.type(real))) {
          return false;
        }
        disks.link(madePlaceOf(original, file), real);
      }
      return true;
    } catch (IOException | UnsupportedOperationException refused) {
      // Another file store, another owner, too many links, gone: copying finds out which.
      return false;
    }
  }

  /** The checksum of the copies. */
  private String copy(OriginalFiles original) throws IOException, HoldRefusedException {
    PrivateCopy copy = new PrivateCopy(original.checkpoint(), disks);
    for (Map.Entry<Path, FileVersion> file : original.versions().entrySet()) {
      copy.copy(file.getKey(), madePlaceOf(original, file.getKey()), file.getValue().size());
    }
    original.verifyUnchanged();
    return copy.checksum();
  }

  private Path placeOf(OriginalFiles original, Path file) throws IOException {
    Path inside = folder.resolve(WEIGHTS);
    Path place = inside.resolve(original.folder().relativize(file.toAbsolutePath())).normalize();
    if (!place.startsWith(inside) || place.equals(inside)) {
      throw new IOException("%s is not in %s".formatted(file, original.folder()));
    }
    return place;
  }

  private Path madePlaceOf(OriginalFiles original, Path file) throws IOException {
    Path place = placeOf(original, file);
    Files.createDirectories(Optional.ofNullable(place.getParent()).orElse(folder));
    return place;
  }

  private WeightsLocation heldWeights(Checkpoint checkpoint) {
    WeightsLocation weights = checkpoint.weights();
    Path name = Path.of(CheckpointFiles.fileName(weights.file()));
    return new WeightsLocation(folder.resolve(WEIGHTS).resolve(name).toString(), weights.part());
  }

  private void note(String text) throws IOException {
    Files.writeString(folder.resolve(NOTE), text + "\n");
  }

  /**
   * The checkpoint as a process that is gone has held it, if it did so to the end and nothing has
   * changed since.
   */
  Optional<Checkpoint> left(Checkpoint checkpoint) {
    try {
      HeldWeights held = leftWeights(checkpoint);
      return held == null ? Optional.empty() : Optional.of(checkpoint.heldAs(held));
    } catch (IOException unusable) {
      return Optional.empty();
    }
  }

  private @Nullable HeldWeights leftWeights(Checkpoint checkpoint) throws IOException {
    Path note = folder.resolve(NOTE);
    String text = Files.isRegularFile(note) ? Files.readString(note) : "";
    WeightsLocation weights = heldWeights(checkpoint);
    if (text.startsWith(LINK) && text.endsWith("\n")) {
      HeldWeights held = new HeldWeights(weights, text.substring(LINK.length()).strip());
      return held.isCurrent() ? held : null;
    }
    if (text.startsWith(COPY) && text.endsWith("\n")) {
      // A machine that went down may have lost bytes that were copied last.
      PrivateCopy copy = new PrivateCopy(checkpoint, disks);
      for (Path file : new TreeSet<>(WeightFiles.filesOf(weights.file()))) {
        copy.addToChecksum(file);
      }
      return text.substring(COPY.length()).strip().equals(copy.checksum())
          ? new HeldWeights(weights, null)
          : null;
    }
    return null;
  }

  /** The bytes of the weights that are held, or were being held. */
  long bytes() throws IOException {
    Path weights = folder.resolve(WEIGHTS);
    long[] sum = {0};
    if (!Files.exists(weights)) {
      return 0;
    }
    Files.walkFileTree(
        weights,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            sum[0] += attributes.size();
            return FileVisitResult.CONTINUE;
          }
        });
    return sum[0];
  }

  /**
   * Removes the folder and all names in it; a linked file lives on under its others. Two threads
   * may do so at a time.
   */
  void delete() throws IOException {
    Files.walkFileTree(
        folder,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.deleteIfExists(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFileFailed(Path file, IOException failure)
              throws IOException {
            if (failure instanceof NoSuchFileException) {
              return FileVisitResult.CONTINUE;
            }
            throw failure;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path directory, @Nullable IOException failure)
              throws IOException {
            if (failure != null && !(failure instanceof NoSuchFileException)) {
              throw failure;
            }
            Files.deleteIfExists(directory);
            return FileVisitResult.CONTINUE;
          }
        });
  }
}
