package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.PickleValue.Decimal;
import io.diffuscope.tensorfile.PickleValue.Persistent;
import io.diffuscope.tensorfile.PickleValue.Sequence;
import io.diffuscope.tensorfile.PickleValue.Whole;
import io.diffuscope.tensorfile.PickleValue.Words;
import io.diffuscope.tensorfile.TorchStream.Storage;
import java.math.BigInteger;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The stream that {@code torch.save} wrote before PyTorch 1.6, and that tensors in plain pickles
 * still are: pickles of a magic number, a version and the machine, then the pickle of the objects,
 * one of the keys of the storages, and for each of these the number of elements and their bytes
 * ({@code torch/serialization.py}, {@code _legacy_save}).
 */
final class LegacyTorch {
  /** 0x1950a86a20f9469cfc6c, which does not fit 64 bits. */
  private static final Decimal MAGIC =
      new Decimal(new BigInteger("1950a86a20f9469cfc6c", 16).doubleValue());

  private static final long VERSION = 1001;

  /** Where the bytes of a storage are, and how many of its elements there are. */
  private record Place(long position, long elements) {}

  private final ByteSource source;
  private final Map<String, ElementType> types = new HashMap<>();
  private final Map<String, Place> places = new HashMap<>();

  private LegacyTorch(ByteSource source) {
    this.source = source;
  }

  /** Whether this is the first pickle of such a stream. */
  static boolean isFirstOf(Pickle first) {
    return first.root().equals(MAGIC);
  }

  /**
   * Reads the objects of a stream and finds its storages.
   *
   * @param first the first pickle of the stream
   * @param pastEnd the reason of the failure when it goes on beyond {@code end}
   * @param depth how many streams this one lies within
   * @throws BadInputException {@code pastEnd}, MALFORMED, UNSUPPORTED, CHANGED or UNREADABLE
   */
  static TorchStream open(
      ByteSource source, Pickle first, long end, Reason pastEnd, PickleBudget budget, int depth)
      throws BadInputException {
    if (!isFirstOf(first)) {
      throw TorchStream.malformed(source, "a tensor of it is no stream of torch.save");
    }
    LegacyTorch stream = new LegacyTorch(source);
    Pickle version = PickleParser.parse(source, first.end(), end, pastEnd, budget);
    if (!(version.root() instanceof Whole number) || number.value() != VERSION) {
      throw TorchStream.malformed(source, "its version is not " + VERSION);
    }
    Pickle machine = PickleParser.parse(source, version.end(), end, pastEnd, budget);
    Pickle objects = PickleParser.parse(source, machine.end(), end, pastEnd, budget);
    Pickle keys = PickleParser.parse(source, objects.end(), end, pastEnd, budget);
    for (Persistent persistent : objects.persistents()) {
      Optional<StorageReference> reference = StorageReference.of(persistent);
      if (reference.isPresent()) {
        Optional<ElementType> type = TorchNames.ofStorage(reference.get().type());
        if (type.isEmpty()) {
          throw new BadInputException(
              source.name(),
              Reason.UNSUPPORTED,
              "has tensors of type "
                  + Text.quote(reference.get().type().toString())
                  + "; save the weights by themselves, as floats",
              null);
        }
        stream.types.putIfAbsent(reference.get().key(), type.get());
      }
    }
    stream.place(keys, end, pastEnd);
    return new TorchStream(
        objects.root(), NestedStreams.open(source, objects, stream::find, budget, depth));
  }

  private void place(Pickle keys, long end, Reason pastEnd) throws BadInputException {
    if (!(keys.root() instanceof Sequence list)) {
      throw TorchStream.malformed(source, "the keys of its storages are no list");
    }
    ByteCursor in = new ByteCursor(source, keys.end(), end, pastEnd, "the storages");
    for (PickleValue key : list.elements()) {
      ElementType type = key instanceof Words words ? types.get(words.value()) : null;
      if (!(key instanceof Words name) || type == null || places.containsKey(name.value())) {
        throw TorchStream.malformed(source, "it has a storage that nothing refers to, or twice");
      }
      long elements = in.signedLong();
      if (elements < 0 || elements > Long.MAX_VALUE / type.bytes()) {
        throw TorchStream.malformed(source, "a storage has " + elements + " elements");
      }
      places.put(name.value(), new Place(in.skip(elements * type.bytes()), elements));
    }
  }

  private @Nullable Storage find(PickleValue value) throws BadInputException {
    Optional<StorageReference> found = StorageReference.of(value);
    if (found.isEmpty()) {
      return null;
    }
    StorageReference reference = found.get();
    Place place = places.get(reference.key());
    ElementType stored = types.get(reference.key());
    Optional<ElementType> type = TorchNames.ofStorage(reference.type());
    if (place == null || stored == null || type.isEmpty()) {
      throw TorchStream.malformed(
          source, "the storage " + Text.quote(reference.key()) + " is not there");
    }
    long bytes = place.elements * stored.bytes();
    long position = place.position;
    if (reference.view().isPresent()) {
      StorageReference.View view = reference.view().get();
      long available = bytes / type.get().bytes();
      if (view.offset() < 0 || view.elements() < 0 || view.elements() > available - view.offset()) {
        throw TorchStream.malformed(source, "a part of a storage lies outside it");
      }
      position += view.offset() * type.get().bytes();
      bytes = view.elements() * type.get().bytes();
    }
    return new Storage(source, position, bytes, type.get(), ByteOrder.LITTLE_ENDIAN);
  }
}
