package io.diffuscope.sampling;

/** What can be measured on the samples of a block, beside neighbours and distances. */
public enum SampleMeasurement {
  /** Spikiness of their representations. */
  SPIKINESS,
  /** Similarities under the descriptor. */
  SIMILARITIES,
  /** Among the similarities, whether a sample is authentic. */
  AUTHENTICITY
}
