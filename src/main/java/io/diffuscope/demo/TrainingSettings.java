package io.diffuscope.demo;

/**
 * How a network is trained: Adam on the loss of Karras et al. (2022), with an exponential moving
 * average of the weights.
 *
 * @param seed of the noise, the noise levels and the choice of training points
 * @param batch training points per step
 * @param learningRate of Adam (beta 0.9 and 0.999, epsilon 1e-8), constant
 * @param averageDecay upper limit of the decay of the moving average, see {@link WeightAverage}
 */
public record TrainingSettings(long seed, int batch, double learningRate, double averageDecay) {
  public TrainingSettings {
    if (batch < 1) {
      throw new IllegalArgumentException("the batch has at least one point");
    }
    if (!(learningRate > 0)) {
      throw new IllegalArgumentException("the learning rate is positive");
    }
    if (!(averageDecay >= 0 && averageDecay < 1)) {
      throw new IllegalArgumentException("the decay of the moving average is in [0, 1)");
    }
  }

  /** Batch 128, learning rate 1e-3, decay 0.999. */
  public static TrainingSettings withSeed(long seed) {
    return new TrainingSettings(seed, 128, 1e-3, 0.999);
  }
}
