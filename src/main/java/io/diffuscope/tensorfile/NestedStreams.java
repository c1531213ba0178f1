package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.PickleValue.Instance;
import io.diffuscope.tensorfile.PickleValue.Slice;
import io.diffuscope.tensorfile.TorchStream.Storages;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;

/**
 * Streams of {@code torch.save} within the byte strings of a pickle: so does {@code pickle.dump}
 * write a tensor. They are read where they are, whether or not their tensors are wanted, so that a
 * dangerous name in any of them is found.
 */
final class NestedStreams {
  private static final int MAX_DEPTH = 4;

  private NestedStreams() {}

  /**
   * Opens the streams within a pickle.
   *
   * @param own finds the pickle's own storages
   * @return finds those and what the streams hold
   */
  static Storages open(ByteSource source, Pickle pickle, Storages own, PickleBudget budget)
      throws BadInputException {
    return open(source, pickle, own, budget, 0);
  }

  static Storages open(
      ByteSource source, Pickle pickle, Storages own, PickleBudget budget, int depth)
      throws BadInputException {
    if (pickle.nested().isEmpty()) {
      return own;
    }
    if (depth == MAX_DEPTH) {
      throw TorchStream.malformed(source, "it has streams within streams within streams");
    }
    Map<Long, TorchStream> streams = new HashMap<>();
    for (Instance call : pickle.nested()) {
      if (call.arguments().size() == 1
          && call.arguments().get(0) instanceof Slice bytes
          && !streams.containsKey(bytes.position())) {
        budget.spend(PickleBudget.CONTAINER);
        streams.put(bytes.position(), stream(source, bytes, budget, depth + 1));
      }
    }
    return reference -> {
      if (reference instanceof Instance call
          && TorchNames.isNestedStream(call)
          && call.arguments().size() == 1
          && call.arguments().get(0) instanceof Slice bytes) {
        TorchStream stream = streams.get(bytes.position());
        return stream == null ? null : stream.storages().find(stream.root());
      }
      return own.find(reference);
    };
  }

  private static TorchStream stream(ByteSource source, Slice bytes, PickleBudget budget, int depth)
      throws BadInputException {
    ByteBuffer start = ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    source.read(bytes.position(), start.limit((int) Math.min(bytes.length(), start.capacity())));
    if (bytes.length() >= start.capacity() && start.getInt(0) == ZipDirectory.LOCAL_HEADER) {
      return TorchZip.open(new SliceBytes(source, bytes.position(), bytes.length()), budget, depth);
    }
    long end = bytes.position() + bytes.length();
    Pickle first = PickleParser.parse(source, bytes.position(), end, Reason.MALFORMED, budget);
    return LegacyTorch.open(source, first, end, Reason.MALFORMED, budget, depth);
  }
}
