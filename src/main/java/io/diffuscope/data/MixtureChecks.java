package io.diffuscope.data;

import java.util.Arrays;

/** What must hold of the parameters of a mixture. */
final class MixtureChecks {
  private static final double WEIGHT_TOLERANCE = 1e-6;

  /** Bases are often stored as float32. */
  private static final double ORTHONORMAL_TOLERANCE = 1e-5;

  private MixtureChecks() {}

  /**
   * Checks everything.
   *
   * @throws IllegalArgumentException naming the array and what is wrong with it
   */
  static void check(MixtureParameters mixture) {
    int components = mixture.components();
    int dimension = mixture.dimension();
    int rank = mixture.rank();
    if (components < 1 || dimension < 1 || rank < 0 || rank > dimension) {
      throw new IllegalArgumentException(
          "bases must have the shape [K, d, r] with 0 <= r <= d, not [%d, %d, %d]"
              .formatted(components, dimension, rank));
    }
    checkWeights(mixture.weights(), components);
    checkValues("means", mixture.means(), components, dimension);
    checkBases(mixture.bases(), components, dimension, rank);
    double[] variances = mixture.variances();
    checkValues("variances", variances, components, rank);
    checkNonNegative("variances", variances, rank);
    checkResidual(mixture.residualVariance(), components);
  }

  private static void checkWeights(double[] weights, int components) {
    checkValues("weights", weights, components, 1);
    checkNonNegative("weights", weights, 1);
    double sum = Arrays.stream(weights).sum();
    if (Math.abs(sum - 1) > WEIGHT_TOLERANCE) {
      throw new IllegalArgumentException("weights has the sum " + sum + " instead of 1");
    }
  }

  /** 0 is allowed: a component that lies in its subspace, as in Lemma 1 of the MoLRG papers. */
  private static void checkResidual(double[] residual, int components) {
    checkValues("residual_variance", residual, components, 1);
    checkNonNegative("residual_variance", residual, 1);
  }

  private static void checkBases(double[] bases, int components, int dimension, int rank) {
    checkValues("bases", bases, components, Math.multiplyExact(dimension, rank));
    for (int k = 0; k < components; k++) {
      double[] gram = gram(bases, k * dimension * rank, dimension, rank);
      for (int i = 0; i < rank; i++) {
        for (int j = 0; j <= i; j++) {
          double product = gram[i * rank + j];
          if (Math.abs(product - (i == j ? 1 : 0)) > ORTHONORMAL_TOLERANCE) {
            throw new IllegalArgumentException(
                "bases of component %d is not orthonormal (columns %d and %d have the product %s)"
                    .formatted(k, i, j, product));
          }
        }
      }
    }
  }

  /** The lower triangle of {@code U^T U}, summed by rows of U, as they lie in memory. */
  private static double[] gram(double[] bases, int start, int dimension, int rank) {
    double[] gram = new double[Math.multiplyExact(rank, rank)];
    for (int row = 0; row < dimension; row++) {
      int at = start + row * rank;
      for (int i = 0; i < rank; i++) {
        for (int j = 0; j <= i; j++) {
          gram[i * rank + j] += bases[at + i] * bases[at + j];
        }
      }
    }
    return gram;
  }

  private static void checkValues(String name, double[] values, int components, int each) {
    if (values.length != (long) components * each) {
      throw new IllegalArgumentException(
          name + " has " + values.length + " values instead of " + (long) components * each);
    }
    for (int i = 0; i < values.length; i++) {
      if (!Double.isFinite(values[i])) {
        throw new IllegalArgumentException(
            name + " of component " + i / each + " holds " + values[i]);
      }
    }
  }

  private static void checkNonNegative(String name, double[] values, int each) {
    for (int i = 0; i < values.length; i++) {
      if (values[i] < 0) {
        throw new IllegalArgumentException(
            name + " of component " + i / each + " holds the negative value " + values[i]);
      }
    }
  }
}
