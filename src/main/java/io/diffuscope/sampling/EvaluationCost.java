package io.diffuscope.sampling;

/**
 * Seconds that one checkpoint takes.
 *
 * @param holding linking or copying it, so that the training job may remove it meanwhile
 * @param loading reading its weights
 * @param sampling all blocks of samples
 * @param losses all blocks of the denoising loss
 * @param folding making estimates of all that, which no device does
 * @param foldingLosses making estimates of the denoising losses alone
 */
public record EvaluationCost(
    double holding,
    double loading,
    double sampling,
    double losses,
    double folding,
    double foldingLosses) {
  /** What the device does, before the rest is known. */
  public static EvaluationCost ofDevice(double loading, double sampling, double losses) {
    return new EvaluationCost(0, loading, sampling, losses, 0, 0);
  }

  /** The same with estimates. */
  public EvaluationCost withFolding(double ofAll, double ofLosses) {
    return new EvaluationCost(holding, loading, sampling, losses, ofAll, ofLosses);
  }

  /** The same from a private hold. */
  public EvaluationCost withHolding(double seconds) {
    return new EvaluationCost(seconds, loading, sampling, losses, folding, foldingLosses);
  }

  /** Of a checkpoint that is sampled. */
  public double sampled() {
    return holding + loading + sampling + losses + folding;
  }

  /** Of a checkpoint of which only the denoising losses are measured. */
  public double lossesOnly() {
    return holding + loading + losses + foldingLosses;
  }
}
