package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The directory of a zip archive, and where the bytes of its stored members are. Written for the
 * archives of {@code torch.save}: members that are not compressed are read where they are, also in
 * an archive that is a stretch of a larger file, which {@link java.util.zip.ZipFile} cannot do.
 *
 * <p>The numbers of sections in comments are those of PKWARE's APPNOTE.TXT.
 */
final class ZipDirectory {
  /**
   * A member as the directory describes it.
   *
   * @param method 0 where it is stored as it is, 8 where it is deflated
   * @param checksum CRC-32 of its content
   * @param link whether it is a symbolic link of a Unix file system
   * @param header where its local header begins
   */
  record Member(
      String name, int method, long packed, long size, long checksum, boolean link, long header) {}

  /**
   * What an archive may have.
   *
   * @param bytes length of the directory
   * @param remedy what to do about an archive that is not valid
   */
  record Limits(int members, long bytes, String remedy) {
    private static final Limits TORCH =
        new Limits(500_000, 128L << 20, "write it again with torch.save");
  }

  static final int LOCAL_HEADER = 0x04034b50;

  private static final int DIRECTORY_ENTRY = 0x02014b50;
  private static final int DIRECTORY_END = 0x06054b50;
  private static final int DIRECTORY_END_64 = 0x06064b50;
  private static final int LOCATOR_64 = 0x07064b50;
  private static final int DIRECTORY_END_BYTES = 22;
  private static final int DIRECTORY_END_64_BYTES = 56;
  private static final int LOCATOR_64_BYTES = 20;
  private static final int DIRECTORY_ENTRY_BYTES = 46;
  private static final int LOCAL_HEADER_BYTES = 30;
  private static final int MAX_COMMENT = 0xFFFF;
  private static final int EXTRA_64 = 1;
  private static final long ESCAPED = 0xFFFF_FFFFL;
  private static final int ENCRYPTED = 1;
  private static final int UNIX = 3;
  private static final int FILE_TYPE = 0170000;
  private static final int SYMBOLIC_LINK = 0120000;

  private final ByteSource source;
  private final Limits limits;
  private final Map<String, Member> members;
  private final long start;

  private ZipDirectory(ByteSource source, Limits limits, Map<String, Member> members, long start) {
    this.source = source;
    this.limits = limits;
    this.members = Collections.unmodifiableMap(members);
    this.start = start;
  }

  /** Where the directory is and how many members it has. */
  private record End(long start, long size, long count, long position) {}

  /** Reads the directory of an archive of {@code torch.save} that fills the source. */
  static ZipDirectory read(ByteSource source) throws BadInputException {
    return read(source, Limits.TORCH);
  }

  /**
   * Reads the directory of an archive that fills the source.
   *
   * @throws BadInputException TRUNCATED (no directory: it is written last), MALFORMED, UNSUPPORTED
   *     (too many members, or encrypted), CHANGED or UNREADABLE
   */
  static ZipDirectory read(ByteSource source, Limits limits) throws BadInputException {
    End end = end(source, limits);
    if (end.start < 0 || end.size < 0 || end.start > end.position - end.size) {
      throw malformed(source, limits, "its directory lies outside the file");
    }
    if (end.count < 0 || end.count > limits.members || end.size > limits.bytes) {
      throw new BadInputException(
          source.name(),
          Reason.UNSUPPORTED,
          "has more than " + limits.members + " members; split it",
          null);
    }
    if (end.count > end.size / DIRECTORY_ENTRY_BYTES) {
      throw malformed(
          source, limits, "its directory is too small for its " + end.count + " members");
    }
    ByteCursor in =
        new ByteCursor(
            source, end.start, end.start + end.size, Reason.MALFORMED, "the archive's directory");
    Map<String, Member> members = new LinkedHashMap<>();
    for (long i = 0; i < end.count; i++) {
      Member member = member(source, limits, in);
      if (members.put(member.name, member) != null) {
        throw malformed(source, limits, "it has two members " + Text.quote(member.name));
      }
    }
    return new ZipDirectory(source, limits, members, end.start);
  }

  /** Section 4.3.16: at the very end, but for a comment. */
  private static End end(ByteSource source, Limits limits) throws BadInputException {
    int length = (int) Math.min(source.size(), DIRECTORY_END_BYTES + MAX_COMMENT);
    ByteBuffer tail = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    source.read(source.size() - length, tail);
    for (int at = length - DIRECTORY_END_BYTES; at >= 0; at--) {
      if (tail.getInt(at) == DIRECTORY_END
          && Short.toUnsignedInt(tail.getShort(at + 20)) == length - DIRECTORY_END_BYTES - at) {
        return end(
            source, limits, tail.slice(at, DIRECTORY_END_BYTES), source.size() - length + at);
      }
    }
    throw new BadInputException(
        source.name(),
        Reason.TRUNCATED,
        "ends before its directory, which an archive has at its end; wait for its writer or copy it"
            + " again",
        null);
  }

  private static End end(ByteSource source, Limits limits, ByteBuffer record, long position)
      throws BadInputException {
    record.order(ByteOrder.LITTLE_ENDIAN);
    End small =
        new End(
            Integer.toUnsignedLong(record.getInt(16)),
            Integer.toUnsignedLong(record.getInt(12)),
            Short.toUnsignedInt(record.getShort(10)),
            position);
    if (position < LOCATOR_64_BYTES) {
      return small;
    }
    ByteBuffer locator = ByteBuffer.allocate(LOCATOR_64_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    source.read(position - LOCATOR_64_BYTES, locator);
    if (locator.getInt(0) != LOCATOR_64) {
      return small;
    }
    // Sections 4.3.14 and 4.3.15.
    long at = locator.getLong(8);
    if (at < 0 || at > position - LOCATOR_64_BYTES - DIRECTORY_END_64_BYTES) {
      throw malformed(source, limits, "the end of its directory lies outside the file");
    }
    ByteBuffer large = ByteBuffer.allocate(DIRECTORY_END_64_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    source.read(at, large);
    if (large.getInt(0) != DIRECTORY_END_64) {
      throw malformed(source, limits, "the end of its directory is not where it should be");
    }
    return new End(large.getLong(48), large.getLong(40), large.getLong(32), at);
  }

  /** Section 4.3.12. */
  private static Member member(ByteSource source, Limits limits, ByteCursor in)
      throws BadInputException {
    if (in.signedInt() != DIRECTORY_ENTRY) {
      throw malformed(source, limits, "its directory has something else than entries");
    }
    boolean unix = in.unsignedShort() >> Byte.SIZE == UNIX;
    in.skip(2);
    int flags = in.unsignedShort();
    int method = in.unsignedShort();
    in.skip(4);
    long checksum = in.unsignedInt();
    long packed = in.unsignedInt();
    long size = in.unsignedInt();
    int nameLength = in.unsignedShort();
    int extraLength = in.unsignedShort();
    int commentLength = in.unsignedShort();
    in.skip(4);
    long attributes = in.unsignedInt();
    boolean link = unix && (attributes >> Short.SIZE & FILE_TYPE) == SYMBOLIC_LINK;
    long header = in.unsignedInt();
    String name = new String(in.bytes(nameLength), StandardCharsets.UTF_8);
    if ((flags & ENCRYPTED) != 0) {
      throw new BadInputException(
          source.name(),
          Reason.UNSUPPORTED,
          "has the encrypted member " + Text.quote(name) + "; decrypt it",
          null);
    }
    long extraEnd = in.position() + extraLength;
    // Section 4.5.3: only what does not fit its place is there, in this order.
    while (extraEnd - in.position() >= 4) {
      int id = in.unsignedShort();
      long end = in.unsignedShort() + in.position();
      if (end > extraEnd) {
        throw malformed(source, limits, "member " + Text.quote(name) + " has a damaged entry");
      }
      if (id == EXTRA_64) {
        size = size == ESCAPED && in.position() + 8 <= end ? in.signedLong() : size;
        packed = packed == ESCAPED && in.position() + 8 <= end ? in.signedLong() : packed;
        header = header == ESCAPED && in.position() + 8 <= end ? in.signedLong() : header;
      }
      in.skip(end - in.position());
    }
    in.skip(extraEnd - in.position());
    in.skip(commentLength);
    return new Member(name, method, packed, size, checksum, link, header);
  }

  /** All members by name, in the order of the directory. */
  Map<String, Member> members() {
    return members;
  }

  /**
   * Where the bytes of a stored member begin.
   *
   * @throws BadInputException UNSUPPORTED (compressed), MALFORMED, CHANGED or UNREADABLE
   */
  long dataOf(Member member) throws BadInputException {
    if (member.method != 0 || member.packed != member.size) {
      throw new BadInputException(
          source.name(),
          Reason.UNSUPPORTED,
          "has the compressed member "
              + Text.quote(member.name)
              + "; write it with torch.save, which does not compress",
          null);
    }
    return packedDataOf(member);
  }

  /**
   * Where the bytes of a member begin, as they are packed.
   *
   * @throws BadInputException MALFORMED, CHANGED or UNREADABLE
   */
  long packedDataOf(Member member) throws BadInputException {
    if (member.header < 0 || member.header > start - LOCAL_HEADER_BYTES) {
      throw malformed(
          source, limits, "member " + Text.quote(member.name) + " lies outside the file");
    }
    // Section 4.3.7: the lengths of name and extra field may differ from those in the directory.
    ByteBuffer header = ByteBuffer.allocate(LOCAL_HEADER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    source.read(member.header, header);
    if (header.getInt(0) != LOCAL_HEADER
        || Short.toUnsignedInt(header.getShort(8)) != member.method) {
      throw malformed(
          source, limits, "member " + Text.quote(member.name) + " is not where its directory says");
    }
    long data =
        member.header
            + LOCAL_HEADER_BYTES
            + Short.toUnsignedInt(header.getShort(26))
            + Short.toUnsignedInt(header.getShort(28));
    if (member.packed < 0 || data > start || member.packed > start - data) {
      throw malformed(
          source, limits, "member " + Text.quote(member.name) + " lies outside the file");
    }
    return data;
  }

  private static BadInputException malformed(ByteSource source, Limits limits, String cause) {
    return new BadInputException(
        source.name(),
        Reason.MALFORMED,
        "not a valid archive (" + cause + "); " + limits.remedy,
        null);
  }
}
