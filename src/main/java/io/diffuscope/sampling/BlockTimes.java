package io.diffuscope.sampling;

/**
 * What the pieces of an evaluation take, in seconds, as a {@link Rehearsal} timed them.
 *
 * @param loading reading a checkpoint's weights into the network; 0 where there was none to read
 * @param call one call of the denoiser with a full block, its share of the solver's step included
 * @param noise making the noises of one block on the host
 * @param feature the features of one sample; 0 where points are compared as they are
 * @param comparison comparing one sample with the references and the sets
 * @param loss one block of the denoising loss whose images and noises are on the device
 * @param lossAnew the same with images and noises made anew
 */
public record BlockTimes(
    double loading,
    double call,
    double noise,
    double feature,
    double comparison,
    double loss,
    double lossAnew) {}
