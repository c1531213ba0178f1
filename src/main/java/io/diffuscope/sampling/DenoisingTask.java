package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.data.DataSet;
import io.diffuscope.model.Denoiser;
import io.diffuscope.sampling.GaussianNoise.Purpose;
import io.diffuscope.sampling.Observation.DenoisingObservation;
import io.diffuscope.tensorfile.BadInputException;
import java.nio.FloatBuffer;
import java.util.Arrays;

/**
 * One block of the denoising loss {@code |D(y + sigma eps; sigma) - y|^2 / (d sigma^2)} at one
 * noise level.
 *
 * <p>The i-th image of the hold-out set gets the same noises as the i-th of the training set, at
 * every noise level and checkpoint, so that differences are paired.
 */
class DenoisingTask implements Task<DenoisingObservation> {
  private final NDManager manager;
  private final Denoiser denoiser;
  private final Probe probe;
  private final DenoisingPlan plan;
  private final double sigma;
  private final int block;
  private double[] losses = new double[0];
  private boolean finished;

  DenoisingTask(
      NDManager parent,
      Denoiser denoiser,
      Probe probe,
      DenoisingPlan plan,
      double sigma,
      int block) {
    this.manager = parent.newSubManager();
    this.denoiser = denoiser;
    this.probe = probe;
    this.plan = plan;
    this.sigma = sigma;
    this.block = block;
  }

  @Override
  public boolean advance() throws BadInputException {
    if (finished) {
      return false;
    }
    int d = probe.dimension();
    int batch = probe.spec().batchSize();
    int firstRow = block * batch;
    int rows = Math.min(batch, plan.rows() - firstRow);
    double[] clean = new double[batch * d];
    double[] noisy = new double[batch * d];
    GaussianNoise noise = new GaussianNoise(probe.spec().seed(), Purpose.DENOISING);
    FloatBuffer image = FloatBuffer.allocate(d);
    for (int i = 0; i < rows; i++) {
      DenoisingPlan.Row row = plan.row(firstRow + i);
      read(row.set(), row.image(), image);
      noise.fill(row.noise(), noisy, i * d, d);
      for (int j = i * d; j < (i + 1) * d; j++) {
        clean[j] = image.get(j - i * d);
        noisy[j] = clean[j] + sigma * noisy[j];
      }
    }
    try (NDManager scratch = manager.newSubManager()) {
      NDArray denoised = denoiser.denoise(scratch.create(noisy, new Shape(batch, d)), sigma);
      NDArray error = denoised.subi(scratch.create(clean, new Shape(batch, d))).square();
      NDArray loss = error.sum(new int[] {1}).divi(d * sigma * sigma);
      losses = Arrays.copyOf(loss.toDoubleArray(), rows);
    }
    finished = true;
    return false;
  }

  private static void read(DataSet set, int index, FloatBuffer destination)
      throws BadInputException {
    set.read(index, 1, destination.clear());
  }

  @Override
  public double progress() {
    return finished ? 1 : 0;
  }

  @Override
  public DenoisingObservation result() throws BadInputException {
    return new DenoisingObservation(block, sigma, (long) block * probe.spec().batchSize(), losses);
  }

  @Override
  public void close() {
    manager.close();
  }
}
