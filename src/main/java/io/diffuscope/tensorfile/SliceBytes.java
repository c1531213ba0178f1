package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.nio.ByteBuffer;
import java.util.Objects;

/** A stretch of another source, read as if it were a file of its own. Does not own that source. */
final class SliceBytes implements ByteSource {
  private final ByteSource source;
  private final long start;
  private final long size;

  /**
   * Checks the stretch against the size of the source.
   *
   * @throws BadInputException TRUNCATED where it does not lie within the source
   */
  SliceBytes(ByteSource source, long start, long size) throws BadInputException {
    if (start < 0 || size < 0 || size > source.size() - start) {
      throw new BadInputException(
          source.name(),
          Reason.TRUNCATED,
          "has "
              + source.size()
              + " bytes, too few for "
              + size
              + " at byte "
              + start
              + "; wait for its writer or copy it again",
          null);
    }
    this.source = source;
    this.start = start;
    this.size = size;
  }

  @Override
  public String name() {
    return source.name();
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public void read(long position, ByteBuffer target) throws BadInputException {
    Objects.checkFromIndexSize(position, (long) target.remaining(), size);
    source.read(start + position, target);
  }

  @Override
  public void verifyUnchanged() throws BadInputException {
    source.verifyUnchanged();
  }

  @Override
  public void close() {}
}
