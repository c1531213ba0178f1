package io.diffuscope.data;

import io.diffuscope.tensorfile.BadInputException;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.stream.IntStream;

/**
 * Decodes the images of a set block by block, all processors on each; in memory is one block.
 *
 * @param role what the set is for, for messages
 * @param clock nanoseconds of {@link System#nanoTime}
 */
record ImageBlocks(
    ImageFiles files,
    ImageDecoder decoder,
    String role,
    ImagePreparation.Progress progress,
    LongSupplier clock) {
  private static final int BLOCK_BYTES = 8 << 20;
  private static final int MOST_ROWS = 512;
  private static final long INTERVAL = TimeUnit.SECONDS.toNanos(1);

  /** Takes the levels of one block. */
  @FunctionalInterface
  interface Sink {
    void write(byte[] levels, int length) throws IOException;
  }

  /**
   * Decodes all images.
   *
   * @param sink takes the blocks in their order; what it is given is used again
   * @throws BadInputException for the first image, in the points' order, of the first block that
   *     has one that cannot be used
   * @throws IOException of the sink
   */
  void to(Sink sink) throws IOException {
    int count = files.names().size();
    int width = decoder.elements();
    int rows = Math.clamp(BLOCK_BYTES / width, 1, Math.min(count, MOST_ROWS));
    byte[] levels = new byte[rows * width];
    long told = clock.getAsLong();
    boolean slow = false;
    for (int first = 0; first < count; first += rows) {
      int here = Math.min(rows, count - first);
      decode(first, here, levels);
      sink.write(levels, here * width);
      long now = clock.getAsLong();
      int done = first + here;
      if (now - told >= INTERVAL || (slow && done == count)) {
        progress.decoded("images of the " + role, done, count);
        told = now;
        slow = true;
      }
    }
  }

  private void decode(int first, int count, byte[] levels) throws BadInputException {
    List<Optional<BadInputException>> outcomes =
        IntStream.range(0, count)
            .parallel()
            .mapToObj(i -> decode(first + i, levels, i * decoder.elements()))
            .toList();
    for (Optional<BadInputException> failure : outcomes) {
      if (failure.isPresent()) {
        throw failure.get();
      }
    }
  }

  private Optional<BadInputException> decode(int index, byte[] levels, int at) {
    try {
      decoder.decode(files.describe(files.names().get(index)), files.read(index), levels, at);
      return Optional.empty();
    } catch (BadInputException failure) {
      return Optional.of(failure);
    }
  }
}
