package io.diffuscope.sampling;

/**
 * Seconds that one checkpoint takes.
 *
 * @param loading reading its weights
 * @param sampling all blocks of samples
 * @param losses all blocks of the denoising loss
 */
public record EvaluationCost(double loading, double sampling, double losses) {
  /** Of a checkpoint that is sampled. */
  public double sampled() {
    return loading + sampling + losses;
  }

  /** Of a checkpoint of which only the denoising losses are measured. */
  public double lossesOnly() {
    return loading + losses;
  }
}
