package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.diffuscope.model.NetworkDenoiser;
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
  /** Float64 {@code [batch, d]}, of which the rows that count come first. */
  @FunctionalInterface
  interface Rows {
    /**
     * The rows.
     *
     * @param scratch may own them
     */
    NDArray of(NDManager scratch) throws BadInputException;
  }

  private final NDManager manager;
  private final NetworkDenoiser network;
  private final Probe probe;
  private final Rows inputs;
  private final Rows noises;
  private final SpikinessObservation frame;
  private final int rows;
  private Map<SpikinessMeasure, double[]> measures = Map.of();

  /**
   * A block.
   *
   * @param frame the observation but for its measures
   * @param rows inputs that count
   * @param inputs before noise is added
   * @param noises standard normal; not to be changed
   */
  SpikinessTask(
      NDManager parent,
      NetworkDenoiser network,
      Probe probe,
      SpikinessObservation frame,
      int rows,
      Rows inputs,
      Rows noises) {
    this.manager = parent.newSubManager();
    this.network = network;
    this.probe = probe;
    this.frame = frame;
    this.rows = rows;
    this.inputs = inputs;
    this.noises = noises;
  }

  @Override
  public boolean advance() throws BadInputException {
    if (!measures.isEmpty()) {
      return false;
    }
    SpikinessSettings settings = probe.spikiness();
    try (NDManager scratch = manager.newSubManager()) {
      NDArray noisy = noises.of(scratch).mul(settings.sigma());
      noisy.attach(scratch);
      noisy.addi(inputs.of(scratch));
      NDArray representations =
          network.represent(noisy, settings.sigma(), null, settings.pooling());
      representations.attach(scratch);
      Map<SpikinessMeasure, double[]> all = SpikinessMeasure.of(representations);
      all.replaceAll((measure, values) -> Arrays.copyOf(values, rows));
      measures = all;
    }
    return false;
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
