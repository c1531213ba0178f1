package io.diffuscope.sampling;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.diffuscope.model.Denoiser;
import io.diffuscope.sampling.FlowSettings.Solver;

/**
 * The probability-flow ODE from noise to data, {@code dx/dsigma = (x - D(x; sigma)) / sigma}, for
 * one block of noises: a deterministic map Phi from x_T = sigmaMax * noise to x_0.
 *
 * <p>Heun's rule as in EDM (Karras et al. 2022, algorithm 1 without stochasticity): 2 n - 1
 * denoiser calls for n steps. The state is float64 and the endpoint float32, so that any two flows
 * through the same denoiser have the same endpoints to the last digit, and flows of differently
 * sized blocks agree up to the float32 rounding inside the denoiser.
 *
 * <p>One call of {@link #advance()} is one solver step, so that the owner of the thread can look at
 * its other business in between.
 */
public final class ProbabilityFlow implements AutoCloseable {
  private final NDManager manager;
  private final Denoiser denoiser;
  private final Solver solver;
  private final double[] levels;
  private NDArray state;
  private int step;

  private ProbabilityFlow(
      NDManager manager, Denoiser denoiser, FlowSettings settings, NDArray noise) {
    this.manager = manager;
    this.denoiser = denoiser;
    this.solver = settings.solver();
    this.levels = settings.grid().levels();
    this.state = noise.mul(levels[0]);
    this.state.attach(manager);
  }

  /**
   * Sets a block of noises at the start of its flow.
   *
   * @param noise standard normal, {@code [rows * d]}
   */
  public static ProbabilityFlow start(
      NDManager parent, Denoiser denoiser, FlowSettings settings, double[] noise, int rows) {
    try (NDManager scratch = parent.newSubManager()) {
      NDArray standard = scratch.create(noise, new Shape(rows, denoiser.dimension()));
      return start(parent, denoiser, settings, standard);
    }
  }

  /**
   * Sets a block of noises at the start of its flow.
   *
   * @param noise standard normal, float64 {@code [rows, d]}, left alone
   */
  static ProbabilityFlow start(
      NDManager parent, Denoiser denoiser, FlowSettings settings, NDArray noise) {
    return new ProbabilityFlow(parent.newSubManager(), denoiser, settings, noise);
  }

  /** Takes one step; false once the flow has arrived. */
  public boolean advance() {
    if (isFinished()) {
      return false;
    }
    try (NDManager scratch = manager.newSubManager()) {
      state.attach(scratch);
      NDArray next = step(state, levels[step], levels[step + 1]);
      next.attach(manager);
      state = next;
    }
    step++;
    return !isFinished();
  }

  private NDArray step(NDArray x, double sigma, double next) {
    NDArray slope = slope(x, sigma);
    NDArray euler = slope.mul(next - sigma).addi(x);
    if (solver == Solver.EULER || next == 0) {
      return euler;
    }
    NDArray mean = slope.addi(slope(euler, next)).muli((next - sigma) / 2);
    return mean.addi(x);
  }

  private NDArray slope(NDArray x, double sigma) {
    return denoiser.denoise(x, sigma).subi(x).muli(-1 / sigma);
  }

  public boolean isFinished() {
    return step == levels.length - 1;
  }

  /** Steps taken. */
  public int step() {
    return step;
  }

  /**
   * The endpoints, float32 {@code [rows, d]}, attached to {@code owner}.
   *
   * @throws IllegalStateException before the flow has arrived
   */
  public NDArray endpoints(NDManager owner) {
    if (!isFinished()) {
      throw new IllegalStateException(
          "the flow is at step %d of %d".formatted(step, levels.length));
    }
    NDArray endpoints = state.toType(DataType.FLOAT32, true);
    endpoints.attach(owner);
    return endpoints;
  }

  @Override
  public void close() {
    manager.close();
  }
}
