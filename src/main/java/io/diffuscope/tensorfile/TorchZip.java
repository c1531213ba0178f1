package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.TorchStream.Storage;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The archives that {@code torch.save} writes since PyTorch 1.6, and {@code torch.jit.save}: {@code
 * NAME/data.pkl} with the objects and {@code NAME/data/KEY} with the bytes of each storage, none of
 * them compressed (PyTorch's notes on serialization).
 */
final class TorchZip {
  private static final Pattern PICKLE = Pattern.compile("(?<root>[^/]+/)?data\\.pkl");
  private static final String BYTE_ORDER = "byteorder";
  private static final int MAX_BYTE_ORDER = 16;

  private final ByteSource source;
  private final ZipDirectory directory;
  private final String root;
  private final ByteOrder order;
  private final Map<String, Long> positions = new HashMap<>();

  private TorchZip(ByteSource source, ZipDirectory directory, String root)
      throws BadInputException {
    this.source = source;
    this.directory = directory;
    this.root = root;
    this.order = byteOrder();
  }

  /**
   * Reads the objects of an archive.
   *
   * @throws BadInputException TRUNCATED, MALFORMED, UNSUPPORTED (another kind of archive, or a name
   *     that would run something), CHANGED or UNREADABLE
   */
  static TorchStream open(ByteSource source, PickleBudget budget) throws BadInputException {
    return open(source, budget, 0);
  }

  /** As above, within so many other streams. */
  static TorchStream open(ByteSource source, PickleBudget budget, int depth)
      throws BadInputException {
    ZipDirectory directory = ZipDirectory.read(source);
    String pickle = null;
    for (String name : directory.members().keySet()) {
      if (PICKLE.matcher(name).matches()) {
        if (pickle != null) {
          throw TorchStream.malformed(source, "it has two members data.pkl");
        }
        pickle = name;
      }
    }
    if (pickle == null) {
      throw ForeignFormats.archive(source, directory.members().keySet());
    }
    TorchZip archive =
        new TorchZip(source, directory, pickle.substring(0, pickle.length() - "data.pkl".length()));
    ZipDirectory.Member member = archive.member(pickle);
    long position = directory.dataOf(member);
    Pickle parsed =
        PickleParser.parse(source, position, position + member.size(), Reason.MALFORMED, budget);
    return new TorchStream(
        parsed.root(), NestedStreams.open(source, parsed, archive::find, budget, depth));
  }

  private ByteOrder byteOrder() throws BadInputException {
    if (!directory.members().containsKey(root + BYTE_ORDER)) {
      return ByteOrder.LITTLE_ENDIAN;
    }
    ZipDirectory.Member member = member(root + BYTE_ORDER);
    ByteBuffer text = ByteBuffer.allocate((int) Math.min(member.size(), MAX_BYTE_ORDER));
    source.read(directory.dataOf(member), text);
    return switch (new String(text.array(), StandardCharsets.US_ASCII)) {
      case "little" -> ByteOrder.LITTLE_ENDIAN;
      case "big" -> ByteOrder.BIG_ENDIAN;
      default -> throw TorchStream.malformed(source, "its byte order is neither big nor little");
    };
  }

  private ZipDirectory.Member member(String name) throws BadInputException {
    ZipDirectory.Member member = directory.members().get(name);
    if (member == null) {
      throw TorchStream.malformed(source, "it has no member " + Text.quote(name));
    }
    return member;
  }

  private @org.jspecify.annotations.Nullable Storage find(PickleValue value)
      throws BadInputException {
    Optional<StorageReference> found = StorageReference.of(value);
    if (found.isEmpty()) {
      return null;
    }
    StorageReference reference = found.get();
    Optional<ElementType> type = TorchNames.ofStorage(reference.type());
    if (type.isEmpty()) {
      return null;
    }
    String name = root + "data/" + reference.key();
    ZipDirectory.Member member = member(name);
    if (reference.elements() < 0 || reference.elements() > member.size() / type.get().bytes()) {
      throw TorchStream.malformed(
          source,
          "%s has %d bytes, too few for %d elements of type %s"
              .formatted(Text.quote(name), member.size(), reference.elements(), type.get()));
    }
    Long position = positions.get(name);
    if (position == null) {
      position = directory.dataOf(member);
      positions.put(name, position);
    }
    return new Storage(
        source, position, reference.elements() * type.get().bytes(), type.get(), order);
  }
}
