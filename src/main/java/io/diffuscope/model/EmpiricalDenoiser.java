package io.diffuscope.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.model.DevicePoints.Block;
import io.diffuscope.tensorfile.BadInputException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.Objects;
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
 * radius of the centred set (16 times that by {@link ExactProducts} with TF32). Where that exceeds
 * {@value #FLOAT_LOGIT_ERROR} they are computed in float64 (some of the last steps of a flow), and
 * in float32 everywhere else. The weights, all at most 1, and their products with the points are
 * float32 always: twice as fast, and as exact as the points themselves.
 */
public final class EmpiricalDenoiser implements Denoiser {
  private static final double FLOAT_LOGIT_ERROR = 1e-3;

  private final DevicePoints points;
  private final ExactProducts products;

  private EmpiricalDenoiser(DevicePoints points, ExactProducts products) {
    this.points = points;
    this.products = products;
  }

  /** The denoiser of these points, which stay the caller's to close. */
  public static EmpiricalDenoiser create(DevicePoints points) {
    return create(points, points.products());
  }

  /** As {@link #create(DevicePoints)}, with products of its own. */
  static EmpiricalDenoiser create(DevicePoints points, ExactProducts products) {
    return new EmpiricalDenoiser(points, products);
  }

  @Override
  public int dimension() {
    return points.dimension();
  }

  /** {@inheritDoc} Throws {@link UncheckedIOException} if points on disk can no longer be read. */
  @Override
  public NDArray denoise(NDArray x, double sigma) {
    return denoise(x, sigma, null);
  }

  /**
   * {@inheritDoc} The mean of row i goes over the points of class {@code labels[i]} alone; over all
   * points for −1.
   *
   * @throws IllegalArgumentException for a class that no point has
   */
  @Override
  public Denoiser given(int[] labels) {
    for (int label : labels) {
      if (label != -1 && !points.classes().contains(label)) {
        throw new IllegalArgumentException(
            "no point is of class %d; there are %s"
                .formatted(
                    label,
                    points.classes().isEmpty() ? "no labels" : "the classes " + points.classes()));
      }
    }
    return Arrays.stream(labels).allMatch(label -> label == -1) ? this : new Given(labels.clone());
  }

  /** The denoiser for points of known classes. */
  private final class Given implements Denoiser {
    private final int[] labels;

    Given(int[] labels) {
      this.labels = labels;
    }

    @Override
    public int dimension() {
      return EmpiricalDenoiser.this.dimension();
    }

    @Override
    public NDArray denoise(NDArray x, double sigma) {
      if (x.getShape().get(0) != labels.length) {
        throw new IllegalArgumentException(
            "%d labels for points of shape %s".formatted(labels.length, x.getShape()));
      }
      return EmpiricalDenoiser.this.denoise(x, sigma, labels);
    }

    @Override
    public Denoiser given(int[] others) {
      return EmpiricalDenoiser.this.given(others);
    }
  }

  private NDArray denoise(NDArray x, double sigma, int @Nullable [] labels) {
    DataType type = precision(sigma);
    int d = dimension();
    try (NDManager scratch = x.getManager().newSubManager()) {
      NDArray centre = scratch.create(points.centre(), new Shape(1, d));
      // Working on x / sigma^2 once instead of on every block of logits saves a pass over each.
      NDArray scaled = x.sub(centre).divi(sigma * sigma).toType(type, false);
      ClassMask mask = labels == null ? null : new ClassMask(scratch, labels);
      RunningSoftmax softmax = new RunningSoftmax(products);
      points.forEachBlock(
          scratch,
          (first, stored) -> {
            try (NDManager local = scratch.newSubManager()) {
              Block block = type == DataType.FLOAT64 ? stored.toDouble(local) : stored;
              NDArray logits = products.matMul(scaled, block.transposed());
              logits.attach(local);
              NDArray penalty = block.halfSquaredNorms().duplicate();
              penalty.attach(local);
              logits.subi(penalty.divi(sigma * sigma));
              if (mask != null) {
                mask.apply(logits, block, local);
              }
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
    double error = products.rounding() * points.largestSquaredNorm() / (sigma * sigma);
    return error > FLOAT_LOGIT_ERROR ? DataType.FLOAT64 : DataType.FLOAT32;
  }

  /**
   * Takes the points of other classes out of the softmax. A block may hold none of a row's class:
   * its points then weigh alike, until the first block with one of the class outweighs them all. So
   * what is subtracted is finite, and so large that exp of it is 0.
   */
  private static final class ClassMask {
    private static final double OUT = 1e30;

    /** Class of every row, int32 {@code [B, 1]}, and whether it has one. */
    private final NDArray classes;

    private final NDArray given;

    ClassMask(NDManager manager, int[] labels) {
      classes = manager.create(labels, new Shape(labels.length, 1));
      given = classes.gte(0);
    }

    void apply(NDArray logits, Block block, NDManager local) {
      NDArray other = classes.neq(Objects.requireNonNull(block.labels())).logicalAnd(given);
      other.attach(local);
      NDArray penalty = other.toType(logits.getDataType(), false).muli(OUT);
      penalty.attach(local);
      logits.subi(penalty);
    }
  }

  /**
   * Softmax-weighted mean over blocks, with the maximum carried along (log-sum-exp in one pass).
   * The maximum has the type of the logits; what follows from differences to it is float32.
   */
  private static final class RunningSoftmax {
    private final ExactProducts products;
    private @Nullable NDArray maximum;
    private @Nullable NDArray total;
    private @Nullable NDArray weighted;

    RunningSoftmax(ExactProducts products) {
      this.products = products;
    }

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
      NDArray newWeighted = products.matMul(weights, points);
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
