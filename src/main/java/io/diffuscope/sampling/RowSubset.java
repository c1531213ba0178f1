package io.diffuscope.sampling;

import io.diffuscope.data.ContentHash;
import io.diffuscope.data.DataSet;
import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.TensorShape;
import java.nio.FloatBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Some rows of a data set, in ascending order. Closing it leaves the set open. */
final class RowSubset implements DataSet {
  private final DataSet set;
  private final int[] rows;

  private RowSubset(DataSet set, int[] rows) {
    this.set = set;
    this.rows = rows;
  }

  /** These rows of a set, or the set itself if they are all of it. */
  static DataSet of(DataSet set, int[] rows) {
    return rows.length == set.size() ? set : new RowSubset(set, rows);
  }

  @Override
  public String source() {
    return set.source();
  }

  @Override
  public long size() {
    return rows.length;
  }

  @Override
  public TensorShape pointShape() {
    return set.pointShape();
  }

  @Override
  public String contentKey() throws BadInputException {
    return ContentHash.of(set.contentKey(), Arrays.toString(rows));
  }

  @Override
  public void read(long from, int count, FloatBuffer destination) throws BadInputException {
    int d = Math.toIntExact(pointShape().elements());
    int position = destination.position();
    // Runs of consecutive rows are read at once.
    for (int i = 0; i < count; ) {
      int run = 1;
      while (i + run < count && rows[(int) from + i + run] == rows[(int) from + i] + run) {
        run++;
      }
      set.read(rows[(int) from + i], run, destination.slice(position + i * d, run * d));
      i += run;
    }
    destination.position(position + count * d);
  }

  @Override
  public int @Nullable [] labels() {
    int[] all = set.labels();
    return all == null ? null : Arrays.stream(rows).map(row -> all[row]).toArray();
  }

  @Override
  public void close() {}
}
