package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import org.jspecify.annotations.Nullable;

/**
 * NumPy's archive of arrays, as {@code numpy.savez} and {@code savez_compressed} write it.
 *
 * <pre>{@code
 * try (NpzFile file = NpzFile.open(path);
 *     ArrayFile means = file.array("means")) {
 *   double[] values = means.readDoubles();
 * }
 * }</pre>
 *
 * <p>An archive may claim to unpack to more than any disk holds, so members are limited to 4 GiB
 * and to the ratio that the deflate format can reach.
 */
public final class NpzFile implements AutoCloseable {
  static final String MEMBER_SUFFIX = ".npy";

  private static final int MAX_MEMBERS = 10_000;
  private static final long MAX_MEMBER_BYTES = 4L << 30;

  /** Deflate emits at most 258 bytes for two bits. */
  private static final long MAX_INFLATION = 1032;

  private static final int LOCAL_FILE_HEADER = 0x04034b50;

  private final FileBytes file;
  private final ZipFile archive;
  private final Map<String, ZipEntry> members;

  private NpzFile(FileBytes file, ZipFile archive, Map<String, ZipEntry> members) {
    this.file = file;
    this.archive = archive;
    this.members = members;
  }

  /**
   * Opens an archive and reads its directory.
   *
   * @throws BadInputException VANISHED, UNREADABLE, TRUNCATED, MALFORMED or UNSUPPORTED
   */
  public static NpzFile open(Path path) throws BadInputException {
    if (path.getFileSystem() != FileSystems.getDefault()) {
      throw new BadInputException(
          path, Reason.UNSUPPORTED, "an .npz archive in a bucket; copy it to this machine first");
    }
    // ZipFile reads the file by itself; this handle gives the usual messages and sees changes.
    FileBytes file = FileBytes.open(path);
    ZipFile archive = null;
    try {
      archive = new ZipFile(path.toFile());
      return new NpzFile(file, archive, members(file, archive));
    } catch (ZipException failure) {
      try (file) {
        throw notAnArchive(file, failure);
      }
    } catch (IOException failure) {
      close(archive);
      file.close();
      throw FileFailures.describe(file.name(), failure);
    }
  }

  private static Map<String, ZipEntry> members(FileBytes file, ZipFile archive)
      throws BadInputException {
    if (archive.size() > MAX_MEMBERS) {
      throw new BadInputException(
          file.name(),
          Reason.UNSUPPORTED,
          "has " + archive.size() + " members, more than " + MAX_MEMBERS + "; split it",
          null);
    }
    Map<String, ZipEntry> members = new LinkedHashMap<>();
    for (Iterator<? extends ZipEntry> all = archive.entries().asIterator(); all.hasNext(); ) {
      ZipEntry member = all.next();
      if (!member.getName().endsWith(MEMBER_SUFFIX)) {
        continue;
      }
      String name =
          member.getName().substring(0, member.getName().length() - MEMBER_SUFFIX.length());
      if (members.put(name, member) != null) {
        throw new BadInputException(
            file.name(),
            Reason.MALFORMED,
            "has two arrays " + Text.quote(name) + "; write it again",
            null);
      }
    }
    return Collections.unmodifiableMap(members);
  }

  private static BadInputException notAnArchive(FileBytes file, ZipException failure)
      throws BadInputException {
    ByteBuffer start = ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    boolean archive = true;
    if (file.size() >= Integer.BYTES) {
      file.read(0, start);
      archive = start.getInt(0) == LOCAL_FILE_HEADER;
    }
    return new BadInputException(
        file.name(),
        archive ? Reason.TRUNCATED : Reason.MALFORMED,
        (archive ? "is not a complete .npz archive (" : "is not an .npz archive (")
            + failure.getMessage()
            + "); write it again with numpy.savez",
        failure);
  }

  public Path path() {
    return Locations.pathOf(file.name());
  }

  /** The names of the arrays, without the suffix {@code .npy}, in the archive's order. */
  public Set<String> names() {
    return members.keySet();
  }

  /**
   * Unpacks one array.
   *
   * @param name with or without the suffix {@code .npy}
   * @return an array that is independent of this archive and must be closed
   * @throws BadInputException MISMATCH (no such array), MALFORMED, TRUNCATED, UNSUPPORTED, CHANGED
   *     or UNREADABLE
   */
  public ArrayFile array(String name) throws BadInputException {
    ZipEntry member = members.get(name);
    if (member == null && name.endsWith(MEMBER_SUFFIX)) {
      member = members.get(name.substring(0, name.length() - MEMBER_SUFFIX.length()));
    }
    if (member == null) {
      throw new BadInputException(
          file.name(),
          Reason.MISMATCH,
          "has no array " + Text.quote(name) + "; it has " + Text.list(names()),
          null);
    }
    String source = file.name() + ":" + name;
    checkSize(member, source);
    MemberBytes bytes = MemberBytes.inflate(archive, member, source);
    try {
      file.verifyUnchanged();
      return ArrayFile.npy(bytes);
    } catch (BadInputException failure) {
      bytes.close();
      throw failure;
    }
  }

  private void checkSize(ZipEntry member, String source) throws BadInputException {
    long size = member.getSize();
    long packed = member.getCompressedSize();
    if (size < 0 || packed < 0 || packed > file.size() || size / MAX_INFLATION > packed) {
      throw new BadInputException(
          source,
          Reason.MALFORMED,
          "cannot unpack to the declared " + size + " bytes; write the archive again",
          null);
    }
    if (size > MAX_MEMBER_BYTES) {
      throw new BadInputException(
          source,
          Reason.UNSUPPORTED,
          "unpacks to "
              + size
              + " bytes, more than "
              + MAX_MEMBER_BYTES
              + "; save the array by itself with numpy.save and give the .npy file",
          null);
    }
  }

  @Override
  public void close() {
    close(archive);
    file.close();
  }

  private static void close(@Nullable ZipFile archive) {
    try {
      if (archive != null) {
        archive.close();
      }
    } catch (IOException harmless) {
      // It was only read.
    }
  }
}
