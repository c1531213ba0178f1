package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.diffuscope.model.NetworkDenoiser;
import io.diffuscope.model.Pooling;
import io.diffuscope.tensorfile.BadInputException;
import java.nio.file.Path;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Hidden representations {@code h(x + sigma eps; sigma)} of some images, on the host. */
final class NoisyFeatures {
  /** Where images and noises of a block come from: float64 {@code [batch, d]}. */
  @FunctionalInterface
  interface Blocks {
    /**
     * One block.
     *
     * @param scratch may own it
     */
    NDArray of(int block, NDManager scratch) throws BadInputException;
  }

  private final NetworkDenoiser network;
  private final double sigma;
  private final Pooling pooling;
  private final int batch;
  private final Blocks images;
  private final Blocks noises;
  private final @Nullable Path checkpoint;
  private final double[][] features;
  private int done;

  /**
   * Nothing made yet.
   *
   * @param rows how many images
   * @param batch rows in one block
   * @param noises standard normal; not to be changed
   * @param checkpoint for messages
   */
  NoisyFeatures(
      NetworkDenoiser network,
      double sigma,
      Pooling pooling,
      int rows,
      int batch,
      Blocks images,
      Blocks noises,
      @Nullable Path checkpoint) {
    this.network = network;
    this.sigma = sigma;
    this.pooling = pooling;
    this.batch = batch;
    this.images = images;
    this.noises = noises;
    this.checkpoint = checkpoint;
    this.features = new double[rows][];
  }

  /**
   * One block; false once all are made.
   *
   * @throws BadInputException where the network returns what is no number
   */
  boolean advance(NDManager manager) throws BadInputException {
    if (done == features.length) {
      return false;
    }
    int count = Math.min(batch, features.length - done);
    try (NDManager scratch = manager.newSubManager()) {
      NDArray noisy = noises.of(done / batch, scratch).mul(sigma);
      noisy.attach(scratch);
      noisy.addi(images.of(done / batch, scratch));
      NDArray found = network.represent(noisy, sigma, null, pooling);
      found.attach(scratch);
      int length = Math.toIntExact(found.getShape().get(1));
      float[] values = found.toFloatArray();
      for (int i = 0; i < count; i++) {
        features[done + i] = row(values, i * length, length);
      }
    }
    done += count;
    return true;
  }

  private double[] row(float[] values, int from, int length) throws BadInputException {
    double[] row = new double[length];
    for (int j = 0; j < length; j++) {
      row[j] = values[from + j];
      if (!Double.isFinite(row[j])) {
        throw SampleTask.diverged(checkpoint);
      }
    }
    return row;
  }

  /** Share of the images that are done, 0 to 1. */
  double progress() {
    return (double) done / features.length;
  }

  /** Features of some images, {@code [to - from][F]}, not copied. */
  double[][] rows(int from, int to) {
    return Arrays.copyOfRange(features, from, to);
  }
}
