package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.ZipDirectory.Member;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * A zip archive of many small members, stored or deflated, which are read whole into memory.
 *
 * <pre>{@code
 * try (ZipArchive archive = ZipArchive.open(Path.of("cifar10-32x32.zip"))) {
 *   byte[] labels = archive.read("dataset.json", 1 << 28);
 * }
 * }</pre>
 *
 * <p>Refused are archives that no honest program writes: encrypted members, two of one name, names
 * that lead out of a folder, links, and members that lie over each other. Members may be read by
 * several threads.
 */
public final class ZipArchive implements AutoCloseable {
  private static final ZipDirectory.Limits LIMITS =
      new ZipDirectory.Limits(2_000_000, 1L << 29, "write or copy it again");

  private static final int STORED = 0;
  private static final int DEFLATED = 8;
  private static final int LOCAL_HEADER_BYTES = 30;

  /** Deflate emits at most 258 bytes for two bits. */
  private static final long MAX_INFLATION = 1032;

  /** What an empty deflated member takes, and more. */
  private static final int DEFLATE_OVERHEAD = 64;

  private final FileBytes file;
  private final ZipDirectory directory;
  private final List<Entry> entries;

  /**
   * What the archive's directory says of a member.
   *
   * @param size length of its content in bytes
   * @param checksum CRC-32 of its content
   */
  public record Entry(String name, long size, long checksum) {}

  private ZipArchive(FileBytes file, ZipDirectory directory, List<Entry> entries) {
    this.file = file;
    this.directory = directory;
    this.entries = List.copyOf(entries);
  }

  /**
   * Opens an archive and checks its directory.
   *
   * @throws BadInputException VANISHED, UNREADABLE, CHANGED, TRUNCATED, MALFORMED or UNSUPPORTED
   */
  public static ZipArchive open(Path path) throws BadInputException {
    FileBytes file = FileBytes.open(path);
    try {
      ZipDirectory directory = ZipDirectory.read(file, LIMITS);
      List<Entry> entries = new ArrayList<>();
      for (Member member : directory.members().values()) {
        check(file, member);
        if (!member.name().endsWith("/")) {
          entries.add(new Entry(member.name(), member.size(), member.checksum()));
        }
      }
      requireApart(file, directory);
      file.verifyUnchanged();
      return new ZipArchive(file, directory, entries);
    } catch (BadInputException failure) {
      file.close();
      throw failure;
    }
  }

  private static void check(FileBytes file, Member member) throws BadInputException {
    String name = member.name();
    boolean leadsOut =
        name.isEmpty()
            || name.startsWith("/")
            || name.indexOf('\\') >= 0
            || name.indexOf('\0') >= 0
            || ("/" + name + "/").contains("/../");
    if (leadsOut) {
      throw malformed(file, "has a member whose name is no place in a folder: " + Text.quote(name));
    }
    if (member.link()) {
      throw new BadInputException(
          file.name(),
          Reason.UNSUPPORTED,
          "has the link " + Text.quote(name) + "; put the files themselves into the archive",
          null);
    }
    if (member.method() != STORED && member.method() != DEFLATED) {
      throw new BadInputException(
          file.name(),
          Reason.UNSUPPORTED,
          "has the member "
              + Text.quote(name)
              + " compressed by method "
              + member.method()
              + "; write the archive with deflate, or without compression",
          null);
    }
    boolean possible =
        member.size() >= 0
            && member.packed() >= 0
            && member.packed() <= file.size()
            && (member.method() == STORED
                ? member.size() == member.packed()
                : member.size() / MAX_INFLATION <= member.packed());
    if (!possible) {
      throw malformed(file, "member " + Text.quote(name) + " cannot have the size that it says");
    }
  }

  /** Members that share bytes are how a small archive unpacks to more than any disk holds. */
  private static void requireApart(FileBytes file, ZipDirectory directory)
      throws BadInputException {
    List<Member> inOrder =
        directory.members().values().stream()
            .sorted(Comparator.comparingLong(Member::header))
            .toList();
    for (int i = 1; i < inOrder.size(); i++) {
      Member before = inOrder.get(i - 1);
      Member member = inOrder.get(i);
      if (member.header() - before.header() < LOCAL_HEADER_BYTES + before.packed()) {
        throw malformed(
            file,
            "the members "
                + Text.quote(before.name())
                + " and "
                + Text.quote(member.name())
                + " lie over each other");
      }
    }
  }

  /** The members that are no folders, in the archive's order. */
  public List<Entry> entries() {
    return entries;
  }

  /**
   * The content of a member.
   *
   * @param most most bytes that it may have
   * @throws BadInputException MISMATCH (no such member), UNSUPPORTED (it is longer), MALFORMED
   *     (damaged), CHANGED, VANISHED or UNREADABLE
   */
  public byte[] read(String name, int most) throws BadInputException {
    String source = file.name() + ":" + name;
    Member member = directory.members().get(name);
    if (member == null) {
      throw new BadInputException(source, Reason.MISMATCH, "no such member in the archive", null);
    }
    if (member.size() > most || member.packed() > (long) most + DEFLATE_OVERHEAD) {
      throw new BadInputException(
          source,
          Reason.UNSUPPORTED,
          "has %d bytes, more than the %d that it may have here; make it smaller"
              .formatted(member.size(), most),
          null);
    }
    ByteBuffer packed = ByteBuffer.allocate((int) member.packed());
    file.read(directory.packedDataOf(member), packed);
    byte[] content =
        member.method() == STORED ? packed.array() : inflate(source, packed.array(), member);
    CRC32 checksum = new CRC32();
    checksum.update(content);
    if (checksum.getValue() != member.checksum()) {
      file.verifyUnchanged();
      throw damaged(source, "its checksum is wrong");
    }
    return content;
  }

  private static byte[] inflate(String source, byte[] packed, Member member)
      throws BadInputException {
    byte[] content = new byte[(int) member.size()];
    try (Closer inflater = new Closer(new Inflater(true))) {
      inflater.of.setInput(packed);
      int count = 0;
      while (count < content.length) {
        int more = inflater.of.inflate(content, count, content.length - count);
        if (more == 0) {
          throw damaged(source, "it ends after " + count + " of its bytes");
        }
        count += more;
      }
      return content;
    } catch (DataFormatException failure) {
      throw damaged(source, String.valueOf(failure.getMessage()));
    }
  }

  /** An inflater is not closeable in Java 21. */
  private record Closer(Inflater of) implements AutoCloseable {
    @Override
    public void close() {
      of.end();
    }
  }

  private static BadInputException damaged(String source, String cause) {
    return new BadInputException(
        source,
        Reason.MALFORMED,
        "is damaged (" + cause + "); write or copy the archive again",
        null);
  }

  private static BadInputException malformed(FileBytes file, String cause) {
    return new BadInputException(
        file.name(),
        Reason.MALFORMED,
        "not a valid archive (" + cause + "); write or copy it again",
        null);
  }

  /** Text that is another when the archive's file is another, or was modified. */
  public String state() {
    return file.state();
  }

  /**
   * Fails when the archive is not as it was when it was opened.
   *
   * @throws BadInputException VANISHED or CHANGED
   */
  public void verifyUnchanged() throws BadInputException {
    file.verifyUnchanged();
  }

  @Override
  public void close() {
    file.close();
  }
}
