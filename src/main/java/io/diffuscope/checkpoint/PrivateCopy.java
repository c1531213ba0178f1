package io.diffuscope.checkpoint;

import io.diffuscope.tensorfile.BadInputException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32C;

/**
 * Copies files of a checkpoint in bounded chunks, and stops before the disk is full: other programs
 * write there, too.
 */
final class PrivateCopy {
  /** Bytes that are always left free. */
  static final long RESERVE = 1L << 30;

  private static final int CHUNK = 256 << 10;
  private static final long BETWEEN_LOOKS = 64L << 20;

  private final Checkpoint checkpoint;
  private final Disks disks;
  private final CRC32C checksum = new CRC32C();
  private final ByteBuffer chunk = ByteBuffer.allocate(CHUNK);

  PrivateCopy(Checkpoint checkpoint, Disks disks) {
    this.checkpoint = checkpoint;
    this.disks = disks;
  }

  /**
   * Copies one file.
   *
   * @param target must not exist
   * @param size bytes of the source
   * @throws BadInputException VANISHED, UNREADABLE or CHANGED (shorter by now)
   * @throws HoldRefusedException if the disk is too full
   * @throws IOException if the target cannot be written
   */
  void copy(Path source, Path target, long size) throws IOException, HoldRefusedException {
    requireSpace(target, size);
    try (FileChannel in = opened(source);
        FileChannel out =
            FileChannel.open(target, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      long position = 0;
      long nextLook = BETWEEN_LOOKS;
      while (position < size) {
        if (position >= nextLook) {
          requireSpace(target, size - position);
          nextLook += BETWEEN_LOOKS;
        }
        int count = read(in, position, size);
        while (chunk.hasRemaining()) {
          out.write(chunk);
        }
        position += count;
      }
    }
  }

  /** Adds a file that was copied before to the checksum. */
  void addToChecksum(Path copy) throws IOException {
    try (FileChannel in = FileChannel.open(copy, StandardOpenOption.READ)) {
      long size = in.size();
      for (long position = 0; position < size; ) {
        position += read(in, position, size);
      }
    }
  }

  /** Of all bytes so far, in the order in which the files came. */
  String checksum() {
    return "%08x".formatted(checksum.getValue());
  }

  private FileChannel opened(Path source) throws BadInputException {
    try {
      return FileChannel.open(source, StandardOpenOption.READ);
    } catch (IOException e) {
      throw OriginalFiles.failed(checkpoint, e);
    }
  }

  /** Leaves the next bytes in the chunk, to be written. */
  private int read(FileChannel in, long position, long size) throws BadInputException {
    chunk.clear().limit((int) Math.min(CHUNK, size - position));
    int count;
    try {
      count = in.read(chunk, position);
    } catch (IOException e) {
      throw OriginalFiles.failed(checkpoint, e);
    }
    if (count < 0) {
      throw OriginalFiles.changed(checkpoint);
    }
    chunk.flip();
    checksum.update(chunk.array(), 0, count);
    return count;
  }

  private void requireSpace(Path target, long bytes) throws IOException, HoldRefusedException {
    Path folder = target.toAbsolutePath().getParent();
    if (folder == null) {
      throw new IOException(target + " is no file");
    }
    long free = disks.freeBytes(folder);
    if (free - bytes < RESERVE) {
      throw new HoldRefusedException(
          Hold.Obstacle.SPACE,
          "a private copy of %s would leave less than %s free at %s; make room there, or choose another --data-dir"
              .formatted(HoldSettings.amount(bytes), HoldSettings.amount(RESERVE), folder),
          null);
    }
  }
}
