package io.diffuscope.checkpoint.s3;

import akka.util.ByteString;
import io.diffuscope.checkpoint.s3.BlockScratch.Block;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Reads objects at positions by aligned blocks, so that many small reads are few requests. What is
 * missing in a row is one request, up to a size that fits in memory.
 */
final class BlockReader {
  private static final int LONGEST_REQUEST = 16 << 20;

  private final ObjectStore store;
  private final BlockScratch scratch;
  private final int blockBytes;

  BlockReader(ObjectStore store, BlockScratch scratch, int blockBytes) {
    this.store = store;
    this.scratch = scratch;
    this.blockBytes = blockBytes;
  }

  /**
   * Fills what remains of a buffer, up to the object's end.
   *
   * @return the bytes read, or -1 at or beyond the end
   * @throws io.diffuscope.tensorfile.BadInputException CHANGED where the key has another object now
   */
  int read(StoredObject object, long position, ByteBuffer target) throws IOException {
    if (position >= object.size()) {
      return -1;
    }
    int count = (int) Math.min(target.remaining(), object.size() - position);
    ByteBuffer wanted = target.slice(target.position(), count);
    while (wanted.hasRemaining()) {
      long at = position + wanted.position();
      long index = at / blockBytes;
      int offset = (int) (at - index * blockBytes);
      if (!scratch.read(block(object, index), offset, wanted)) {
        fetch(object, index, offset, wanted);
      }
    }
    target.position(target.position() + count);
    return count;
  }

  /** Fetches blocks from an index on, keeps them, and copies what is wanted of them. */
  private void fetch(StoredObject object, long index, int offset, ByteBuffer wanted)
      throws IOException {
    long first = index * blockBytes;
    long next = index + 1;
    while (next * blockBytes < first + offset + wanted.remaining()
        && (next + 1 - index) * blockBytes <= LONGEST_REQUEST
        && !scratch.holds(block(object, next))) {
      next++;
    }
    int length = (int) (Math.min(next * blockBytes, object.size()) - first);
    ByteString bytes = store.read(object, first, length).compact();
    ByteBuffer content = bytes.asByteBuffer();
    for (int start = 0; start < length; start += blockBytes) {
      int size = Math.min(blockBytes, length - start);
      scratch.keep(block(object, index + start / blockBytes), content.slice(start, size));
    }
    wanted.put(content.slice(offset, Math.min(wanted.remaining(), length - offset)));
  }

  private static Block block(StoredObject object, long index) {
    return new Block(object.name(), object.etag(), index);
  }
}
