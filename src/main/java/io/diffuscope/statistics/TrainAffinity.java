package io.diffuscope.statistics;

/**
 * What {@link TrainAffinityTest} found.
 *
 * @param share A, the share of samples whose nearest point of train + hold-out is a training point
 * @param excess kappa = (A - p)/(1 - p), p = N_t/(N_t + N_h): 0 for a model independent of the
 *     split, about f where a fraction f of samples are copies
 * @param decisionLower the bound of kappa that raising rests on: the lower of the interval's end
 *     and of kappa - z sd under relabelling, which guards against a few points that attract many
 *     samples
 * @param decisionUpper its counterpart for clearing
 * @param z (A - p) in standard deviations under relabelling; 0 where relabelling changes nothing
 * @param relabellingDeviation standard deviation of A under relabelling
 * @param pValue one-sided p-value of "the labels train and hold-out are exchangeable"
 * @param effectiveNeighbours 1 / sum h_j^2: how many points the samples fall to, in effect; below
 *     20 there are too few distinct neighbours
 * @param samples M
 * @param recommendedSamples M below this leaves kappa a standard error above about .05
 */
public record TrainAffinity(
    Estimate share,
    Estimate excess,
    double decisionLower,
    double decisionUpper,
    double z,
    double relabellingDeviation,
    double pValue,
    double effectiveNeighbours,
    long samples,
    long recommendedSamples) {}
