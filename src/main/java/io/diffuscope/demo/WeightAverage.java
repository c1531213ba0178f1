package io.diffuscope.demo;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.diffuscope.tensorfile.FloatArray;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * An exponential moving average of weights: after update t = 0, 1, 2, ... the average is {@code d_t
 * * average + (1 - d_t) * weights} with {@code d_t = min(decay, (1 + t) / (10 + t))}, the usual
 * warm-up that forgets the initial weights quickly. It starts at the weights themselves.
 */
final class WeightAverage {
  private final Map<String, NDArray> weights;
  private final Map<String, NDArray> averages = new LinkedHashMap<>();
  private final double decay;
  private long updates;

  /**
   * @param weights by name, outside any gradient graph; read at each update
   * @param manager keeps the averages
   */
  WeightAverage(Map<String, NDArray> weights, double decay, NDManager manager) {
    this.weights = weights;
    this.decay = decay;
    weights.forEach(
        (name, weight) -> {
          NDArray copy = weight.duplicate();
          copy.attach(manager);
          averages.put(name, copy);
        });
  }

  void update() {
    double kept = Math.min(decay, (1.0 + updates) / (10.0 + updates));
    weights.forEach(
        (name, weight) -> {
          NDArray average = averages.getOrDefault(name, weight);
          try (NDArray added = weight.mul(1 - kept)) {
            average.muli(kept);
            average.addi(added);
          }
        });
    updates++;
  }

  /** A copy of the averages on the host, in the order of the weights. */
  Map<String, FloatArray> snapshot() {
    Map<String, FloatArray> arrays = new LinkedHashMap<>();
    averages.forEach((name, average) -> arrays.put(name, HostCopy.of(average)));
    return arrays;
  }
}
