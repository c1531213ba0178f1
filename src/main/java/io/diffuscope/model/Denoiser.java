package io.diffuscope.model;

import ai.djl.ndarray.NDArray;

/**
 * A denoiser in sigma space: {@code D(x; sigma) = E[x0 | x0 + sigma * eps = x]}.
 *
 * <p>All denoisers of Diffuscope, closed forms and networks alike, speak this one interface, so
 * that a probability flow, a denoising loss or a distance treats a trained network and the
 * empirical distribution of its training set in the same way.
 *
 * <pre>{@code
 * try (NDManager manager = NDManager.newBaseManager()) {
 *   NDArray x = manager.randomNormal(new Shape(512, 64)).toType(DataType.FLOAT64, false).mul(80);
 *   NDArray x0 = denoiser.denoise(x, 80.0);
 * }
 * }</pre>
 *
 * <p>Instances belong to one thread, the one that made them.
 */
public interface Denoiser extends AutoCloseable {
  /** Number of elements of one point. */
  int dimension();

  /**
   * The posterior mean at one noise level.
   *
   * @param x noisy points, float64 {@code [B, d]}, in the model's own units
   * @param sigma noise level, in the same units, above 0
   * @return {@code E[x0 | x]}, float64 {@code [B, d]}, attached to the manager of {@code x}
   */
  NDArray denoise(NDArray x, double sigma);

  /**
   * This denoiser for points of known classes: row i of every {@code x} belongs to class {@code
   * labels[i]}. A denoiser that knows no classes returns itself. Closing it closes nothing.
   *
   * @param labels {@code [B]}; −1 stands for "no class"
   */
  default Denoiser given(int[] labels) {
    return this;
  }

  @Override
  default void close() {}
}
