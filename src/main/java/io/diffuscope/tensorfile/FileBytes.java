package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A file read at positions, never mapped: the process dies when a mapped file is truncated by its
 * writer, while a positional read is only short.
 */
final class FileBytes implements ByteSource {
  private final Path file;
  private final FileChannel channel;
  private final FileIdentity identity;

  private FileBytes(Path file, FileChannel channel, FileIdentity identity) {
    this.file = file;
    this.channel = channel;
    this.identity = identity;
  }

  static FileBytes open(Path file) throws BadInputException {
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
      return new FileBytes(file, channel, before);
    } catch (IOException failure) {
      throw FileFailures.describe(file.toString(), failure);
    }
  }

  /** Fills what remains of {@code target}; {@code name} is for messages. */
  static void read(FileChannel channel, String name, long position, ByteBuffer target)
      throws BadInputException {
    long at = position;
    try {
      while (target.hasRemaining()) {
        int count = channel.read(target, at);
        if (count < 0) {
          throw new BadInputException(
              name,
              Reason.CHANGED,
              "became shorter while it was read (ends before byte "
                  + at
                  + "); read it again when its writer has finished",
              null);
        }
        at += count;
      }
    } catch (IOException failure) {
      throw FileFailures.describe(name, failure);
    }
  }

  @Override
  public String name() {
    return file.toString();
  }

  /** The file's place, size and time: what stays when the machine starts again. */
  String state() {
    return "%s %d %s"
        .formatted(file.toAbsolutePath().normalize(), identity.size(), identity.modified());
  }

  @Override
  public long size() {
    return identity.size();
  }

  @Override
  public void read(long position, ByteBuffer target) throws BadInputException {
    read(channel, name(), position, target);
  }

  @Override
  public void verifyUnchanged() throws BadInputException {
    identity.verify(file);
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException harmless) {
      // Nothing was written through this channel.
    }
  }
}
