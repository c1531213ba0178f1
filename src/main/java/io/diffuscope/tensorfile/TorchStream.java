package io.diffuscope.tensorfile;

import io.diffuscope.tensorfile.BadInputException.Reason;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * A stream that Python wrote with {@code torch.save} or {@code pickle.dump}: its objects as data,
 * and the places of the storages that they refer to.
 *
 * @param root what Python would load
 */
record TorchStream(PickleValue root, Storages storages) {
  /**
   * The bytes that tensors are views of.
   *
   * @param bytes their number
   * @param type what they are, where the storage says
   */
  record Storage(ByteSource source, long position, long bytes, ElementType type, ByteOrder order) {}

  /** Finds storages by what stands for them in a pickle. */
  @FunctionalInterface
  interface Storages {
    /**
     * The storage; null where it is of a kind that is not known here.
     *
     * @throws BadInputException MALFORMED when it should be there and is not
     */
    @Nullable Storage find(PickleValue reference) throws BadInputException;
  }

  static BadInputException malformed(ByteSource source, String cause) {
    return new BadInputException(
        source.name(),
        Reason.MALFORMED,
        "not a valid torch file (" + cause + "); write it again with torch.save",
        null);
  }
}
