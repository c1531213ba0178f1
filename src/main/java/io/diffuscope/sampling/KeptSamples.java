package io.diffuscope.sampling;

/**
 * Where samples are kept.
 *
 * @param directory of the {@link SampleStore}
 */
public record KeptSamples(String directory, SampleAddress address) {}
