package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.model.Denoiser;
import io.diffuscope.sampling.GaussianNoise.Purpose;
import io.diffuscope.sampling.Observation.DenoisingObservation;
import io.diffuscope.tensorfile.BadInputException;
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
    int first = block * batch;
    int rows = Math.min(batch, plan.rows() - first);
    Shape shape = new Shape(batch, d);
    try (NDManager scratch = manager.newSubManager()) {
      NDArray clean =
          kept.get(plan, "clean", block, shape, scratch, () -> plan.images(first, rows, batch));
      NDArray noise = kept.get(plan, "noise", block, shape, scratch, () -> noises(first, rows));
      NDArray noisy = noise.mul(sigma);
      noisy.attach(scratch);
      int[] labels = plan.labels(first, rows, batch);
      Denoiser conditioned = labels == null ? denoiser : denoiser.given(labels);
      NDArray denoised = conditioned.denoise(noisy.addi(clean), sigma);
      NDArray error = denoised.subi(clean).square();
      NDArray loss = error.sum(new int[] {1}).divi(d * sigma * sigma);
      losses = Arrays.copyOf(loss.toDoubleArray(), rows);
    }
    finished = true;
    return false;
  }

  private double[] noises(int first, int rows) {
    return new GaussianNoise(probe.spec().seed(), Purpose.DENOISING)
        .rows(rows, probe.spec().batchSize(), probe.dimension(), i -> plan.row(first + i).noise());
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
