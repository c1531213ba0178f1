package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
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
  private final KeptArrays kept;
  private final Denoiser denoiser;
  private final Probe probe;
  private final DenoisingPlan plan;
  private final double sigma;
  private final int block;
  private double[] losses = new double[0];
  private boolean finished;

  DenoisingTask(
      NDManager parent,
      KeptArrays kept,
      Denoiser denoiser,
      Probe probe,
      DenoisingPlan plan,
      double sigma,
      int block) {
    this.manager = parent.newSubManager();
    this.kept = kept;
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
    int rows = Math.min(batch, plan.rows() - block * batch);
    Shape shape = new Shape(batch, d);
    try (NDManager scratch = manager.newSubManager()) {
      NDArray clean = kept.get(plan, "clean", block, shape, scratch, () -> images(rows));
      NDArray noise = kept.get(plan, "noise", block, shape, scratch, () -> noises(rows));
      NDArray noisy = noise.mul(sigma);
      noisy.attach(scratch);
      int[] labels = plan.labels(block * batch, rows, batch);
      Denoiser conditioned = labels == null ? denoiser : denoiser.given(labels);
      NDArray denoised = conditioned.denoise(noisy.addi(clean), sigma);
      NDArray error = denoised.subi(clean).square();
      NDArray loss = error.sum(new int[] {1}).divi(d * sigma * sigma);
      losses = Arrays.copyOf(loss.toDoubleArray(), rows);
    }
    finished = true;
    return false;
  }

  private double[] images(int rows) throws BadInputException {
    int d = probe.dimension();
    double[] values = new double[probe.spec().batchSize() * d];
    FloatBuffer image = FloatBuffer.allocate(d);
    for (int i = 0; i < rows; i++) {
      DenoisingPlan.Row row = rowOfBlock(i);
      row.set().read(row.image(), 1, image.clear());
      for (int j = 0; j < d; j++) {
        values[i * d + j] = image.get(j);
      }
    }
    return values;
  }

  private double[] noises(int rows) {
    int d = probe.dimension();
    double[] values = new double[probe.spec().batchSize() * d];
    GaussianNoise noise = new GaussianNoise(probe.spec().seed(), Purpose.DENOISING);
    for (int i = 0; i < rows; i++) {
      noise.fill(rowOfBlock(i).noise(), values, i * d, d);
    }
    return values;
  }

  private DenoisingPlan.Row rowOfBlock(int i) {
    return plan.row(block * probe.spec().batchSize() + i);
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
