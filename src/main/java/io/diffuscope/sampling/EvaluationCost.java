package io.diffuscope.sampling;

/**
 * Seconds that one checkpoint takes.
 *
 * @param holding linking or copying it, so that the training job may remove it meanwhile
 * @param loading reading its weights
 * @param sampling all blocks of samples
 * @param losses all blocks of the denoising loss
 * @param others all other units of work, where they were timed by themselves: spikiness of the
 *     sets, class probes, icr, and what is measured on samples beside neighbours and distances
 * @param folding making estimates of all that, which no device does
 * @param foldingLosses making estimates of the denoising losses alone
 */
public record EvaluationCost(
    double holding,
    double loading,
    double sampling,
    double losses,
    double others,
    double folding,
    double foldingLosses) {
  /** What the device does, before the rest is known. */
  public static EvaluationCost ofDevice(double loading, double sampling, double losses) {
    return new EvaluationCost(0, loading, sampling, losses, 0, 0, 0);
  }

  /** The same with estimates. */
  public EvaluationCost withFolding(double ofAll, double ofLosses) {
    return new EvaluationCost(holding, loading, sampling, losses, others, ofAll, ofLosses);
  }

  /** The same with other units of work. */
  public EvaluationCost withOthers(double seconds) {
    return new EvaluationCost(holding, loading, sampling, losses, seconds, folding, foldingLosses);
  }

  /** The same from a private hold. */
  public EvaluationCost withHolding(double seconds) {
    return new EvaluationCost(seconds, loading, sampling, losses, others, folding, foldingLosses);
  }

  /** Of a checkpoint that is sampled. */
  public double sampled() {
    return holding + loading + sampling + losses + others + folding;
  }

  /** Of a checkpoint of which only the denoising losses are measured. */
  public double lossesOnly() {
    return holding + loading + losses + foldingLosses;
  }
}
