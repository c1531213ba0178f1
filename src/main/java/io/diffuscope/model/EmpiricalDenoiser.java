package io.diffuscope.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.model.DevicePoints.Block;
import io.diffuscope.tensorfile.BadInputException;
import java.io.UncheckedIOException;
import org.jspecify.annotations.Nullable;

/**
 * The denoiser of the empirical distribution of a data set: {@code D(x; sigma) = sum_i
 * softmax_i(-|x - y_i|^2 / (2 sigma^2)) y_i}.
 *
 * <p>It is what a network that has memorized its training set completely would compute; its
 * probability flow is the reference of E_mem. The points are visited in blocks and the softmax is
 * carried along with a running maximum, so memory does not grow with their number and no sigma
 * overflows.
 *
 * <p>Precision: logits lose about {@code 2^-24 R^2 / sigma^2} to rounding in float32, R being the
 * radius of the centred set. Where that exceeds {@value #FLOAT_LOGIT_ERROR} they are computed in
 * float64 (some of the last steps of a flow), and in float32 everywhere else. The weights, all at
 * most 1, and their products with the points are float32 always: twice as fast, and as exact as the
 * points themselves.
 */
public final class EmpiricalDenoiser implements Denoiser {
  private static final double FLOAT_LOGIT_ERROR = 1e-3;
  private static final double FLOAT_ROUNDING = Math.pow(2, -24);

  private final DevicePoints points;

  private EmpiricalDenoiser(DevicePoints points) {
    this.points = points;
  }

  /** The denoiser of these points, which stay the caller's to close. */
  public static EmpiricalDenoiser create(DevicePoints points) {
    return new EmpiricalDenoiser(points);
  }

  @Override
  public int dimension() {
    return points.dimension();
  }

  /** {@inheritDoc} Throws {@link UncheckedIOException} if points on disk can no longer be read. */
  @Override
  public NDArray denoise(NDArray x, double sigma) {
    DataType type = precision(sigma);
    int d = dimension();
    try (NDManager scratch = x.getManager().newSubManager()) {
      NDArray centre = scratch.create(points.centre(), new Shape(1, d));
      // Working on x / sigma^2 once instead of on every block of logits saves a pass over each.
      NDArray scaled = x.sub(centre).divi(sigma * sigma).toType(type, false);
      RunningSoftmax softmax = new RunningSoftmax();
      points.forEachBlock(
          scratch,
          (first, stored) -> {
            try (NDManager local = scratch.newSubManager()) {
              Block block = type == DataType.FLOAT64 ? stored.toDouble(local) : stored;
              NDArray logits = scaled.matMul(block.transposed());
              logits.attach(local);
              NDArray penalty = block.halfSquaredNorms().duplicate();
              penalty.attach(local);
              logits.subi(penalty.divi(sigma * sigma));
              softmax.add(logits, stored.points(), scratch);
            }
          });
      NDArray mean = softmax.mean().toType(DataType.FLOAT64, true).addi(centre);
      mean.attach(x.getManager());
      return mean;
    } catch (BadInputException e) {
      throw new UncheckedIOException(e);
    }
  }

  private DataType precision(double sigma) {
    double error = FLOAT_ROUNDING * points.largestSquaredNorm() / (sigma * sigma);
    return error > FLOAT_LOGIT_ERROR ? DataType.FLOAT64 : DataType.FLOAT32;
  }

  /**
   * Softmax-weighted mean over blocks, with the maximum carried along (log-sum-exp in one pass).
   * The maximum has the type of the logits; what follows from differences to it is float32.
   */
  private static final class RunningSoftmax {
    private @Nullable NDArray maximum;
    private @Nullable NDArray total;
    private @Nullable NDArray weighted;

    /** Adds a block; what is kept is attached to {@code owner}. */
    void add(NDArray logits, NDArray points, NDManager owner) {
      NDArray newMaximum = logits.max(new int[] {1}, true);
      NDArray shrink = null;
      if (maximum != null) {
        newMaximum = NDArrays.maximum(newMaximum, maximum);
        shrink = newMaximum.sub(maximum).negi().toType(DataType.FLOAT32, false).exp();
      }
      NDArray weights = logits.subi(newMaximum).toType(DataType.FLOAT32, false).exp();
      NDArray newTotal = weights.sum(new int[] {1}, true);
      NDArray newWeighted = weights.matMul(points);
      if (shrink != null && total != null && weighted != null) {
        newTotal.addi(total.muli(shrink));
        newWeighted.addi(weighted.muli(shrink));
      }
      // Freed now: the owner lives as long as the visit of all blocks.
      close(maximum);
      close(total);
      close(weighted);
      maximum = newMaximum;
      total = newTotal;
      weighted = newWeighted;
      maximum.attach(owner);
      total.attach(owner);
      weighted.attach(owner);
    }

    private static void close(@Nullable NDArray array) {
      if (array != null) {
        array.close();
      }
    }

    NDArray mean() {
      if (weighted == null || total == null) {
        throw new IllegalStateException("a data set without points has no denoiser");
      }
      return weighted.div(total);
    }
  }
}
