package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.model.NetworkDenoiser;
import io.diffuscope.sampling.GaussianNoise.Purpose;
import io.diffuscope.sampling.Observation.SpikinessObservation;
import io.diffuscope.tensorfile.BadInputException;
import java.util.Arrays;
import java.util.Map;

/**
 * Spikiness of the representations of one block of inputs, {@code h(x + sigma eps; sigma)}, one
 * noise an input and no class, as in Algorithm 1 of arXiv 2512.20963.
 *
 * <p>The i-th sample, the i-th training image and the i-th hold-out image get the same noise at
 * every checkpoint.
 */
final class SpikinessTask implements Task<SpikinessObservation> {
  /** The inputs of a block, before noise is added. */
  @FunctionalInterface
  interface Inputs {
    /**
     * Float64 {@code [batch, d]}, of which the first {@code rows} count.
     *
     * @param scratch may own it
     */
    NDArray clean(NDManager scratch) throws BadInputException;
  }

  /** Which noise an input of the block gets. */
  @FunctionalInterface
  interface NoiseIndex {
    long of(int row);
  }

  private final NDManager manager;
  private final NetworkDenoiser network;
  private final Probe probe;
  private final Inputs inputs;
  private final NoiseIndex noiseIndex;
  private final SpikinessObservation frame;
  private final int rows;
  private Map<SpikinessMeasure, double[]> measures = Map.of();

  /**
   * A block.
   *
   * @param frame the observation but for its measures
   * @param rows inputs that count
   */
  SpikinessTask(
      NDManager parent,
      NetworkDenoiser network,
      Probe probe,
      SpikinessObservation frame,
      int rows,
      Inputs inputs,
      NoiseIndex noiseIndex) {
    this.manager = parent.newSubManager();
    this.network = network;
    this.probe = probe;
    this.frame = frame;
    this.rows = rows;
    this.inputs = inputs;
    this.noiseIndex = noiseIndex;
  }

  @Override
  public boolean advance() throws BadInputException {
    if (!measures.isEmpty()) {
      return false;
    }
    int batch = probe.spec().batchSize();
    SpikinessSettings settings = probe.spikiness();
    try (NDManager scratch = manager.newSubManager()) {
      NDArray noisy = scratch.create(noises(), new Shape(batch, probe.dimension()));
      noisy.muli(settings.sigma()).addi(inputs.clean(scratch));
      NDArray representations =
          network.represent(noisy, settings.sigma(), null, settings.pooling());
      representations.attach(scratch);
      Map<SpikinessMeasure, double[]> all = SpikinessMeasure.of(representations);
      all.replaceAll((measure, values) -> Arrays.copyOf(values, rows));
      measures = all;
    }
    return false;
  }

  private double[] noises() {
    int d = probe.dimension();
    double[] values = new double[probe.spec().batchSize() * d];
    GaussianNoise noise = new GaussianNoise(probe.spec().seed(), Purpose.REPRESENTATION);
    for (int i = 0; i < rows; i++) {
      noise.fill(noiseIndex.of(i), values, i * d, d);
    }
    return values;
  }

  @Override
  public double progress() {
    return !measures.isEmpty() ? 1 : 0;
  }

  @Override
  public SpikinessObservation result() {
    return new SpikinessObservation(frame.block(), frame.generated(), frame.first(), measures);
  }

  @Override
  public void close() {
    manager.close();
  }
}
