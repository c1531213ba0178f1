package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A file read at positions, never mapped: the process dies when a mapped file is truncated by its
 * writer, while a positional read is only short.
 */
final class FileBytes implements ByteSource {
  private final Path file;
  private final String name;
  private final FileChannel channel;
  private final FileIdentity identity;
  private final boolean deleteOnClose;

  private FileBytes(
      Path file, String name, FileChannel channel, FileIdentity identity, boolean deleteOnClose) {
    this.file = file;
    this.name = name;
    this.channel = channel;
    this.identity = identity;
    this.deleteOnClose = deleteOnClose;
  }

  static FileBytes open(Path file) throws BadInputException {
    return open(file, file.toString(), false);
  }

  /** A file of our own that goes away with this object; {@code name} is what it was made from. */
  static FileBytes openTemporary(Path file, String name) throws BadInputException {
    return open(file, name, true);
  }

  private static FileBytes open(Path file, String name, boolean deleteOnClose)
      throws BadInputException {
    FileIdentity before = FileIdentity.of(file);
    try {
      FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
      try {
        // The path may have been given to another file between the two calls.
        before.verify(file);
      } catch (BadInputException changed) {
        channel.close();
        throw changed;
      }
      return new FileBytes(file, name, channel, before, deleteOnClose);
    } catch (IOException failure) {
      throw FileFailures.describe(file, failure);
    }
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public long size() {
    return identity.size();
  }

  @Override
  public void read(long position, ByteBuffer target) throws BadInputException {
    long at = position;
    try {
      while (target.hasRemaining()) {
        int count = channel.read(target, at);
        if (count < 0) {
          throw new BadInputException(
              name,
              Reason.CHANGED,
              "became shorter while it was read (ends at byte "
                  + at
                  + " of "
                  + size()
                  + "); read it again when its writer has finished",
              null);
        }
        at += count;
      }
    } catch (IOException failure) {
      throw FileFailures.describe(file, failure);
    }
  }

  @Override
  public void verifyUnchanged() throws BadInputException {
    identity.verify(file);
  }

  @Override
  public void close() {
    try {
      channel.close();
      if (deleteOnClose) {
        Files.deleteIfExists(file);
      }
    } catch (IOException harmless) {
      // Nothing was written through this channel, and the system clears its temporary folder.
    }
  }
}
