package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/**
 * A private, checked copy of an archive's member, because compressed bytes cannot be read at
 * positions. It is kept in a temporary file rather than in memory, whatever its size, and goes away
 * with this object.
 */
final class MemberBytes implements ByteSource {
  private static final int CHUNK_BYTES = 1 << 20;

  private final String name;
  private final long size;
  private final FileChannel copy;

  private MemberBytes(String name, long size, FileChannel copy) {
    this.name = name;
    this.size = size;
    this.copy = copy;
  }

  /**
   * Inflates a member and compares its length and checksum with the archive's directory.
   *
   * @param name for messages
   * @throws BadInputException MALFORMED, or UNREADABLE when the temporary folder is full
   */
  static MemberBytes inflate(ZipFile archive, ZipEntry member, String name)
      throws BadInputException {
    FileChannel copy = temporaryFile(name);
    try (InputStream content = archive.getInputStream(member)) {
      copyChecked(content, member, name, copy);
      return new MemberBytes(name, member.getSize(), copy);
    } catch (ZipException | EOFException failure) {
      close(copy);
      throw damaged(name, String.valueOf(failure.getMessage()));
    } catch (IOException failure) {
      close(copy);
      throw FileFailures.describe(name, failure);
    }
  }

  private static FileChannel temporaryFile(String name) throws BadInputException {
    try {
      Path file = Files.createTempFile("diffuscope-", NpzFile.MEMBER_SUFFIX);
      return FileChannel.open(
          file,
          StandardOpenOption.READ,
          StandardOpenOption.WRITE,
          StandardOpenOption.DELETE_ON_CLOSE);
    } catch (IOException failure) {
      throw new BadInputException(
          name,
          Reason.UNREADABLE,
          "cannot be unpacked into the temporary folder ("
              + failure
              + "); make room there, or extract the array and give the .npy file",
          failure);
    }
  }

  private static void copyChecked(
      InputStream content, ZipEntry member, String name, FileChannel copy) throws IOException {
    byte[] chunk = new byte[Math.clamp(member.getSize() + 1, 1, CHUNK_BYTES)];
    CRC32 checksum = new CRC32();
    long size = 0;
    // One byte more than declared is asked for, so that a member that goes on is noticed.
    for (int count; size <= member.getSize() && (count = content.read(chunk)) >= 0; size += count) {
      checksum.update(chunk, 0, count);
      for (ByteBuffer bytes = ByteBuffer.wrap(chunk, 0, count); bytes.hasRemaining(); ) {
        copy.write(bytes);
      }
    }
    if (size != member.getSize()) {
      throw damaged(name, "its length is not the declared " + member.getSize() + " bytes");
    }
    if (checksum.getValue() != member.getCrc()) {
      throw damaged(name, "its checksum is wrong");
    }
  }

  private static BadInputException damaged(String name, String cause) {
    return new BadInputException(
        name, Reason.MALFORMED, "is damaged (" + cause + "); write or copy it again", null);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public void read(long position, ByteBuffer target) throws BadInputException {
    FileBytes.read(copy, name, position, target);
  }

  /** Never fails: this copy is ours. */
  @Override
  public void verifyUnchanged() {}

  @Override
  public void close() {
    close(copy);
  }

  private static void close(FileChannel copy) {
    try {
      copy.close();
    } catch (IOException harmless) {
      // The copy is not needed any more.
    }
  }
}
