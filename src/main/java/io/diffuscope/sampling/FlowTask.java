package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.model.Denoiser;
import io.diffuscope.tensorfile.BadInputException;
import java.util.Arrays;

/**
 * One block through a probability flow, and what is made of its endpoints.
 *
 * @param <T> what is made of them
 */
abstract class FlowTask<T> implements Task<T> {
  private final ProbabilityFlow flow;
  private final int steps;
  private final int rows;

  /**
   * Starts the flow. The block always has the full batch size, so that the network sees one shape
   * only (each new shape costs graph optimisation anew); rows beyond the bank's end are zeros and
   * dropped. A class-conditional flow of noise i is that of noise i's class.
   *
   * @param rows how many rows of the block count
   */
  FlowTask(NDManager parent, KeptArrays kept, Denoiser denoiser, Probe probe, int block, int rows)
      throws BadInputException {
    int batch = probe.spec().batchSize();
    int d = probe.dimension();
    NoiseBank bank = probe.noise();
    try (NDManager scratch = parent.newSubManager()) {
      NDArray noise =
          kept.get(
              bank,
              "start",
              block,
              new Shape(batch, d),
              scratch,
              () -> Arrays.copyOf(bank.read((long) block * batch, rows), batch * d));
      ClassLabels classes = probe.classLabels();
      Denoiser conditioned =
          classes == null
              ? denoiser
              : denoiser.given(classes.ofBlock((long) block * batch, rows, batch));
      this.flow = ProbabilityFlow.start(parent, conditioned, probe.flow(), noise);
    }
    this.steps = probe.flow().grid().steps();
    this.rows = rows;
  }

  /** The endpoints that count, float32 {@code [rows, d]}. */
  final NDArray endpoints(NDManager owner) {
    NDArray all = flow.endpoints(owner);
    return rows == all.getShape().get(0) ? all : all.get("0:" + rows);
  }

  @Override
  public boolean advance() throws BadInputException {
    return flow.advance();
  }

  @Override
  public double progress() {
    return (double) flow.step() / steps;
  }

  final boolean hasArrived() {
    return flow.isFinished();
  }

  @Override
  public void close() {
    flow.close();
  }
}
