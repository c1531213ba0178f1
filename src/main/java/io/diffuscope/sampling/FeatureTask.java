package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.diffuscope.data.DataSet;
import io.diffuscope.data.ShardedFolder;
import io.diffuscope.feature.FeatureMap;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The features of a set, a few points a piece. They are kept on disk, shard by shard, so that what
 * was interrupted goes on where it was; the result is a set that is read from there by blocks. Few
 * features are also held in memory meanwhile, so that a full disk costs the cache alone.
 */
final class FeatureTask implements Task<DataSet> {
  private static final Logger log = LoggerFactory.getLogger(FeatureTask.class);
  private static final long SHARD_BYTES = 32L << 20;

  /**
   * Features of more than this cannot do without a disk; beside it an eighth of the heap counts.
   */
  private static final long MOST_IN_MEMORY = 256L << 20;

  private static final int HEAP_PART = 8;

  /**
   * What bounds memory.
   *
   * @param shardBytes size of one file
   * @param mostInMemory all features together, where there is no disk to keep them on
   */
  record Limits(long shardBytes, long mostInMemory) {
    static Limits standard() {
      return new Limits(
          SHARD_BYTES, Math.min(MOST_IN_MEMORY, Runtime.getRuntime().maxMemory() / HEAP_PART));
    }
  }

  private final NDManager manager;
  private final DataSet set;
  private final String role;
  private final FeatureMap map;
  private final ShardedFolder folder;
  private final boolean inMemory;
  private float[] values;
  private int next;
  private boolean diskFailed;
  private @Nullable DataSet result;

  /**
   * Looks for what is there.
   *
   * @param role what the set is for, for messages
   * @param cache folder of this set's features
   */
  FeatureTask(
      NDManager parent, DataSet set, String role, FeatureMap map, Path cache, Limits limits) {
    this.manager = parent.newSubManager();
    this.set = set;
    this.role = role;
    this.map = map;
    int size = Math.toIntExact(set.size());
    long partBytes = (long) map.rows() * map.dimension() * Float.BYTES;
    long total = (long) size * map.dimension();
    this.inMemory = total * Float.BYTES <= limits.mostInMemory;
    int parts = (int) Math.clamp(limits.shardBytes / partBytes, 1L, size / map.rows() + 1L);
    this.folder =
        new ShardedFolder(cache, TensorShape.of(map.dimension()), size, parts * map.rows());
    this.result = folder.open("features of the " + role).orElse(null);
    this.values = new float[result == null && inMemory ? (int) total : 0];
    if (result != null) {
      next = size;
    }
  }

  @Override
  public boolean advance() throws BadInputException {
    if (next < folder.size()) {
      int shard = next / folder.shardRows();
      if (next == folder.first(shard)) {
        if (isKept(shard)) {
          next += folder.rows(shard);
          return true;
        }
        if (!inMemory) {
          values = new float[folder.rows(shard) * map.dimension()];
        }
      }
      int count = Math.min(map.rows(), folder.first(shard) + folder.rows(shard) - next);
      float[] part = part(count);
      int start = inMemory ? 0 : folder.first(shard);
      System.arraycopy(part, 0, values, (next - start) * map.dimension(), part.length);
      next += count;
      if (next == folder.first(shard) + folder.rows(shard)) {
        keep(shard);
      }
      return true;
    }
    if (result == null) {
      result = finish();
    }
    return false;
  }

  /** Whether a shard is there from before; in memory it is then, too. */
  private boolean isKept(int shard) {
    if (!inMemory) {
      return folder.has(shard);
    }
    Optional<float[]> before = folder.read(shard);
    before.ifPresent(
        rows ->
            System.arraycopy(rows, 0, values, folder.first(shard) * map.dimension(), rows.length));
    return before.isPresent();
  }

  private float[] part(int count) throws BadInputException {
    try (NDManager scratch = manager.newSubManager()) {
      NDArray features = map.apply(HostArrays.points(scratch, set, next, count));
      Samples.requireUsable(
          features,
          map,
          set.source(),
          "for points %d to %d of the %s".formatted(next, next + count - 1, role));
      return features.toFloatArray();
    }
  }

  private void keep(int shard) throws BadInputException {
    if (diskFailed) {
      return;
    }
    try {
      int from = inMemory ? folder.first(shard) * map.dimension() : 0;
      int length = folder.rows(shard) * map.dimension();
      folder.write(shard, Arrays.copyOfRange(values, from, from + length));
    } catch (IOException e) {
      failed(e);
    }
  }

  private DataSet finish() throws BadInputException {
    if (!diskFailed) {
      try {
        folder.finish();
      } catch (IOException e) {
        failed(e);
      }
    }
    if (inMemory) {
      return DataSet.of(set.source(), folder.point(), values);
    }
    values = new float[0];
    return folder
        .open("features of the " + role)
        .orElseThrow(
            () ->
                new BadInputException(
                    folder.folder(),
                    Reason.CHANGED,
                    "was changed while it was written; leave the data directory alone"));
  }

  private void failed(IOException e) throws BadInputException {
    if (!inMemory) {
      throw new BadInputException(
          folder.folder().toString(),
          Reason.UNREADABLE,
          "the features of the %s need %d MiB there, which cannot be written (%s); free the disk, choose another --data-dir, or give fewer points"
              .formatted(
                  role,
                  ((long) folder.size() * map.dimension() * Float.BYTES) >> 20,
                  e.getMessage()),
          e);
    }
    diskFailed = true;
    log.warn(
        "features of the {} cannot be cached and are computed again at every start: {}",
        role,
        e.getMessage());
  }

  @Override
  public double progress() {
    return (double) next / folder.size();
  }

  @Override
  public Part part() {
    return new Part("features of the " + role, progress());
  }

  @Override
  public DataSet result() {
    if (result == null) {
      throw new IllegalStateException("the features are not complete");
    }
    return result;
  }

  @Override
  public void close() {
    manager.close();
  }
}
