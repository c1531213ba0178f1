package io.diffuscope.sampling;

/**
 * How much work the evaluation of one checkpoint is, counted without a device.
 *
 * @param samples number of samples M
 * @param sampleBlocks blocks of them; each goes through the network at full size
 * @param callsOfFlow calls of the denoiser in one flow
 * @param startsAnew blocks of samples whose noises find no room on the device and are made anew
 * @param featuresOfReferences features of reference endpoints that are made anew for each sample; 0
 *     where they all stay on the device, or are the points themselves
 * @param sigmas noise levels of the denoising loss
 * @param lossBlocks blocks of it at one noise level; 0 without a hold-out set to compare with
 * @param lossesAnew how many of those find no room for their images and noises
 */
public record Workload(
    int samples,
    int sampleBlocks,
    int callsOfFlow,
    int startsAnew,
    double featuresOfReferences,
    int sigmas,
    int lossBlocks,
    int lossesAnew) {
  /**
   * The work under a probe.
   *
   * @param comparedHoldout hold-out points that take part in the denoising loss; below 2 there is
   *     none
   * @param featureDimension elements of a feature vector; 0 where points are compared as they are
   */
  public static Workload of(Probe probe, int comparedHoldout, int featureDimension) {
    ProbeSpec spec = probe.spec();
    int batch = spec.batchSize();
    long room = KeptArrays.room((long) batch * probe.dimension());
    // The noises of representations come with those of the flow.
    int each = probe.spikiness().images() > 0 ? 2 : 1;
    int starts = (int) Math.min(room / each, probe.sampleBlocks());
    int lossRows =
        comparedHoldout < 2 || probe.denoising().sigmas().isEmpty()
            ? 0
            : DenoisingPlan.rows(probe.train().size(), comparedHoldout, probe.denoising());
    int lossBlocks = (lossRows + batch - 1) / batch;
    // Images and noises are two arrays of each block.
    int lossesKept = (int) Math.min((room - (long) each * starts) / 2, lossBlocks);
    int references = probe.references().size();
    double features = 0;
    if (featureDimension > 0) {
      double bytes = (double) probe.samples() * references * featureDimension * Float.BYTES;
      features = references * Math.max(0, 1 - spec.residentBytes() / Math.max(1, bytes));
    }
    return new Workload(
        probe.samples(),
        probe.sampleBlocks(),
        probe.flow().calls(),
        probe.sampleBlocks() - starts,
        features,
        probe.denoising().sigmas().size(),
        lossBlocks,
        lossBlocks - lossesKept);
  }

  /** What the device takes for it where its pieces take this. */
  public EvaluationCost cost(BlockTimes times) {
    double sampling =
        (double) sampleBlocks * callsOfFlow * times.call()
            + startsAnew * times.noise()
            + samples * ((1 + featuresOfReferences) * times.feature() + times.comparison());
    double losses =
        sigmas * ((lossBlocks - lossesAnew) * times.loss() + lossesAnew * times.lossAnew());
    return EvaluationCost.ofDevice(times.loading(), sampling, losses);
  }
}
