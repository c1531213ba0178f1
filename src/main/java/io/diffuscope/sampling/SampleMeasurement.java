package io.diffuscope.sampling;

/** What can be measured on the samples of a block, beside neighbours and distances. */
public enum SampleMeasurement {
  /** Spikiness of their representations. */
  SPIKINESS,
  /** Similarities under the descriptor. */
  SIMILARITIES,
  /** Among the similarities, whether a sample is authentic. */
  AUTHENTICITY,
  /** How they lie among hold-out points, in the descriptor's space where there is one. */
  FIDELITY
}
