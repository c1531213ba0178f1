package io.diffuscope.tensorfile;

import java.nio.ByteBuffer;

/** Bytes that can be read at any position: a file, or the inflated member of an archive. */
interface ByteSource extends AutoCloseable {
  /** What to name in messages. */
  String name();

  long size();

  /**
   * Fills what remains of {@code target} from {@code position} on.
   *
   * @throws BadInputException when the bytes are not there any more or cannot be read
   */
  void read(long position, ByteBuffer target) throws BadInputException;

  /**
   * Compares the file with the one that was opened.
   *
   * @throws BadInputException when the file is not the one that was opened: it has vanished, or its
   *     size, time of modification or inode has changed
   */
  void verifyUnchanged() throws BadInputException;

  @Override
  void close();
}
