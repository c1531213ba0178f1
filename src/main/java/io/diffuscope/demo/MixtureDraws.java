package io.diffuscope.demo;

import io.diffuscope.data.MixtureParameters;
import java.util.random.RandomGenerator;

/**
 * Draws from a mixture of low-rank Gaussians: component k with its weight, then {@code mean + B
 * (sqrt(variances) z) + sqrt(residual) (e - B B^T e)} with standard normal z and e.
 */
final class MixtureDraws {
  private final int dimension;
  private final int rank;
  private final double[] weights;
  private final double[] means;
  private final double[] bases;
  private final double[] variances;
  private final double[] residualVariance;

  MixtureDraws(MixtureParameters mixture) {
    this.dimension = mixture.dimension();
    this.rank = mixture.rank();
    this.weights = mixture.weights();
    this.means = mixture.means();
    this.bases = mixture.bases();
    this.variances = mixture.variances();
    this.residualVariance = mixture.residualVariance();
  }

  /** {@code count} points of the mixture's dimension, one after the other. */
  float[] draw(int count, RandomGenerator random) {
    float[] points = new float[Math.multiplyExact(count, dimension)];
    for (int i = 0; i < count; i++) {
      double[] point = point(component(random.nextDouble()), random);
      for (int j = 0; j < dimension; j++) {
        points[i * dimension + j] = (float) point[j];
      }
    }
    return points;
  }

  private int component(double uniform) {
    double sum = 0;
    for (int k = 0; k < weights.length - 1; k++) {
      sum += weights[k];
      if (uniform < sum) {
        return k;
      }
    }
    return weights.length - 1;
  }

  private double[] point(int component, RandomGenerator random) {
    double[] point = new double[dimension];
    double residual = Math.sqrt(residualVariance[component]);
    for (int j = 0; j < dimension; j++) {
      point[j] = residual * random.nextGaussian();
    }
    for (int r = 0; r < rank; r++) {
      // The residual's part along the basis vector gives way to a draw of the full variance.
      double along = Math.sqrt(variances[component * rank + r]) * random.nextGaussian();
      double inResidual = 0;
      for (int j = 0; j < dimension; j++) {
        inResidual += point[j] * basis(component, j, r);
      }
      for (int j = 0; j < dimension; j++) {
        point[j] += (along - inResidual) * basis(component, j, r);
      }
    }
    for (int j = 0; j < dimension; j++) {
      point[j] += means[component * dimension + j];
    }
    return point;
  }

  private double basis(int component, int element, int direction) {
    return bases[(component * dimension + element) * rank + direction];
  }
}
