package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import io.diffuscope.sampling.Observation.FidelityObservation;
import java.util.BitSet;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How one block of samples lies among the hold-out points: kernels and balls, some rows a piece.
 */
final class FidelityTask implements Task<FidelityObservation> {
  private static final int[] ELEMENTS = {1};

  private final NDManager manager;
  private final FidelityReference reference;
  private final int block;
  private final long first;
  private final NDArray samples;
  private final NDArray transposed;
  private final int rows;
  private final double[] within;
  private final double[] across;
  private final int[] balls;
  private final BitSet covered;
  private int row;
  private @Nullable FidelityObservation result;

  /**
   * A block.
   *
   * @param features of the samples, float32 {@code [rows, d]}; stays the caller's to close
   * @param first index of its first noise
   */
  FidelityTask(
      NDManager parent, FidelityReference reference, int block, long first, NDArray features) {
    this.manager = parent.newSubManager();
    this.reference = reference;
    this.block = block;
    this.first = first;
    NDArray wide = features.toType(DataType.FLOAT64, true);
    wide.attach(manager);
    this.samples = wide;
    this.transposed = wide.transpose();
    this.rows = Math.toIntExact(features.getShape().get(0));
    this.within = new double[rows];
    this.across = new double[rows];
    this.balls = new int[rows];
    this.covered = new BitSet(reference.count());
  }

  @Override
  public boolean advance() {
    if (reference.advance()) {
      return true;
    }
    if (row == rows) {
      result =
          new FidelityObservation(
              block,
              first,
              within,
              across,
              balls,
              covered.toByteArray(),
              reference.count(),
              reference.meanKernel());
      return false;
    }
    int some = reference.pieceRows(reference.count() + rows, rows - row);
    try (NDManager scratch = manager.newSubManager()) {
      NDArray mine = samples.get("%d:%d".formatted(row, row + some));
      mine.attach(scratch);
      NDArray products = reference.products(mine);
      double[] others = reference.kernel(products).mean(ELEMENTS).toDoubleArray();
      double[] all = reference.kernel(mine.matMul(transposed)).sum(ELEMENTS).toDoubleArray();
      double[] own = reference.ownKernels(mine);
      NDArray inside = reference.squaredDistances(mine, products).lt(reference.squaredRadii());
      NDArray counts = inside.toType(DataType.INT32, true);
      int[] around = counts.sum(ELEMENTS).toType(DataType.INT32, false).toIntArray();
      int[] hit = counts.max(new int[] {0}).toType(DataType.INT32, false).toIntArray();
      for (int i = 0; i < some; i++) {
        across[row + i] = others[i];
        within[row + i] = rows < 2 ? Double.NaN : (all[i] - own[i]) / (rows - 1);
        balls[row + i] = around[i];
      }
      for (int j = 0; j < hit.length; j++) {
        if (hit[j] > 0) {
          covered.set(j);
        }
      }
    }
    row += some;
    return true;
  }

  @Override
  public double progress() {
    return reference.progress() < 1 ? reference.progress() / 2 : .5 + .5 * row / rows;
  }

  @Override
  public FidelityObservation result() {
    return Objects.requireNonNull(result, "the block has not been measured");
  }

  @Override
  public void close() {
    manager.close();
  }
}
