package io.diffuscope.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.data.MixtureParameters;

/**
 * The denoiser of a mixture of low-rank Gaussians (MoLRG) with means and residual variance.
 *
 * <p>Component k has covariance {@code S_k = U_k diag(v_k) U_k^T + s_k (I - U_k U_k^T)}. With the
 * posterior weights gamma_k of x under N(m_k, S_k + sigma^2 I),
 *
 * <pre>{@code D(x; sigma) = sum_k gamma_k [ m_k + s_k/(s_k + sigma^2) (x - m_k)
 *     + U_k diag(v_k/(v_k + sigma^2) - s_k/(s_k + sigma^2)) U_k^T (x - m_k) ].}</pre>
 *
 * <p>Means 0, equal v and s = 0 give Lemma 1 of Wang et al., "Diffusion models learn
 * low-dimensional distributions via subspace clustering". All of it is three matrix products in
 * float64.
 */
public final class MixtureDenoiser implements Denoiser {
  private final NDManager manager;
  private final MixtureParameters parameters;
  private final NDArray means;
  private final NDArray meansTransposed;
  private final NDArray allBases;
  private final NDArray allBasesTransposed;
  private final NDArray meanCoordinates;
  private final NDArray halfSquaredMeans;

  private MixtureDenoiser(NDManager parent, MixtureParameters parameters) {
    this.manager = parent.newSubManager();
    this.parameters = parameters;
    int k = parameters.components();
    int d = parameters.dimension();
    int r = parameters.rank();
    double[] flatMeans = parameters.means();
    double[] flatBases = parameters.bases();
    double[] columns = new double[d * k * r];
    double[] projected = new double[k * r];
    double[] halfNorms = new double[k];
    for (int c = 0; c < k; c++) {
      for (int i = 0; i < d; i++) {
        double mean = flatMeans[c * d + i];
        halfNorms[c] += mean * mean / 2;
        for (int j = 0; j < r; j++) {
          double u = flatBases[(c * d + i) * r + j];
          columns[i * k * r + c * r + j] = u;
          projected[c * r + j] += u * mean;
        }
      }
    }
    this.means = manager.create(flatMeans, new Shape(k, d));
    this.allBases = manager.create(columns, new Shape(d, (long) k * r));
    // Made once: a view is attached to the manager of its array and would pile up there.
    this.meansTransposed = means.transpose();
    this.allBasesTransposed = allBases.transpose();
    this.meanCoordinates = manager.create(projected, new Shape(1, (long) k * r));
    this.halfSquaredMeans = manager.create(halfNorms, new Shape(1, k));
  }

  /** A denoiser whose parameters live on the device of {@code parent}. */
  public static MixtureDenoiser create(NDManager parent, MixtureParameters parameters) {
    return new MixtureDenoiser(parent, parameters);
  }

  @Override
  public int dimension() {
    return parameters.dimension();
  }

  @Override
  public NDArray denoise(NDArray x, double sigma) {
    Level level = new Level(parameters, sigma * sigma);
    int k = parameters.components();
    int r = parameters.rank();
    NDManager scratch = x.getManager();
    long batch = x.getShape().get(0);

    NDArray residualPrecision = scratch.create(level.residualPrecision, new Shape(1, k));
    NDArray logConstants = scratch.create(level.logConstants, new Shape(1, k));
    // |x - m|^2 / 2 for all components by one product.
    NDArray halfSquared =
        x.square().sum(new int[] {1}, true).muli(0.5).sub(x.matMul(meansTransposed));
    halfSquared.addi(halfSquaredMeans);
    NDArray logWeights = halfSquared.muli(residualPrecision).neg().addi(logConstants);

    NDArray coordinates = null;
    if (r > 0) {
      coordinates = x.matMul(allBases).subi(meanCoordinates);
      NDArray excess = scratch.create(level.precisionExcess, new Shape(1, (long) k * r));
      NDArray quadratic =
          coordinates.square().muli(excess).reshape(batch, k, r).sum(new int[] {2}).muli(0.5);
      logWeights.subi(quadratic);
    }
    NDArray weights = logWeights.softmax(1);

    NDArray residualGain = scratch.create(level.residualGain, new Shape(1, k));
    NDArray kept = weights.mul(residualGain);
    NDArray result = weights.sub(kept).matMul(means).addi(x.mul(kept.sum(new int[] {1}, true)));
    if (coordinates != null) {
      NDArray gain = scratch.create(level.gainExcess, new Shape(1, (long) k * r));
      NDArray scaled = coordinates.muli(gain).reshape(batch, k, r).mul(weights.expandDims(2));
      result.addi(scaled.reshape(batch, (long) k * r).matMul(allBasesTransposed));
    }
    return result;
  }

  @Override
  public void close() {
    manager.close();
  }

  /** What depends on the noise level but not on x: a few numbers per component. */
  private static final class Level {
    final double[] residualPrecision;
    final double[] logConstants;
    final double[] residualGain;
    final double[] precisionExcess;
    final double[] gainExcess;

    Level(MixtureParameters p, double noise) {
      int k = p.components();
      int r = p.rank();
      residualPrecision = new double[k];
      logConstants = new double[k];
      residualGain = new double[k];
      precisionExcess = new double[k * r];
      gainExcess = new double[k * r];
      double[] weights = p.weights();
      double[] variances = p.variances();
      double[] residualVariance = p.residualVariance();
      for (int c = 0; c < k; c++) {
        // At full rank there is no residual direction: any finite precision cancels out.
        double s = r == p.dimension() ? 0 : residualVariance[c];
        residualPrecision[c] = 1 / (s + noise);
        residualGain[c] = s / (s + noise);
        double logDeterminant = (p.dimension() - r) * Math.log(s + noise);
        for (int j = 0; j < r; j++) {
          double v = variances[c * r + j];
          logDeterminant += Math.log(v + noise);
          precisionExcess[c * r + j] = 1 / (v + noise) - residualPrecision[c];
          gainExcess[c * r + j] = v / (v + noise) - residualGain[c];
        }
        logConstants[c] = Math.log(weights[c]) - logDeterminant / 2;
      }
    }
  }
}
