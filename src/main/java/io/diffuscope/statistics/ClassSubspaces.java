package io.diffuscope.statistics;

import java.util.Arrays;
import java.util.Comparator;
import java.util.Optional;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.EigenDecomposition_F64;

/**
 * One linear subspace for each class, with the signal-to-noise ratio and the projection classifier
 * of arXiv 2502.05743.
 *
 * <p>For class k with orthonormal basis V_k: SNR_k = E|V_k V_k^T h|^2 / E|h - V_k V_k^T h|^2 over
 * the images of class k, a ratio of expectations, and the SNR is its mean over the classes
 * (Definition 1 there). On networks V_k holds the top 5 right singular vectors of the class's
 * training features, prepared by {@link FeatureMatrix} (appendix D).
 */
public final class ClassSubspaces {
  /** Singular vectors for each class in the paper. */
  public static final int PAPER_DIMENSION = 5;

  /** Singular values below this part of the largest have no direction of their own. */
  private static final double RANK_TOLERANCE = 1e-7;

  /** {@code [classes][dimension][F]}, orthonormal rows; empty for a class without images. */
  private final double[][][] bases;

  private ClassSubspaces(double[][][] bases) {
    this.bases = bases;
  }

  /**
   * Given subspaces, such as those of a known mixture.
   *
   * @param bases {@code [classes][dimension][F]}, orthonormal vectors
   */
  public static ClassSubspaces given(double[][][] bases) {
    return new ClassSubspaces(bases.clone());
  }

  /**
   * The top right singular vectors of each class. Costs, for each class, the eigenvectors of a
   * matrix of the smaller of its images and F: seconds at 200 images and F = 1,280 for ten classes,
   * minutes where both are thousands.
   *
   * @param train prepared training features
   * @param labels their classes, 0 to classes - 1
   * @param classes number of classes
   * @param dimension singular vectors for each class; fewer where a class has a lower rank
   * @throws IllegalArgumentException if labels and features do not fit
   */
  public static ClassSubspaces fit(FeatureMatrix train, int[] labels, int classes, int dimension) {
    FeatureMatrix.checkLabels(train.rows(), labels, classes);
    double[][][] bases = new double[classes][][];
    for (int k = 0; k < classes; k++) {
      bases[k] = basis(train, labels, k, dimension);
    }
    return new ClassSubspaces(bases);
  }

  /**
   * The top right singular vectors of one class, {@code [dimension][F]}, as {@link #fit} takes
   * them.
   *
   * @param label the class; without images it has none
   */
  public static double[][] basis(FeatureMatrix train, int[] labels, int label, int dimension) {
    return rightSingularVectors(FeatureMatrix.ofClass(train.rows(), labels, label), dimension);
  }

  /**
   * The mean SNR over the classes.
   *
   * @param rows features, {@code [n][F]}, prepared as the subspaces' own
   * @param labels their classes
   * @return the SNR; standard error by the delta method over the images of each class, given the
   *     subspaces; 95 % interval of its logarithm. Empty where a class lies in its subspace, as it
   *     does with no more images than dimensions
   * @throws IllegalArgumentException if labels and features do not fit
   */
  public Optional<Estimate> snr(double[][] rows, int[] labels) {
    FeatureMatrix.checkLabels(rows, labels, bases.length);
    double sum = 0;
    double variance = 0;
    int present = 0;
    for (int k = 0; k < bases.length; k++) {
      double[][] own = FeatureMatrix.ofClass(rows, labels, k);
      if (own.length == 0) {
        continue;
      }
      Estimate ratio = ratio(own, bases[k]);
      if (!Double.isFinite(ratio.value())) {
        return Optional.empty();
      }
      present++;
      sum += ratio.value();
      variance += ratio.standardError() * ratio.standardError();
    }
    return Optional.of(
        Intervals.positive(sum / present, Math.sqrt(variance) / present, rows.length));
  }

  private static Estimate ratio(double[][] rows, double[][] basis) {
    int n = rows.length;
    double[] signal = new double[n];
    double[] noise = new double[n];
    double signals = 0;
    double noises = 0;
    double energy = 0;
    for (int i = 0; i < n; i++) {
      signal[i] = projectedEnergy(rows[i], basis);
      double whole = dot(rows[i], rows[i]);
      noise[i] = Math.max(0, whole - signal[i]);
      signals += signal[i];
      noises += noise[i];
      energy += whole;
    }
    if (noises <= 1e-12 * energy) {
      return Estimate.exact(Double.NaN, n);
    }
    double ratio = signals / noises;
    double squares = 0;
    for (int i = 0; i < n; i++) {
      double influence = (signal[i] - ratio * noise[i]) * n / noises;
      squares += influence * influence;
    }
    double error = n < 2 ? Double.NaN : Math.sqrt(squares / (n - 1) / n);
    return new Estimate(ratio, error, Double.NaN, Double.NaN, n);
  }

  /**
   * The projection classifier, argmax_k |h V_k| (table 9 of the paper), on each test image.
   *
   * @param rows test features, {@code [n][F]}, prepared by the training features' mean
   * @param labels their classes
   * @return 1 where the class is right, 0 where not, {@code [n]}
   * @throws IllegalArgumentException if labels and features do not fit
   */
  public double[] correct(double[][] rows, int[] labels) {
    FeatureMatrix.checkLabels(rows, labels, bases.length);
    double[] correct = new double[rows.length];
    for (int i = 0; i < rows.length; i++) {
      int best = 0;
      double most = -1;
      for (int k = 0; k < bases.length; k++) {
        double energy = projectedEnergy(rows[i], bases[k]);
        if (energy > most) {
          most = energy;
          best = k;
        }
      }
      correct[i] = best == labels[i] ? 1 : 0;
    }
    return correct;
  }

  private static double projectedEnergy(double[] row, double[][] basis) {
    double sum = 0;
    for (double[] direction : basis) {
      double part = dot(row, direction);
      sum += part * part;
    }
    return sum;
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int f = 0; f < a.length; f++) {
      sum += a[f] * b[f];
    }
    return sum;
  }

  /**
   * Eigenvectors of the smaller Gram matrix: the top singular vectors need no full decomposition.
   */
  private static double[][] rightSingularVectors(double[][] rows, int dimension) {
    if (rows.length == 0) {
      return new double[0][];
    }
    DMatrixRMaj x = new DMatrixRMaj(rows);
    boolean fewRows = rows.length < x.numCols;
    int size = Math.min(rows.length, x.numCols);
    DMatrixRMaj gram = new DMatrixRMaj(size, size);
    if (fewRows) {
      CommonOps_DDRM.multTransB(x, x, gram);
    } else {
      CommonOps_DDRM.multTransA(x, x, gram);
    }
    EigenDecomposition_F64<DMatrixRMaj> eigen = DecompositionFactory_DDRM.eig(size, true, true);
    if (!eigen.decompose(gram)) {
      throw new IllegalArgumentException(
          "the singular vectors of a class with %d images were not found".formatted(rows.length));
    }
    Integer[] order = new Integer[size];
    Arrays.setAll(order, i -> i);
    Arrays.sort(
        order, Comparator.comparingDouble((Integer i) -> -eigen.getEigenvalue(i).getReal()));
    double largest = Math.sqrt(Math.max(0, eigen.getEigenvalue(order[0]).getReal()));
    int kept = 0;
    double[][] vectors = new double[Math.min(dimension, size)][];
    while (kept < vectors.length) {
      double value = Math.sqrt(Math.max(0, eigen.getEigenvalue(order[kept]).getReal()));
      if (value <= RANK_TOLERANCE * largest) {
        break;
      }
      DMatrixRMaj vector = eigen.getEigenVector(order[kept]);
      if (fewRows) {
        DMatrixRMaj right = new DMatrixRMaj(x.numCols, 1);
        CommonOps_DDRM.multTransA(1 / value, x, vector, right);
        vector = right;
      }
      vectors[kept++] = vector.data.clone();
    }
    return Arrays.copyOf(vectors, kept);
  }
}
