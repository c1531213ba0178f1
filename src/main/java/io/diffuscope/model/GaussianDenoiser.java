package io.diffuscope.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;

/**
 * The denoiser of a Gaussian N(mu, S) with S = U diag(v) U^T: {@code D(x; sigma) = mu + U diag(v /
 * (v + sigma^2)) U^T (x - mu)}.
 */
public final class GaussianDenoiser implements Denoiser {
  private final NDManager manager;
  private final NDArray mean;
  private final NDArray basis;
  private final NDArray basisTransposed;
  private final double[] variances;

  private GaussianDenoiser(NDManager manager, NDArray mean, NDArray basis, double[] variances) {
    this.manager = manager;
    this.mean = mean;
    this.basis = basis;
    // Made once: a view is attached to the manager of its array and would pile up there.
    this.basisTransposed = basis.transpose();
    this.variances = variances;
  }

  /**
   * A Gaussian by its eigendecomposition.
   *
   * @param parent manager whose device holds the parameters
   * @param mean {@code [d]}
   * @param basis {@code [d][d]}, orthonormal columns: the eigenvectors of the covariance
   * @param variances {@code [d]}, the eigenvalues, not negative
   */
  public static GaussianDenoiser create(
      NDManager parent, double[] mean, double[][] basis, double[] variances) {
    int d = mean.length;
    if (basis.length != d || variances.length != d) {
      throw new IllegalArgumentException(
          "mean, basis and variances disagree about the dimension: %d, %d, %d"
              .formatted(d, basis.length, variances.length));
    }
    NDManager manager = parent.newSubManager();
    double[] flat = Arrays.stream(basis).flatMapToDouble(Arrays::stream).toArray();
    return new GaussianDenoiser(
        manager,
        manager.create(mean, new Shape(1, d)),
        manager.create(flat, new Shape(d, d)),
        variances.clone());
  }

  @Override
  public int dimension() {
    return Math.toIntExact(mean.size());
  }

  @Override
  public NDArray denoise(NDArray x, double sigma) {
    double[] gains = Arrays.stream(variances).map(v -> v / (v + sigma * sigma)).toArray();
    NDArray gain = x.getManager().create(gains, new Shape(1, gains.length));
    return x.sub(mean).matMul(basis).muli(gain).matMul(basisTransposed).addi(mean);
  }

  @Override
  public void close() {
    manager.close();
  }
}
