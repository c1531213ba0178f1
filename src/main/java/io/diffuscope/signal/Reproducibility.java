package io.diffuscope.signal;

import io.diffuscope.sampling.Observation;
import io.diffuscope.sampling.Observation.ComparisonObservation;
import io.diffuscope.sampling.Observation.SimilarityObservation;
import io.diffuscope.sampling.Reference;
import org.jspecify.annotations.Nullable;

/**
 * RP, the share of noises from which the model and a reference make the same image: those whose two
 * endpoints have a similarity above a threshold (arXiv 2310.05264, with SSCD and 0.6).
 */
public final class Reproducibility extends SimilarityShare {
  private final double threshold;
  private final long samples;

  /** A fold of the pairs with this reference, at this threshold of the cosine similarity. */
  public Reproducibility(Reference reference, double threshold) {
    this(reference, threshold, 1);
  }

  /**
   * The same where kept samples may have lost a block: what is left would be another share.
   *
   * @param samples that there are
   */
  public Reproducibility(Reference reference, double threshold, long samples) {
    super(SignalNames.RP, reference);
    this.threshold = threshold;
    this.samples = samples;
  }

  @Override
  long least() {
    return samples;
  }

  @Override
  boolean @Nullable [] counted(Observation block) {
    double[] pairs =
        switch (block) {
          case SimilarityObservation seen -> seen.pairs().get(reference());
          case ComparisonObservation seen -> seen.similarities().get(reference());
          default -> null;
        };
    return pairs == null ? null : where(pairs, similarity -> similarity > threshold);
  }
}
