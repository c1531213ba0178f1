package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.PickleValue.Global;
import io.diffuscope.tensorfile.PickleValue.Persistent;
import io.diffuscope.tensorfile.PickleValue.Sequence;
import io.diffuscope.tensorfile.PickleValue.Whole;
import io.diffuscope.tensorfile.PickleValue.Words;
import java.util.List;
import java.util.Optional;

/**
 * How {@code torch.save} refers to a storage within its pickle: a tuple of the word {@code
 * storage}, the type, a key, a device, and the number of elements.
 *
 * @param elements their number, of the size of {@code type}
 * @param view the part of the storage that is meant, in the oldest files
 */
record StorageReference(Global type, String key, long elements, Optional<View> view) {
  /** A part of a storage, in elements. */
  record View(long offset, long elements) {}

  /** Empty for a reference to something else, or one that cannot be understood. */
  static Optional<StorageReference> of(PickleValue value) {
    if (!(value instanceof Persistent persistent)
        || !(persistent.id() instanceof Sequence sequence)
        || sequence.elements().size() < 5) {
      return Optional.empty();
    }
    List<PickleValue> parts = sequence.elements();
    if (!(parts.get(0) instanceof Words kind)
        || !kind.value().equals("storage")
        || !(parts.get(1) instanceof Global type)
        || !(parts.get(2) instanceof Words key)
        || !(parts.get(4) instanceof Whole elements)) {
      return Optional.empty();
    }
    Optional<View> view = Optional.empty();
    if (parts.size() > 5
        && parts.get(5) instanceof Sequence viewed
        && viewed.elements().size() == 3
        && viewed.elements().get(1) instanceof Whole offset
        && viewed.elements().get(2) instanceof Whole count) {
      view = Optional.of(new View(offset.value(), count.value()));
    }
    return Optional.of(new StorageReference(type, key.value(), elements.value(), view));
  }
}
