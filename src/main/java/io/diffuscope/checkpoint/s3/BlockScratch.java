package io.diffuscope.checkpoint.s3;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Blocks of objects that were read, in one file of bounded size; those that were used longest ago
 * make room. The file is this process' own: only its user may read it, it begins empty, and the
 * operating system takes it away with the process however that ends.
 */
final class BlockScratch implements AutoCloseable {
  /** A block of one content of a key. */
  record Block(String object, String etag, long index) {}

  private record Slot(int number, int length) {}

  private final Path directory;
  private final FileChannel file;
  private final int blockBytes;

  /** In the order of their last use. */
  private final Map<Block, Slot> slots = new LinkedHashMap<>(16, 0.75f, true);

  private final Deque<Integer> free = new ArrayDeque<>();
  private final int most;
  private int used;

  private BlockScratch(Path directory, FileChannel file, int blockBytes, long scratchBytes) {
    this.directory = directory;
    this.file = file;
    this.blockBytes = blockBytes;
    this.most = (int) Math.min(Integer.MAX_VALUE, scratchBytes / blockBytes);
  }

  static BlockScratch create(Path directory, int blockBytes, long scratchBytes)
      throws BadInputException {
    try {
      Files.createDirectories(directory);
      if (directory.getFileSystem().supportedFileAttributeViews().contains("posix")) {
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
      }
      // Also in a directory that is not private: only the user's own, by the platform's contract.
      Path path = Files.createTempFile(directory, "blocks-", ".scratch");
      FileChannel file =
          FileChannel.open(
              path,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE,
              StandardOpenOption.DELETE_ON_CLOSE);
      return new BlockScratch(directory, file, blockBytes, scratchBytes);
    } catch (IOException e) {
      throw full(directory, e);
    }
  }

  /**
   * Copies what is kept of a block.
   *
   * @param offset in the block
   * @return whether it was there; otherwise nothing was copied
   */
  synchronized boolean read(Block block, int offset, ByteBuffer target) throws IOException {
    Slot slot = slots.get(block);
    if (slot == null) {
      return false;
    }
    long start = (long) slot.number * blockBytes;
    ByteBuffer part =
        target.slice(target.position(), Math.min(target.remaining(), slot.length - offset));
    while (part.hasRemaining()) {
      if (file.read(part, start + offset + part.position()) < 0) {
        throw new IOException("the scratch file in " + directory + " became shorter");
      }
    }
    target.position(target.position() + part.position());
    return true;
  }

  synchronized boolean holds(Block block) {
    return slots.containsKey(block);
  }

  synchronized void keep(Block block, ByteBuffer content) throws IOException {
    if (slots.containsKey(block)) {
      return;
    }
    int number = vacant();
    int length = content.remaining();
    long at = (long) number * blockBytes;
    try {
      while (content.hasRemaining()) {
        at += file.write(content, at);
      }
    } catch (IOException e) {
      free.add(number);
      throw full(directory, e);
    }
    slots.put(block, new Slot(number, length));
  }

  private int vacant() {
    if (!free.isEmpty()) {
      return free.remove();
    }
    if (used < most) {
      return used++;
    }
    Iterator<Slot> oldest = slots.values().iterator();
    int number = oldest.next().number;
    oldest.remove();
    return number;
  }

  /** The size of the file. */
  long bytes() throws IOException {
    return file.size();
  }

  private static BadInputException full(Path directory, IOException cause) {
    return new BadInputException(
        directory.toString(),
        Reason.UNREADABLE,
        "what is read of a bucket cannot be kept there (%s); make room, or lower diffuscope.s3.scratch-bytes"
            .formatted(cause),
        cause);
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
