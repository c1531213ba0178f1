package io.diffuscope.data;

import io.diffuscope.tensorfile.BadInputException;
import io.diffuscope.tensorfile.DoubleArray;
import io.diffuscope.tensorfile.NpzWriter;
import io.diffuscope.tensorfile.TensorShape;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The parameters of a mixture of K low-rank Gaussians in d dimensions: component k has the weight
 * {@code w_k}, the mean {@code mu_k} and the covariance {@code U_k diag(lambda_k) U_k^T + s_k (I -
 * U_k U_k^T)}, with r orthonormal columns in {@code U_k}.
 *
 * <pre>{@code
 * MixtureParameters teacher = MixtureParameters.read(Path.of("teacher.npz"));
 * }</pre>
 *
 * <p>The file is an {@code .npz} with the arrays {@code weights [K]}, {@code means [K, d]}, {@code
 * bases [K, d, r]}, {@code variances [K, r]} (lambda, the total variance along each column) and
 * {@code residual_variance [K]} (s, the variance in every other direction). All are in C order
 * here.
 */
public final class MixtureParameters {
  private final int components;
  private final int dimension;
  private final int rank;
  private final double[] weights;
  private final double[] means;
  private final double[] bases;
  private final double[] variances;
  private final double[] residualVariance;

  /**
   * Copies and checks the parameters.
   *
   * @param components K, at least 1
   * @param dimension d, at least 1
   * @param rank r, from 0 to d
   * @param weights {@code [K]}, non-negative, of sum 1 within 1e-6
   * @param means {@code [K, d]}
   * @param bases {@code [K, d, r]}, orthonormal columns within 1e-5
   * @param variances {@code [K, r]}, non-negative
   * @param residualVariance {@code [K]}, not negative
   * @throws IllegalArgumentException naming the array and what is wrong with it
   */
  public MixtureParameters(
      int components,
      int dimension,
      int rank,
      double[] weights,
      double[] means,
      double[] bases,
      double[] variances,
      double[] residualVariance) {
    this.components = components;
    this.dimension = dimension;
    this.rank = rank;
    this.weights = weights.clone();
    this.means = means.clone();
    this.bases = bases.clone();
    this.variances = variances.clone();
    this.residualVariance = residualVariance.clone();
    MixtureChecks.check(this);
  }

  /**
   * Reads and checks a file.
   *
   * @throws BadInputException as reading an array fails; MISMATCH (an array is missing),
   *     WRONG_SHAPE, NON_FINITE, MALFORMED (values that describe no mixture), each naming the array
   */
  public static MixtureParameters read(Path file) throws BadInputException {
    return MixtureFile.read(file);
  }

  /** Creates or replaces a file that {@link #read} and NumPy can read. */
  public void write(Path file) throws IOException {
    Map<String, DoubleArray> arrays = new LinkedHashMap<>();
    arrays.put("weights", new DoubleArray(TensorShape.of(components), weights));
    arrays.put("means", new DoubleArray(TensorShape.of(components, dimension), means));
    arrays.put("bases", new DoubleArray(TensorShape.of(components, dimension, rank), bases));
    arrays.put("variances", new DoubleArray(TensorShape.of(components, rank), variances));
    arrays.put("residual_variance", new DoubleArray(TensorShape.of(components), residualVariance));
    NpzWriter.write(file, arrays);
  }

  /** K. */
  public int components() {
    return components;
  }

  /** d, the product of the model's shape. */
  public int dimension() {
    return dimension;
  }

  /** r. */
  public int rank() {
    return rank;
  }

  /** {@code [K]}; a copy. */
  public double[] weights() {
    return weights.clone();
  }

  /** {@code [K, d]}; a copy. */
  public double[] means() {
    return means.clone();
  }

  /** {@code [K, d, r]}; a copy. */
  public double[] bases() {
    return bases.clone();
  }

  /** {@code [K, r]}; a copy. */
  public double[] variances() {
    return variances.clone();
  }

  /** {@code [K]}; a copy. */
  public double[] residualVariance() {
    return residualVariance.clone();
  }
}
