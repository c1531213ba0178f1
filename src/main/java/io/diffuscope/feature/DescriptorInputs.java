package io.diffuscope.feature;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.feature.Preprocessing.Channels;
import io.diffuscope.feature.Preprocessing.Resize;
import io.diffuscope.feature.Preprocessing.Sides;
import io.diffuscope.model.ExactProducts;
import io.diffuscope.tensorfile.TensorShape;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * From images in [-1, 1] to what a descriptor takes.
 *
 * <p>Resizing is two matrix products, {@code A_h X A_w^T}, and so in floating point throughout, as
 * torchvision resizes tensors. Torchvision resizes PIL images with the same weights, and rounds to
 * 8 bits after each of the two passes.
 */
final class DescriptorInputs {
  private static final float LEVELS = 255;

  private final Preprocessing preprocessing;
  private final TensorShape shape;
  private final Sides given;
  private final ExactProducts products;
  private final @Nullable NDArray rowWeights;
  private final @Nullable NDArray columnWeights;
  private final NDArray mean;
  private final NDArray std;

  /**
   * For images of one shape.
   *
   * @param manager owns the weights
   */
  DescriptorInputs(Preprocessing preprocessing, TensorShape shape, NDManager manager) {
    this.preprocessing = preprocessing;
    this.shape = shape;
    this.products = ExactProducts.on(manager.getDevice());
    int height = Math.toIntExact(shape.dimension(1));
    int width = Math.toIntExact(shape.dimension(2));
    Sides resized = preprocessing.resized(height, width);
    this.given = preprocessing.given(resized);
    if (preprocessing.resize() == Resize.NONE && preprocessing.crop() == null) {
      rowWeights = null;
      columnWeights = null;
    } else {
      rowWeights = weights(height, resized.height(), given.height(), manager);
      columnWeights = weights(width, resized.width(), given.width(), manager);
    }
    this.mean = perChannel(preprocessing.mean(), manager);
    this.std = perChannel(preprocessing.std(), manager);
  }

  /** {@code [in, crop]}: an axis as it is multiplied from the right. */
  private NDArray weights(int in, int out, int crop, NDManager manager) {
    // As torchvision's center_crop: half to even.
    int from = (int) Math.rint((out - crop) / 2.0);
    float[] matrix = preprocessing.interpolation().weights(in, out, from, crop);
    return manager.create(matrix, new Shape(crop, in)).transpose();
  }

  private NDArray perChannel(List<Double> values, NDManager manager) {
    float[] three = new float[values.size()];
    for (int i = 0; i < three.length; i++) {
      three[i] = values.get(i).floatValue();
    }
    return manager.create(three, new Shape(1, three.length, 1, 1));
  }

  /** Elements of what the descriptor takes for one image. */
  long elements() {
    return (long) Preprocessing.RGB_CHANNELS * given.height() * given.width();
  }

  /** What the descriptor takes for so many images. */
  Shape shape(long count) {
    return new Shape(count, Preprocessing.RGB_CHANNELS, given.height(), given.width());
  }

  /**
   * Prepares images.
   *
   * @param images float32 {@code [B, d]}
   * @param scratch owns the result
   * @return float32 {@code [B, 3, H, W]}
   */
  NDArray of(NDArray images, NDManager scratch) {
    long count = images.getShape().get(0);
    NDArray unit = unit(images, scratch);
    unit = unit.reshape(new Shape(shape.withFirst(count).toArray()));
    NDArray columns = columnWeights;
    NDArray rows = rowWeights;
    if (columns != null && rows != null) {
      unit = alongLast(alongLast(unit, columns).swapAxes(2, 3), rows).swapAxes(2, 3);
    }
    if (shape.dimension(0) == 1) {
      unit = NDArrays.concat(new NDList(unit, unit, unit), 1);
    }
    NDArray normalised = unit.sub(mean).divi(std);
    return preprocessing.channels() == Channels.RGB ? normalised : normalised.flip(1);
  }

  /** In [0, 1]. */
  private NDArray unit(NDArray images, NDManager scratch) {
    if (!preprocessing.roundToBytes()) {
      NDArray unit = images.add(1);
      unit.attach(scratch);
      return unit.divi(2).clip(0, 1);
    }
    NDArray levels = images.mul(LEVELS / 2);
    levels.attach(scratch);
    return levels.addi((1 + LEVELS) / 2).clip(0, LEVELS).floor().divi(LEVELS);
  }

  private NDArray alongLast(NDArray images, NDArray weights) {
    Shape before = images.getShape();
    long lines = before.size() / before.get(3);
    return products
        .matMul(images.reshape(lines, before.get(3)), weights)
        .reshape(before.get(0), before.get(1), before.get(2), weights.getShape().get(1));
  }
}
