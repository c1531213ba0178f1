package io.diffuscope.data;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.BadInputException.Reason;
import io.diffuscope.tensorfile.ElementType;
import io.diffuscope.tensorfile.SafetensorsFile;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A set in the files that {@code export_data} wrote, read by blocks. Few of the files are open at a
 * time, because there may be more of them than a process may open.
 */
final class ShardedDataSet implements StoredDataSet {
  private static final int MOST_OPEN = 8;

  private final Path folder;
  private final ExportIndex index;
  private final TensorShape pointShape;
  private final int width;
  private final List<ShardFile> shards;
  private final int @Nullable [] labels;
  private final Deque<Open> open = new ArrayDeque<>();
  private final ContentKey contentKey = new ContentKey();

  /** An open file; the deque has the one that was used last in front. */
  private record Open(ShardFile shard, SafetensorsFile file) {}

  private ShardedDataSet(
      Path folder,
      ExportIndex index,
      TensorShape pointShape,
      List<ShardFile> shards,
      int @Nullable [] labels) {
    this.folder = folder;
    this.index = index;
    this.pointShape = pointShape;
    this.width = Math.toIntExact(pointShape.elements());
    this.shards = shards;
    this.labels = labels;
  }

  /**
   * Opens a folder and compares every file's header with the index.
   *
   * @param role what the set is for, for messages
   * @throws BadInputException as {@link ExportIndex#read} and {@link ShardFile#check}; WRONG_SHAPE
   *     where the model takes points of another shape
   */
  static ShardedDataSet open(Path folder, String role, @Nullable TensorShape modelShape)
      throws BadInputException {
    ExportIndex index = ExportIndex.read(folder);
    long size = index.shards().stream().mapToLong(ExportIndex.Shard::count).sum();
    if (size > Integer.MAX_VALUE - 8) {
      throw new BadInputException(
          folder, Reason.UNSUPPORTED, "has %d points, more than 2^31".formatted(size));
    }
    TensorShape pointShape =
        new PointShapes(folder.toString(), role).match(index.shape().withFirst(size), modelShape);
    List<ShardFile> shards = new ArrayList<>();
    long first = 0;
    for (ExportIndex.Shard shard : index.shards()) {
      shards.add(ShardFile.check(folder, index, shard, first));
      first += shard.count();
    }
    int[] labels = null;
    if (index.labelled()) {
      // The points are there by now, so that this is small beside them.
      labels = new int[(int) size];
      for (ShardFile shard : shards) {
        shard.readLabels(labels);
      }
    }
    return new ShardedDataSet(folder, index, pointShape, List.copyOf(shards), labels);
  }

  @Override
  public String source() {
    return folder.toString();
  }

  @Override
  public long size() {
    ShardFile last = shards.getLast();
    return last.first() + last.count();
  }

  @Override
  public TensorShape pointShape() {
    return pointShape;
  }

  @Override
  public String contentKey() throws BadInputException {
    return contentKey.of(this);
  }

  @Override
  public int @Nullable [] labels() {
    return labels == null ? null : labels.clone();
  }

  @Override
  public ElementType type() {
    return index.type();
  }

  @Override
  public void read(long from, int count, FloatBuffer target) throws BadInputException {
    int start = target.position();
    readStored(from, count, target);
    PointValues.convert(source(), index.type(), target.slice(start, count * width), from, width);
  }

  @Override
  public void readStored(long from, int count, FloatBuffer target) throws BadInputException {
    Objects.checkFromIndexSize(from, count, size());
    Objects.checkFromIndexSize(0, Math.multiplyExact(count, width), target.remaining());
    long row = from;
    int left = count;
    for (int i = shardOf(from); left > 0; i++) {
      ShardFile shard = shards.get(i);
      int inShard = Math.toIntExact(row - shard.first());
      int rows = Math.min(left, shard.count() - inShard);
      FloatBuffer block = target.slice(target.position(), rows * width);
      readShard(shard, (long) inShard * width, block);
      target.position(target.position() + rows * width);
      row += rows;
      left -= rows;
    }
  }

  private int shardOf(long row) {
    int low = 0;
    int high = shards.size() - 1;
    while (low < high) {
      int middle = (low + high + 1) >>> 1;
      if (shards.get(middle).first() <= row) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }

  private synchronized void readShard(ShardFile shard, long element, FloatBuffer block)
      throws BadInputException {
    SafetensorsFile file = opened(shard);
    file.readFloats(ShardFile.POINTS, element, block);
    file.verifyUnchanged();
  }

  private SafetensorsFile opened(ShardFile shard) throws BadInputException {
    Open found = null;
    for (Open candidate : open) {
      if (candidate.shard.equals(shard)) {
        found = candidate;
      }
    }
    if (found == null) {
      found = new Open(shard, shard.open());
      if (open.size() == MOST_OPEN) {
        open.removeLast().file.close();
      }
    } else {
      open.remove(found);
    }
    open.addFirst(found);
    return found.file;
  }

  @Override
  public synchronized void close() {
    open.forEach(o -> o.file.close());
    open.clear();
  }
}
