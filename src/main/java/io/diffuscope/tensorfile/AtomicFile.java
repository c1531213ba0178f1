package io.diffuscope.tensorfile;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Objects;
import java.util.UUID;

/**
 * Writes a file that its readers see either whole or not at all.
 *
 * <pre>{@code
 * AtomicFile.write(Path.of("noise.npy"), channel -> channel.write(bytes));
 * }</pre>
 *
 * <p>The content goes to a hidden temporary file in the same folder, is forced to the disk, and
 * takes its final name in one step. A failure leaves neither the temporary file nor a changed
 * target.
 */
public final class AtomicFile {
  /** Writes the content of the file. */
  @FunctionalInterface
  public interface Body {
    void writeTo(WritableByteChannel channel) throws IOException;
  }

  private AtomicFile() {}

  /**
   * Creates or replaces {@code target}.
   *
   * @throws IOException naming the file and the cause, when the folder is missing, the disk is
   *     full, or {@code body} fails
   */
  public static void write(Path target, Body body) throws IOException {
    Path name = Objects.requireNonNull(target.getFileName(), "a target without a name");
    // Not Files.createTempFile: that makes a file of mode 0600, which a monitor under another user
    // could not read after the rename.
    Path temporary = target.resolveSibling("." + name + "." + UUID.randomUUID() + ".tmp");
    try {
      try (FileChannel channel =
          FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        body.writeTo(channel);
        channel.force(true);
      }
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException failure) {
      throw new IOException(
          target + ": could not be written (" + failure + "); check the folder and its free space",
          failure);
    } finally {
      // After a successful move there is nothing left under this name.
      Files.deleteIfExists(temporary);
    }
  }
}
