package io.diffuscope.tensorfile;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Files that belong together, such as the shards of a checkpoint: there may be thousands of them,
 * so only those that were read last are kept open. Each file is the one that was first seen, or the
 * reading fails.
 */
final class FilePool implements AutoCloseable {
  private static final int MOST_OPEN = 64;

  /** In the order of their last use. */
  private final Map<Path, FileChannel> open = new LinkedHashMap<>(16, 0.75f, true);

  private boolean closed;

  /**
   * A file of this pool.
   *
   * @throws BadInputException VANISHED, UNREADABLE or UNSUPPORTED (no regular file)
   */
  ByteSource file(Path path) throws BadInputException {
    return new Member(path, FileIdentity.of(path));
  }

  private synchronized void read(Path path, FileIdentity identity, long position, ByteBuffer target)
      throws BadInputException {
    FileChannel channel = open.get(path);
    if (channel == null) {
      channel = open(path, identity);
      open.put(path, channel);
      if (open.size() > MOST_OPEN) {
        Path eldest = open.keySet().iterator().next();
        FileChannel unused = open.remove(eldest);
        if (unused != null) {
          close(unused);
        }
      }
    }
    FileBytes.read(channel, path.toString(), position, target);
  }

  private FileChannel open(Path path, FileIdentity identity) throws BadInputException {
    if (closed) {
      throw new IllegalStateException(path + " was closed");
    }
    try {
      FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
      try {
        identity.verify(path);
      } catch (BadInputException changed) {
        channel.close();
        throw changed;
      }
      return channel;
    } catch (IOException failure) {
      throw FileFailures.describe(path.toString(), failure);
    }
  }

  @Override
  public synchronized void close() {
    closed = true;
    open.values().forEach(FilePool::close);
    open.clear();
  }

  private static void close(FileChannel channel) {
    try {
      channel.close();
    } catch (IOException harmless) {
      // It was only read.
    }
  }

  private final class Member implements ByteSource {
    private final Path path;
    private final FileIdentity identity;

    Member(Path path, FileIdentity identity) {
      this.path = path;
      this.identity = identity;
    }

    @Override
    public String name() {
      return path.toString();
    }

    @Override
    public long size() {
      return identity.size();
    }

    @Override
    public void read(long position, ByteBuffer target) throws BadInputException {
      FilePool.this.read(path, identity, position, target);
    }

    @Override
    public void verifyUnchanged() throws BadInputException {
      identity.verify(path);
    }

    /** Closes all: what is read of one is of no use without the others. */
    @Override
    public void close() {
      FilePool.this.close();
    }
  }
}
